package queue

import (
	"context"
	"fmt"

	"github.com/hookrouter/hookrouter/event"
)

// pastEvent is what is known of an event beside its record.
type pastEvent struct {
	pos, added Pos
	duplicates int
}

// pastEvent finds an event in the history or, while that is rebuilt, by reading the log.
func (q *Queue) pastEvent(ctx context.Context, id event.EventID) (pastEvent, error) {
	if !q.past.rebuilding() {
		if e, ok, err := q.past.h.Event(id); ok {
			return pastEvent{pos: Pos(e.Pos), added: Pos(e.Added), duplicates: int(e.Duplicates)}, nil
		} else if err == nil {
			return pastEvent{}, fmt.Errorf("event %s: %w", id, ErrNotFound)
		}
	}
	var past pastEvent
	err := q.relive(ctx, func(rec *record, pos Pos, eff *effect) {
		switch {
		case (rec.kind == kindEvent || rec.kind == kindCarried) && rec.event.ID == id && eff.known == 0:
			past.pos = pos
		case rec.kind == kindChange && rec.eventID == id:
			if eff.result.Created > 0 {
				past.added = pos
			}
			if rec.again {
				past.duplicates++
			}
		case rec.kind == kindEvent && eff.known != 0 && eff.known == past.pos:
			past.duplicates++
		}
	})
	if err == nil && past.pos == 0 {
		err = fmt.Errorf("event %s: %w", id, ErrNotFound)
	}
	return past, err
}

// pastDelivery finds a delivery that left memory, as pastEvent.
func (q *Queue) pastDelivery(ctx context.Context, id event.DeliveryID) (*whereabouts, error) {
	if !q.past.rebuilding() {
		if d, ok, err := q.past.h.Delivery(id); ok {
			if at, err := q.remembered(ctx, &d); at != nil || err != nil {
				return at, err
			}
			return nil, fmt.Errorf("delivery %s: %w", id, ErrTrimmed)
		} else if err == nil {
			return nil, fmt.Errorf("delivery %s: %w", id, ErrNotFound)
		}
	}
	var at *whereabouts
	s := newState()
	err := q.reliveIn(ctx, s, func(_ *record, _ Pos, eff *effect) {
		for i := range eff.rows {
			if c := &eff.rows[i]; c.row.id == id {
				at = &whereabouts{rowData: s.data(0, &c.row, c.keys), eventPos: c.row.eventPos}
				at.Successor = c.successor
			}
		}
	})
	if err == nil && at == nil {
		err = fmt.Errorf("delivery %s: %w", id, ErrNotFound)
	}
	return at, err
}

func (q *Queue) relive(ctx context.Context, see func(*record, Pos, *effect)) error {
	return q.reliveIn(ctx, newState(), see)
}

// reliveIn applies the whole log to s.
func (q *Queue) reliveIn(ctx context.Context, s *state, see func(*record, Pos, *effect)) error {
	end := q.position()
	if end == 0 {
		return nil
	}
	var rec record
	for e, err := range q.log.Read(ctx, 1) {
		if err != nil {
			return err
		}
		if rec.decode(e.Record, false) == nil {
			see(&rec, e.Pos, s.apply(&rec, e.Pos))
			s.rest()
		}
		if e.Pos >= end {
			return nil
		}
	}
	return ctx.Err()
}
