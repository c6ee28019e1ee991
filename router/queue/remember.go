package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue/history"
)

// recordAt reads a record but for headers and body; nil when it is gone or cannot be decoded.
func (q *Queue) recordAt(ctx context.Context, pos Pos) (*record, error) {
	e, err := q.log.At(ctx, pos)
	if errors.Is(err, ErrTrimmed) || errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("record at %d: %w", pos, err)
	}
	rec := &record{}
	if rec.decode(e.Record, false) != nil {
		return nil, nil //nolint:nilerr // a record that cannot be read is as good as gone
	}
	return rec, nil
}

// remembered makes a delivery of its row in the history and the record that made it; nil when that is gone.
func (q *Queue) remembered(ctx context.Context, r *history.Delivery) (*whereabouts, error) {
	rec, err := q.recordAt(ctx, Pos(r.Pos))
	if rec == nil || err != nil {
		return nil, err
	}
	for i := range rec.rows {
		d := rec.rows[i]
		if d.ID != r.ID {
			continue
		}
		d.recall(r, rec)
		if r.Successor != 0 {
			d.Successor, err = q.successor(ctx, &d, Pos(r.Successor))
		}
		return &whereabouts{rowData: d, eventPos: Pos(r.EventPos)}, err
	}
	return nil, nil
}

// recall brings a delivery, as the record that made it has it, up to its row in the history.
func (d *rowData) recall(r *history.Delivery, rec *record) {
	d.Known = event.DeliveryID{}
	if rec.kind != kindCarried {
		d.Since = rec.time
	}
	d.State, d.Reason = r.State, r.Reason
	d.Round, d.Attempts, d.Tries = int(r.Round), int(r.Attempts), int(r.Tries)
	d.Lost, d.Merged = int(r.Lost), int(r.Merged)
	d.Updated, d.Prev = time.UnixMilli(r.Updated).UTC(), Pos(r.Last)
	d.Started, d.Latest, d.First = false, false, time.Time{}
}

// successor finds the delivery of the same route and destination that the record at pos made.
func (q *Queue) successor(ctx context.Context, d *rowData, pos Pos) (event.DeliveryID, error) {
	rec, err := q.recordAt(ctx, pos)
	if rec == nil || err != nil {
		return event.DeliveryID{}, err
	}
	for i := range rec.rows {
		if s := &rec.rows[i]; s.Route == d.Route && s.Destination == d.Destination {
			return s.ID, nil
		}
	}
	return event.DeliveryID{}, nil
}
