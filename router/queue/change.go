package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// ChangeResult says what a replay did.
type ChangeResult struct {
	Created  int // pairs that had no delivery and got one
	Reopened int // final deliveries that went back to pending
	Pending  int // deliveries that were pending already and were left alone
}

// ReplayDelivery sends a final delivery back to pending: the same delivery in a new round, due and expiring as
// given. Nothing changes when it is pending already. ErrNotFound, ErrTrimmed or ErrNoRoom.
func (q *Queue) ReplayDelivery(ctx context.Context, id event.DeliveryID, due, expires time.Time) error {
	if err := q.lack(time.Now()); err != nil {
		return err
	}
	at, err := q.find(ctx, id)
	if err != nil {
		return err
	}
	unlock, err := q.stripes.lock(ctx, at.Event)
	if err != nil {
		return err
	}
	at, err = q.find(ctx, id)
	if err == nil && at.eventPos < q.log.Health().First {
		err = fmt.Errorf("event of delivery %s: %w", id, ErrTrimmed)
	}
	if err != nil || at.State == event.Pending {
		unlock()
		return err
	}
	d := at.rowData
	d.Known = id
	rec := q.changeOf(verbReplay, at, reopened(d, due, expires))
	if _, err := q.commitHeld(ctx, rec, unlock); err != nil {
		return fmt.Errorf("replay %s: %w", id, err)
	}
	return nil
}

// reopened is a final delivery in its next round.
func reopened(d rowData, due, expires time.Time) rowData {
	d.State, d.Reason, d.Successor = event.Pending, event.NoReason, event.DeliveryID{}
	d.Round++
	d.Attempts = 0
	d.Claim, d.Reply = "", event.NoReply
	d.Due, d.Expires = due, expires
	return d
}

// changeOf is a change of one delivery.
func (q *Queue) changeOf(v verb, at *whereabouts, d rowData) *record {
	return &record{
		kind: kindChange, time: time.Now().UTC(), wait: q.newToken(), verb: v,
		eventID: at.Event, eventPos: at.eventPos, rows: []rowData{d},
	}
}

// ReplayEvent brings pairs, matched by the caller, to life: a pair without a delivery gets one, a final one goes
// back to pending, a pending one stays. ErrNotFound, ErrTrimmed, ErrFull or ErrNoRoom.
func (q *Queue) ReplayEvent(ctx context.Context, id event.EventID, pairs []event.Delivery) (ChangeResult, error) {
	now := time.Now().UTC()
	if err := q.lack(now); err != nil {
		return ChangeResult{}, err
	}
	rows, err := newRows(id, pairs, now)
	if err != nil {
		return ChangeResult{}, err
	}
	unlock, err := q.stripes.lock(ctx, id)
	if err != nil {
		return ChangeResult{}, err
	}
	rec, err := q.replayOf(ctx, id, rows, now)
	if err != nil {
		unlock()
		return ChangeResult{}, err
	}
	a, err := q.commitHeld(ctx, rec, unlock)
	if err != nil {
		return ChangeResult{}, fmt.Errorf("replay %s: %w", id, err)
	}
	return a.change, nil
}

// replayOf is the change that brings rows to life; the event's stripe is held.
func (q *Queue) replayOf(ctx context.Context, id event.EventID, rows []rowData, now time.Time) (*record, error) {
	all, err := q.family(ctx, id)
	if err != nil {
		return nil, err
	}
	e := &all.first.rec.event
	rec := &record{
		kind: kindChange, time: now, wait: q.newToken(), verb: verbReplay, eventID: id, eventPos: all.first.pos,
		prevAdded: all.added, until: e.ReceivedAt.Add(e.DedupeFor),
	}
	for _, d := range rows {
		d.Due = now // whatever delay or window the rules say: it is a person who asks
		if row, ok := all.pair(&d); ok {
			d = reopened(row, d.Due, d.Expires)
			d.Known = d.ID
			if row.State == event.Pending {
				d.Round = row.Round
			}
		} else if q.rows.Load()+int64(len(rec.rows)) >= int64(q.opts.MaxPending) {
			return nil, ErrFull
		}
		rec.rows = append(rec.rows, d)
	}
	return rec, nil
}

// Cancel makes a pending or dead delivery canceled. An attempt that runs goes on, its result is lost. It is no
// error when the delivery is canceled already; ErrNotFound when it is neither.
func (q *Queue) Cancel(ctx context.Context, id event.DeliveryID) error {
	return q.end(ctx, id, verbCancel)
}

// Drop makes a dead delivery canceled, with ReasonDropped. ErrNotFound when there is no such dead delivery.
func (q *Queue) Drop(ctx context.Context, id event.DeliveryID) error {
	return q.end(ctx, id, verbDrop)
}

// errMoved: the delivery changed between the look and the record; look again.
var errMoved = errors.New("delivery changed meanwhile")

func (q *Queue) end(ctx context.Context, id event.DeliveryID, v verb) error {
	at, err := q.find(ctx, id)
	if err != nil {
		return err
	}
	unlock, err := q.stripes.lock(ctx, at.Event)
	if err != nil {
		return err
	}
	at, err = q.find(ctx, id)
	if err != nil || at.ended(v) {
		unlock()
		return err
	}
	if !at.endable(v) {
		unlock()
		return fmt.Errorf("delivery %s is %s: %w", id, at.State, ErrNotFound)
	}
	a, err := q.commitHeld(ctx, q.changeOf(v, at, at.rowData), unlock)
	if err == nil && a.hits == 0 {
		err = errMoved
	}
	if err != nil {
		return fmt.Errorf("end %s: %w", id, err)
	}
	return nil
}

// ended reports whether the delivery is what v would make it.
func (at *whereabouts) ended(v verb) bool {
	return at.State == event.Canceled && (v == verbCancel || at.Reason == event.ReasonDropped)
}

func (at *whereabouts) endable(v verb) bool {
	return at.State == event.Dead || at.State == event.Pending && v == verbCancel
}
