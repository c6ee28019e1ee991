package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// Receipt is what became of an accepted event.
type Receipt struct {
	Event      event.EventID // of the first one when Duplicate
	Duplicate  bool
	Pos        Pos // of the first event's record
	Deliveries int // that were made, or by a duplicate made or reopened
	// Claim is on the delivery that is to answer the sender of this request. It is zero when there is none, when it has
	// its answer, or when another request waits for it.
	Claim Claim
}

// Enqueue stores ev with its deliveries and returns when they are durable and applied. Each of ds carries ID, Route,
// Destination, OrderKey, Coalesce, Due, Expires, Reply and State (Pending, or Dead with its Reason); the rest is filled
// in here. One with a Reply waits for who takes its claim, and has no OrderKey or Coalesce; there is at most one. An event whose DedupeKey is known is not stored again: the pairs of ds that the first one lacks get a
// delivery, its dead ones go back to pending. Errors: ErrFull and ErrNoRoom before anything was written; ErrClosed; the
// log's own, wrapped, after which the outcome is unknown and the caller must not ack. Nothing of ev and ds is kept when
// it has returned; only a body over 1 MiB may still be read when ctx ended before that.
func (q *Queue) Enqueue(ctx context.Context, ev *event.Event, ds []event.Delivery) (Receipt, error) {
	if ev.ID.IsZero() {
		return Receipt{}, errors.New("event has no id")
	}
	now := time.Now().UTC()
	rows, err := newRows(ev.ID, ds, now)
	if err != nil {
		return Receipt{}, err
	}
	for i := range rows {
		rows[i].Claim = string(q.newClaim(rows[i].Reply, ev.ID))
	}
	if err := q.lack(now); err != nil {
		return Receipt{}, err
	}
	if len(ds) > 0 && q.rows.Load()+int64(len(ds)) > int64(q.opts.MaxPending) {
		return Receipt{}, ErrFull
	}
	rec := &record{kind: kindEvent, time: now, event: *ev, rows: rows}
	if ev.DedupeKey != "" {
		first, err := q.known(ctx, rec)
		if err != nil {
			return Receipt{}, err
		}
		if first != nil {
			got, err := q.again(ctx, ev, rows, first)
			if !errors.Is(err, ErrTrimmed) {
				return got, err
			}
			rec.distinct = first.pos // trimmed since: it cannot lend its bytes any more
		}
	}
	a, err := q.commitEvent(ctx, rec)
	switch {
	case err != nil:
		return Receipt{}, fmt.Errorf("store event: %w", err)
	case a.known != 0:
		return q.shared(ctx, a.known)
	}
	return Receipt{Event: ev.ID, Pos: a.pos, Deliveries: a.made, Claim: rec.answers()}, nil
}

// newRows checks the deliveries that a caller made and fills in the rest.
func newRows(id event.EventID, ds []event.Delivery, now time.Time) ([]rowData, error) {
	rows := make([]rowData, len(ds))
	for i, d := range ds {
		if d.ID.IsZero() || d.Destination == "" {
			return nil, fmt.Errorf("delivery %d has no id or no destination", i)
		}
		if d.State != event.Pending && d.State != event.Dead {
			return nil, fmt.Errorf("delivery %s is neither pending nor dead", d.ID)
		}
		d.Event = id
		if d.Created.IsZero() {
			d.Created = now
		}
		if d.Due.IsZero() {
			d.Due = now
		}
		rows[i] = rowData{Delivery: d}
	}
	return rows, nil
}

// found is an event as the log has it.
type found struct {
	pos Pos
	rec record
}

// known finds the first event with the key of rec, nil when rec is no duplicate. When the filter only seems to know
// it, rec says so, so that it is applied all the same.
func (q *Queue) known(ctx context.Context, rec *record) (*found, error) {
	ev := &rec.event
	key := hashKey(ev.Source, ev.DedupeKey)
	q.mu.Lock()
	_, pos := q.state.dedupe.find(key, q.state.now)
	q.mu.Unlock()
	if pos == 0 {
		return nil, nil
	}
	first, err := q.eventAt(ctx, pos, false)
	switch {
	case errors.Is(err, ErrTrimmed) || errors.Is(err, ErrNotFound):
		rec.distinct = pos
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read the first event: %w", err)
	}
	e := &first.rec.event
	if e.Source != ev.Source || e.DedupeKey != ev.DedupeKey || ev.ReceivedAt.After(e.ReceivedAt.Add(e.DedupeFor)) || !q.hasBody(first) {
		rec.distinct = pos
		return nil, nil
	}
	return first, nil
}

