package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue/history"
)

// ErrQuery means that a query cannot be answered as it is; the error says why.
var ErrQuery = errors.New("bad query")

// Query selects events or deliveries, newest first. Empty fields select all.
type Query struct {
	Source, Type, Route, Destination, SenderID string

	State        string    // pending, delivered, dead, canceled, or for events unmatched
	Since, Until time.Time // events received, deliveries made, from Since on and before Until
	Group        string    // of deliveries: the dead ones of a DeadGroup
	Limit        int       // 0 means 50; at most 1,000
	Cursor       string    // Next of the page before
	// Filter decides on what the fields above let pass; a page may then be short and still have a Next. For
	// deliveries it sees their event, without counts.
	Filter func(*EventRow) (bool, error)
}

// Page is one part of a list.
type Page[T any] struct {
	Items      []T
	Next       string // cursor of the next page, "" at the end
	Rebuilding bool   // the history is being rebuilt: things may be missing
}

// EventRow is an event in a list.
type EventRow struct {
	ID         event.EventID
	Pos        Pos
	Source     string
	Type       string
	SenderID   string
	ReceivedAt time.Time
	Parent     event.EventID // see event.Event
	Size       int           // bytes of the body
	Duplicates int
	Matched    int // deliveries
	Pending    int
	Delivered  int
	Dead       int
	Canceled   int
	Marks      bool // something went wrong when it was accepted
}

// DeliveryRow is a delivery in a list.
type DeliveryRow struct {
	event.Delivery
	Source     string // of the event
	Type       string // of the event
	LastStatus int    // HTTP status of the last attempt, 0 when there was none
	LastError  string
	Group      string // the DeadGroup that it belongs to, "" when it is not dead
}

const (
	defaultLimit = 50
	maxLimit     = 1000
	// readsPerPage bounds the records that one page reads while Filter refuses them.
	readsPerPage = 2 * maxLimit
)

// Events lists events; it reflects every commit that returned before it. ErrQuery, an error of Filter, or one of the
// log.
func (q *Queue) Events(ctx context.Context, query Query) (Page[EventRow], error) {
	return listed(ctx, q, &query, q.past.h.Events, q.listEvent)
}

// Deliveries lists deliveries in the same way.
func (q *Queue) Deliveries(ctx context.Context, query Query) (Page[DeliveryRow], error) {
	if query.Group != "" && !q.narrow(&query) {
		return Page[DeliveryRow]{Rebuilding: q.past.rebuilding()}, nil
	}
	return listed(ctx, q, &query, q.past.h.Deliveries, q.listDelivery)
}

// listed takes rows from the history until the page is full or has cost enough, and makes items of them by their
// records.
func listed[R, T any](
	ctx context.Context, q *Queue, query *Query,
	rows func(history.Filter, string, int) (history.Page[R], error),
	tell func(context.Context, *Query, *R) (*T, error),
) (Page[T], error) {
	page := Page[T]{Rebuilding: q.past.rebuilding(), Next: query.Cursor}
	f, limit, err := query.rows()
	if err != nil {
		return page, err
	}
	for reads := 0; ; {
		want := limit - len(page.Items)
		got, err := rows(f, page.Next, want)
		switch {
		case errors.Is(err, history.ErrCursor):
			return page, fmt.Errorf("%w: %w", ErrQuery, err)
		case err != nil: // keepHistory sees to it
			page.Rebuilding, page.Next = true, ""
			return page, nil //nolint:nilerr // a page that says that it is not all is the answer
		}
		for i := range got.Items {
			item, err := tell(ctx, query, &got.Items[i])
			if err != nil {
				return page, err
			}
			if item != nil {
				page.Items = append(page.Items, *item)
			}
		}
		page.Next = got.Next
		reads += len(got.Items)
		if page.Next == "" || len(page.Items) == limit || len(got.Items) < want || reads >= readsPerPage {
			return page, nil
		}
	}
}

// rows is what the history can decide.
func (query *Query) rows() (f history.Filter, limit int, err error) {
	f = history.Filter{
		Source: query.Source, Type: query.Type, Sender: query.SenderID,
		Route: query.Route, Destination: query.Destination, Since: query.Since, Until: query.Until,
	}
	switch query.State {
	case "":
	case "unmatched":
		f.Unmatched = true
	default:
		if f.State, err = event.ParseState(query.State); err != nil {
			return f, 0, fmt.Errorf("%w: %w", ErrQuery, err)
		}
	}
	limit = query.Limit
	if limit <= 0 {
		limit = defaultLimit
	}
	return f, min(limit, maxLimit), nil
}

