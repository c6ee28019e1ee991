package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hookrouter/hookrouter/event"
)

// EventDetail is all that is known of an event.
type EventDetail struct {
	Event      *event.Event // without its body
	Pos        Pos
	Size       int // bytes of the body
	Duplicates int
	Deliveries []DeliveryDetail
}

// DeliveryDetail is all that is known of a delivery.
type DeliveryDetail struct {
	Delivery event.Delivery
	Source   string          // of the event
	Type     string          // of the event
	Detail   string          // operator's text beside the reason
	Attempts []event.Attempt // the last 20, oldest first
	Earlier  int             // attempts before those
}

// attemptsInFull is how many attempts of a delivery are read from the log; the others are only counted.
const attemptsInFull = 20

// Event finds an event with its deliveries and their attempts; ErrNotFound or ErrTrimmed.
func (q *Queue) Event(ctx context.Context, id event.EventID) (*EventDetail, error) {
	f, err := q.family(ctx, id)
	if err != nil {
		return nil, err
	}
	ev := f.first.rec.event
	ev.Body = nil
	d := &EventDetail{Event: &ev, Pos: f.first.pos, Size: f.first.rec.body.Length, Duplicates: f.duplicates}
	for i := range f.rows {
		one, err := q.detail(ctx, &f.rows[i], &ev)
		if err != nil {
			return nil, err
		}
		d.Deliveries = append(d.Deliveries, *one)
	}
	return d, nil
}

// Delivery finds a delivery with its attempts; ErrNotFound or ErrTrimmed.
func (q *Queue) Delivery(ctx context.Context, id event.DeliveryID) (*DeliveryDetail, error) {
	at, err := q.find(ctx, id)
	if err != nil {
		return nil, err
	}
	first, err := q.eventAt(ctx, at.eventPos, false)
	if err != nil {
		return nil, fmt.Errorf("event of delivery %s: %w", id, err)
	}
	return q.detail(ctx, at, &first.rec.event)
}

// Body reads the bytes that the sender sent; ErrNotFound, ErrTrimmed or ErrDamaged.
func (q *Queue) Body(ctx context.Context, id event.EventID) ([]byte, error) {
	ev, err := q.Full(ctx, id)
	if err != nil {
		return nil, err
	}
	return ev.Body, nil
}

// Full reads a whole event, for example to match it again; ErrNotFound, ErrTrimmed or ErrDamaged.
func (q *Queue) Full(ctx context.Context, id event.EventID) (*event.Event, error) {
	past, err := q.pastEvent(ctx, id)
	if err != nil {
		return nil, err
	}
	var rec record
	if err := q.readWhole(ctx, past.pos, &rec); err != nil {
		return nil, fmt.Errorf("event %s: %w", id, err)
	}
	ev := rec.event // without the rest of the record
	return &ev, nil
}

// detail walks back from the last record about a delivery to the attempts before it.
func (q *Queue) detail(ctx context.Context, at *whereabouts, ev *event.Event) (*DeliveryDetail, error) {
	d := &DeliveryDetail{Delivery: at.Delivery, Source: ev.Source, Type: ev.Type}
	for pos := at.Prev; pos != 0 && len(d.Attempts) < attemptsInFull; {
		e, err := q.log.At(ctx, pos)
		if errors.Is(err, ErrTrimmed) || errors.Is(err, ErrNotFound) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("attempts of %s: %w", at.ID, err)
		}
		var rec record
		if err := rec.decode(e.Record, false); err != nil {
			return nil, fmt.Errorf("attempts of %s: %w", at.ID, err)
		}
		pos = rec.story(d, pos == at.Prev)
	}
	slices.Reverse(d.Attempts)
	d.Earlier = max(0, at.Tries-len(d.Attempts))
	if at.Started {
		d.Earlier = max(0, d.Earlier-1) // the one that runs
	}
	return d, nil
}

// retold is story for what a carried record tells, in place of the records before it: those are about to go.
func (t *told) retold(d *DeliveryDetail) {
	d.Attempts = append(d.Attempts, t.attempt)
	if d.Detail == "" {
		d.Detail = t.detail
	}
}

// story takes from a record what it tells of d and returns the position of the one before.
func (r *record) story(d *DeliveryDetail, last bool) Pos {
	switch r.kind {
	case kindStart:
		return r.about.prev
	case kindFinish:
		if r.tried {
			d.Attempts = append(d.Attempts, r.attempt)
		}
		if last || d.Detail == "" {
			d.Detail = r.outcome.Detail
		}
		return r.about.prev
	case kindChange, kindCarried:
		for i := range r.rows {
			if r.rows[i].ID == d.Delivery.ID && len(r.told) > 0 && r.told[i].has {
				r.told[i].retold(d)
				return 0
			}
			if r.rows[i].ID == d.Delivery.ID && (r.kind == kindCarried || !r.rows[i].Known.IsZero()) {
				return r.rows[i].Prev
			}
		}
	}
	return 0
}
