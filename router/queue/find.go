package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/hookrouter/hookrouter/event"
)

// whereabouts is a delivery with the positions that its story is read from.
type whereabouts struct {
	rowData
	eventPos Pos    // of the record that holds its event
	class    string // of the last attempt, when it is dead and in memory
}

// find looks for a delivery in memory, then in the past.
func (q *Queue) find(ctx context.Context, id event.DeliveryID) (*whereabouts, error) {
	if at, ok := q.inMemory(id); ok {
		return at, nil
	}
	return q.pastDelivery(ctx, id)
}

func (q *Queue) inMemory(id event.DeliveryID) (*whereabouts, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.state.table.find(id)
	if r == 0 {
		return nil, false
	}
	w := q.state.table.row(r)
	return &whereabouts{rowData: q.state.data(r, w, q.state.keys[r]), eventPos: w.eventPos, class: q.state.names[w.class()]}, true
}

// family is an event with all of its deliveries.
type family struct {
	first      *found
	added      Pos // of the last record that added a delivery
	duplicates int
	rows       []whereabouts
}

func (f *family) pair(d *rowData) (rowData, bool) {
	for i := range f.rows {
		if f.rows[i].Route == d.Route && f.rows[i].Destination == d.Destination {
			return f.rows[i].rowData, true
		}
	}
	return rowData{}, false
}

// family reads the event and follows its additions back.
func (q *Queue) family(ctx context.Context, id event.EventID) (*family, error) {
	past, err := q.pastEvent(ctx, id)
	if err != nil {
		return nil, err
	}
	first, err := q.eventAt(ctx, past.pos, true)
	if err != nil {
		return nil, fmt.Errorf("event %s: %w", id, err)
	}
	f := &family{first: first, added: past.added, duplicates: past.duplicates}
	made := first.rec.rows
	for pos := past.added; pos != 0; {
		var rec record
		e, err := q.log.At(ctx, pos)
		if errors.Is(err, ErrTrimmed) || err == nil && (rec.decode(e.Record, false) != nil || rec.kind != kindChange) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("event %s: %w", id, err)
		}
		for i := range rec.rows {
			if rec.rows[i].Known.IsZero() {
				made = append(made, rec.rows[i])
			}
		}
		pos = rec.prevAdded
	}
	if first.rec.kind == kindCarried {
		f.rows = q.kin(id, made)
	}
	for i := range made {
		at, err := q.find(ctx, made[i].ID)
		if errors.Is(err, ErrNotFound) {
			continue // asked for, but another one was made for the pair
		}
		if err != nil {
			return nil, err
		}
		f.rows = append(f.rows, *at)
	}
	return f, nil
}

// kin finds the deliveries of an event that are in memory and not among made: those of an event that was carried more
// than once are in several records.
func (q *Queue) kin(id event.EventID, made []rowData) (rows []whereabouts) {
	s := q.state
	q.eachRow(func(r ref, w *row) {
		if w.event == id && !slices.ContainsFunc(made, func(d rowData) bool { return d.ID == w.id }) {
			rows = append(rows, whereabouts{rowData: s.data(r, w, s.keys[r]), eventPos: w.eventPos})
		}
	})
	return rows
}