// listEvent reads the record of a row; nil when it is gone or decides otherwise than the row.
func (q *Queue) listEvent(ctx context.Context, query *Query, r *history.EventItem) (*EventRow, error) {
	first, err := q.listedEvent(ctx, Pos(r.Pos), r.ID)
	if first == nil || err != nil {
		return nil, err
	}
	row := eventRow(first)
	row.Duplicates = int(r.Duplicates)
	row.Pending, row.Delivered, row.Dead, row.Canceled = r.Pending, r.Delivered, r.Dead, r.Canceled
	row.Matched = r.Pending + r.Delivered + r.Dead + r.Canceled
	if ok, err := query.passes(&row, row.ReceivedAt); !ok || err != nil {
		return nil, err
	}
	return &row, nil
}

// listedEvent is nil when the record is gone, or not that of the event.
func (q *Queue) listedEvent(ctx context.Context, pos Pos, id event.EventID) (*found, error) {
	first, err := q.eventAt(ctx, pos, true)
	if errors.Is(err, ErrTrimmed) || errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", id, err)
	}
	if first.rec.event.ID != id {
		return nil, nil
	}
	return first, nil
}

func eventRow(first *found) EventRow {
	e := &first.rec.event
	return EventRow{
		ID: e.ID, Pos: first.pos, Source: e.Source, Type: e.Type, SenderID: e.SenderID, ReceivedAt: e.ReceivedAt, Parent: e.Parent,
		Size: first.rec.body.Length, Marks: len(e.Marks) > 0,
	}
}

// passes compares the texts and times that rows only have hashes and parts of.
func (query *Query) passes(row *EventRow, at time.Time) (bool, error) {
	same := (query.Source == "" || query.Source == row.Source) && (query.Type == "" || query.Type == row.Type) &&
		(query.SenderID == "" || query.SenderID == row.SenderID) &&
		!at.Before(query.Since) && (query.Until.IsZero() || at.Before(query.Until))
	if !same || query.Filter == nil {
		return same, nil
	}
	return query.Filter(row)
}

// listDelivery takes a delivery from memory or from its records; nil as listEvent.
func (q *Queue) listDelivery(ctx context.Context, query *Query, r *history.Delivery) (*DeliveryRow, error) {
	at, ok := q.inMemory(r.ID)
	if !ok {
		var err error
		if at, err = q.remembered(ctx, r); at == nil || err != nil {
			return nil, err
		}
	}
	if query.Route != "" && query.Route != at.Route || query.Destination != "" && query.Destination != at.Destination ||
		query.State != "" && query.State != at.State.String() {
		return nil, nil
	}
	group := at.group()
	if query.Group != "" && query.Group != group {
		return nil, nil
	}
	first, err := q.listedEvent(ctx, at.eventPos, at.Event)
	if first == nil || err != nil {
		return nil, err
	}
	ev := eventRow(first)
	if ok, err := query.passes(&ev, at.Created); !ok || err != nil {
		return nil, err
	}
	row := &DeliveryRow{Delivery: at.Delivery, Source: ev.Source, Type: ev.Type, Group: group}
	last, err := q.lastAttempt(ctx, at)
	row.LastStatus, row.LastError = last.attempt.Status, last.attempt.Error
	return row, err
}

// lastAttempt tells how the last attempt ended. A few records back there is one, if there is any.
func (q *Queue) lastAttempt(ctx context.Context, at *whereabouts) (last told, err error) {
	last.class = at.class
	pos, d := at.Prev, &DeliveryDetail{Delivery: at.Delivery}
	for range 4 {
		if pos == 0 || len(d.Attempts) > 0 {
			break
		}
		rec, err := q.recordAt(ctx, pos)
		if rec == nil || err != nil {
			return last, err
		}
		pos = rec.story(d, false)
	}
	if last.detail = d.Detail; len(d.Attempts) > 0 {
		last.has, last.attempt = true, d.Attempts[0]
	}
	return last, nil
}