// eventAt reads the record of an event, with headers and body only when full.
func (q *Queue) eventAt(ctx context.Context, pos Pos, full bool) (*found, error) {
	f := &found{pos: pos}
	if err := q.readEvent(ctx, pos, full, &f.rec); err != nil {
		return nil, err
	}
	return f, nil
}

func (q *Queue) readEvent(ctx context.Context, pos Pos, full bool, rec *record) error {
	e, err := q.log.At(ctx, pos)
	if err != nil {
		return err
	}
	if err := rec.decode(e.Record, full); err != nil {
		return err
	}
	if rec.kind != kindEvent && rec.kind != kindCarried {
		return fmt.Errorf("record at %d is no event: %w", pos, ErrNotFound)
	}
	return nil
}

// again notes on the first event that it came again, and brings the pairs it matches now to life. ErrTrimmed when the
// first event went meanwhile.
func (q *Queue) again(ctx context.Context, ev *event.Event, rows []rowData, first *found) (Receipt, error) {
	e := &first.rec.event
	unlock, err := q.stripes.lock(ctx, e.ID)
	if err != nil {
		return Receipt{}, fmt.Errorf("store duplicate: %w", err)
	}
	if first.pos < q.log.Health().First {
		unlock()
		return Receipt{}, ErrTrimmed
	}
	rec := &record{
		kind: kindChange, time: time.Now().UTC(), wait: token(ev.ID), verb: verbDuplicate,
		eventID: e.ID, eventPos: first.pos, until: e.ReceivedAt.Add(e.DedupeFor), again: true,
		duplicate: duplicate{id: ev.ID, received: ev.ReceivedAt, senderID: ev.SenderID, remoteIP: ev.RemoteIP},
	}
	q.mu.Lock()
	rec.prevAdded = q.state.lastAdded(e.ID)
	for _, d := range rows {
		d.Event = e.ID
		d.Known = q.state.knownPair(e.ID, &d, first.rec.rows)
		if d.Known.IsZero() {
			rec.rows = append(rec.rows, d)
		} else if d.State == event.Pending {
			rec.rows = append(rec.rows, q.state.nextRound(d))
		}
	}
	q.mu.Unlock()
	a, err := q.commitHeld(ctx, rec, unlock)
	if err != nil {
		return Receipt{}, fmt.Errorf("store duplicate: %w", err)
	}
	return Receipt{
		Event: e.ID, Duplicate: true, Pos: first.pos, Deliveries: a.change.Created + a.change.Reopened, Claim: rec.answers(),
	}, nil
}

// answers gives the claim in the record's rows. Who made or reopened that delivery meanwhile has another one on it.
func (r *record) answers() Claim {
	for i := range r.rows {
		if d := &r.rows[i]; d.Claim != "" && d.State == event.Pending {
			return Claim{Delivery: d.ID, Destination: d.Destination, claim: claim(d.Claim)}
		}
	}
	return Claim{}
}

// shared is the receipt for an event that was on its way together with the first of its key.
func (q *Queue) shared(ctx context.Context, pos Pos) (Receipt, error) {
	first, err := q.eventAt(ctx, pos, false)
	if err != nil {
		return Receipt{}, fmt.Errorf("read the first event: %w", err)
	}
	return Receipt{Event: first.rec.event.ID, Duplicate: true, Pos: pos}, nil
}

func (s *state) lastAdded(id event.EventID) Pos {
	if a := s.added[id]; a != nil && a.until >= s.now {
		return a.last
	}
	return 0
}

// knownPair finds the delivery that an event has for the route and destination of d, zero when it has none.
func (s *state) knownPair(id event.EventID, d *rowData, first []rowData) event.DeliveryID {
	for i := range first {
		if first[i].Route == d.Route && first[i].Destination == d.Destination {
			return first[i].ID
		}
	}
	return s.addedPair(id, d)
}

// nextRound makes of d, matched anew, what its known delivery becomes if it is replayed.
func (s *state) nextRound(d rowData) rowData {
	d.ID = d.Known
	if r := s.table.find(d.ID); r != 0 {
		w := s.table.row(r)
		d.Round, d.Created, d.Prev = int(w.round)+1, fromNanos(w.created), w.last
	}
	return d
}
