package queue

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// UpdateKind says what an Update is about.
type UpdateKind string

// The kinds of Update.
const (
	UpdateEvent    UpdateKind = "event"    // an event was stored
	UpdateAttempt  UpdateKind = "attempt"  // an attempt started
	UpdateDelivery UpdateKind = "delivery" // a delivery was made or changed
)

// Update is one thing that happened. One record may yield several with the same Pos.
type Update struct {
	Pos   Pos
	Time  time.Time
	Kind  UpdateKind
	Event *event.Event // of UpdateEvent, without its body
	Size  int          // bytes of that event's body
	// Delivery is what an attempt or a change is about, as it is after the record. Of what happened before Watch was
	// called, only what the record says of it is set.
	Delivery *event.Delivery
	Attempt  *event.Attempt // of UpdateDelivery when an attempt ended
}

// Watch yields what happens after from, first what the log still has, then live, until ctx ends. From 0 is from the
// start; Stats().Applied is from now. Records that were trimmed are skipped. It may run next to anything else; a
// caller that is slow delays only itself.
func (q *Queue) Watch(ctx context.Context, from Pos) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		q.recent.watch(1)
		defer q.recent.watch(-1)
		for e, err := range q.log.Read(ctx, from+1) {
			if err != nil {
				yield(Update{}, fmt.Errorf("watch: %w", err))
				return
			}
			if q.recent.wait(ctx, e.Pos) != nil {
				return
			}
			for _, u := range q.updates(e) {
				if !yield(u, nil) {
					return
				}
			}
		}
	}
}

// updates tells what one record did: its own words, then those that only the state knows.
func (q *Queue) updates(e Entry) []Update {
	rec := new(record)
	if rec.decode(e.Record, true) != nil {
		return nil
	}
	did, live := q.recent.find(e.Pos)
	if live && did.known {
		return nil
	}
	u := Update{Pos: e.Pos, Time: rec.time, Kind: UpdateDelivery}
	var out []Update
	switch rec.kind {
	case kindEvent:
		ev := rec.event
		ev.Body = nil
		out = append(out, Update{Pos: e.Pos, Time: rec.time, Kind: UpdateEvent, Event: &ev, Size: rec.body.Length})
	case kindStart:
		u.Kind = UpdateAttempt
	case kindCarried:
		return nil // nothing changed
	}
	rows := did.rows
	if !live {
		rows = rec.deliveries()
	}
	for i := range rows {
		u.Delivery = &rows[i]
		u.Attempt = nil
		if rec.tried && rows[i].ID == rec.about.delivery {
			u.Attempt = &rec.attempt
		}
		out = append(out, u)
	}
	return out
}

// deliveries are those that a record speaks of, as far as it does.
func (r *record) deliveries() []event.Delivery {
	var ds []event.Delivery
	switch r.kind {
	case kindStart, kindFinish:
		a := &r.about
		d := event.Delivery{
			ID: a.delivery, Event: a.event, Route: a.route, Destination: a.destination, Round: a.round, Tries: a.number,
			State: event.Pending, Updated: r.time,
		}
		if r.kind == kindFinish {
			d.State, d.Reason, d.Due = r.outcome.State, r.outcome.Reason, r.outcome.Due
		}
		ds = append(ds, d)
	case kindEvent, kindChange:
		for i := range r.rows {
			d := r.rows[i].Delivery
			d.Updated = r.time
			switch r.verb {
			case verbCancel:
				d.State, d.Reason = event.Canceled, event.ReasonCanceled
			case verbDrop:
				d.State, d.Reason = event.Canceled, event.ReasonDropped
			}
			ds = append(ds, d)
		}
	}
	return ds
}
