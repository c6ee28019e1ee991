package queue

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// Lease is one delivery reserved for one attempt.
type Lease struct {
	lane     *Lane
	delivery event.Delivery // when leased; after its start was applied, as it is then
	about    about          // what its start says
	began    time.Time      // when that was made
	deadline time.Time
	ready    chan struct{} // closed when its start was applied, or it is lost

	// guarded by q.mu
	phase phase
	last  Pos // of the start
}

// phase is how far a lease got.
type phase uint8

const (
	leaseWaits   phase = iota // for its start
	leaseStarted              // Begin may return
	leaseBegun                // Begin has returned
	leaseOver
)

// ID is the leased delivery.
func (le *Lease) ID() event.DeliveryID { return le.about.delivery }

// Route is the route of the leased delivery.
func (le *Lease) Route() string { return le.about.route }

// Lease reserves up to most due deliveries for ttl and hands their starts to a group commit; it never blocks. Those
// whose route is not wanted are put aside until Reload; want must be quick and not call the queue, nil wants all.
// Begin or Release must be called on each lease.
func (l *Lane) Lease(most int, ttl time.Duration, want func(route string) bool) []*Lease {
	q := l.q
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if l.closed {
		return nil
	}
	var out []*Lease
	for len(out) < most && len(l.rows.heap) > 0 {
		r := l.next(now)
		if r == 0 {
			break
		}
		w := q.state.table.row(r)
		q.state.pull(l.rows, r)
		switch {
		case w.expires != 0 && w.expires <= now.UnixNano():
			q.expire(r, now)
		case want != nil && !want(q.state.names[w.route]):
			q.state.putAside(l.rows, r)
		default:
			out = append(out, l.reserve(w, now, ttl))
		}
	}
	l.peak = max(l.peak, len(l.leases))
	return out
}

// next is the row to lease next, 0 when there is none.
func (l *Lane) next(now time.Time) ref {
	s, r := l.q.state, l.rows.heap[0]
	hurry := l.hurry
	l.hurry = false
	switch {
	case l.due(r, now):
		return r
	case hurry:
		return s.nextRetry(l.rows)
	}
	return 0
}

// reserve takes a row, which is in no heap, and puts its start on the way.
func (l *Lane) reserve(w *row, now time.Time, ttl time.Duration) *Lease {
	s := l.q.state
	if old := l.leases[w.id]; old != nil {
		old.over() // of the round before
	}
	w.place = placeHeld
	le := &Lease{lane: l, about: s.about(w), began: now.UTC(), deadline: now.Add(ttl), ready: make(chan struct{})}
	le.about.number++
	l.leases[w.id] = le
	start := record{kind: kindStart, time: le.began, about: le.about, owner: l.owner}
	l.q.out.add(item{rec: start.encode(), lease: le})
	return le
}

// about says of a row what starts and finishes say.
func (s *state) about(w *row) about {
	return about{
		delivery: w.id, event: w.event, eventPos: w.eventPos, route: s.names[w.route], destination: s.names[w.dest],
		round: int(w.round), number: int(w.tries), prev: w.last,
	}
}

// started resolves the lease that an applied start belongs to; q.mu is held. A start of ours that nobody waits for
// any more is taken back.
func (q *Queue) started(a *about, owner token, took bool) {
	if !q.mine(owner) {
		return
	}
	var le *Lease
	if l := q.lanes[a.destination]; l != nil && l.owner == owner {
		le = l.leases[a.delivery]
	}
	mine := le != nil && le.phase == leaseWaits && le.about.number == a.number
	switch {
	case mine && took:
		r := q.state.table.find(a.delivery)
		w := q.state.table.row(r)
		le.delivery = q.state.data(r, w, q.state.keys[r]).Delivery
		le.last = w.last
		le.phase = leaseStarted
		close(le.ready)
	case mine:
		le.over()
	case took:
		w := q.state.table.row(q.state.table.find(a.delivery))
		q.giveBack(w, owner, howReleased, fromNanos(w.due))
	}
}

// over ends a lease and lets its row be leased again when it is not started; q.mu is held.
func (le *Lease) over() {
	if le.phase == leaseOver {
		return
	}
	if le.phase == leaseWaits {
		close(le.ready)
	}
	le.phase = leaseOver
	if le.lane.leases[le.ID()] == le { // and not one of the delivery's next round
		delete(le.lane.leases, le.ID())
	}
	s := le.lane.q.state
	r := s.table.find(le.ID())
	if r == 0 {
		return
	}
	if w := s.table.row(r); w.place == placeHeld && w.round == uint32(le.about.round) {
		w.place = placeNone
		s.backToHeap(r)
	}
}

// Begin waits until the start of the attempt is durable and applied and then reads the event. Tries of the delivery
// is the number of this attempt. ErrLost when the delivery was superseded, canceled or replayed meanwhile. After
// any error the lease is over.
func (le *Lease) Begin(ctx context.Context) (*event.Event, *event.Delivery, error) {
	q := le.lane.q
	select {
	case <-le.ready:
	case <-ctx.Done():
		le.Release()
		return nil, nil, ctx.Err()
	case <-q.done:
		return nil, nil, ErrClosed
	}
	if !le.begin() {
		return nil, nil, ErrLost
	}
	var rec record
	if err := q.readWhole(ctx, le.about.eventPos, &rec); err != nil {
		le.unreadable(err)
		return nil, nil, fmt.Errorf("read event %s: %w", le.about.event, err)
	}
	ev := rec.event // without the rest of the record
	return &ev, &le.delivery, nil
}

func (le *Lease) begin() bool {
	le.lane.q.mu.Lock()
	defer le.lane.q.mu.Unlock()
	if le.phase != leaseStarted {
		return false
	}
	le.phase = leaseBegun
	return true
}

// unreadable ends an attempt whose event could not be read. It is tried again, slowly, until the delivery expires: a
// disk may come back. A body or a record that is damaged does not.
func (le *Lease) unreadable(cause error) {
	out := event.Outcome{State: event.Pending, Due: time.Now().Add(time.Minute)}
	if errors.Is(cause, ErrDamaged) || errors.Is(cause, ErrNotFound) {
		out = event.Outcome{State: event.Dead, Reason: event.ReasonDamaged, Detail: cause.Error()}
	}
	q := le.lane.q
	q.opts.Logger.Error("event cannot be read", "event", le.about.event.String(), "error", cause)
	q.mu.Lock()
	defer q.mu.Unlock()
	w := le.row()
	le.over()
	if w != nil {
		q.endUntried(w, le.lane.owner, howReleased, out)
	}
}

// row is the started row of the lease, nil when the delivery is not in that attempt any more; q.mu is held.
func (le *Lease) row() *row {
	s := le.lane.q.state
	r := s.table.find(le.ID())
	if r == 0 {
		return nil
	}
	w := s.table.row(r)
	a := &le.about
	if !w.started() || w.round != uint32(a.round) || w.tries != uint32(a.number) {
		return nil
	}
	return w
}

// Release gives a lease back without an attempt; it does nothing after Begin has returned.
func (le *Lease) Release() {
	q := le.lane.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if le.phase != leaseWaits && le.phase != leaseStarted {
		return
	}
	w := le.row()
	le.over()
	if w != nil {
		q.giveBack(w, le.lane.owner, howReleased, fromNanos(w.due))
	}
	q.wake()
}

// giveBack appends that a started attempt ended without a result; q.mu is held.
func (q *Queue) giveBack(w *row, owner token, why how, due time.Time) {
	q.endUntried(w, owner, why, event.Outcome{State: event.Pending, Due: due})
}

func (q *Queue) endUntried(w *row, owner token, why how, out event.Outcome) {
	rec := record{kind: kindFinish, time: time.Now().UTC(), about: q.state.about(w), owner: owner, how: why, outcome: out}
	q.out.add(item{rec: rec.encode()})
}

// Finish records what became of an attempt. The lease ends at once and its delivery is leasable again when o says
// so; the record is durable with the next group commit. It blocks only while too many results are not yet durable,
// and then no longer than ctx. ErrLost when the lease ran out, was finished, or its delivery was canceled or replayed
// meanwhile: nothing is written then.
func (l *Lane) Finish(ctx context.Context, le *Lease, a event.Attempt, o event.Outcome) error {
	if err := l.finish(le, a, o); err != nil {
		return err
	}
	for l.full() {
		select {
		case <-l.room:
		case <-ctx.Done():
			return nil // the result is on its way all the same
		case <-l.q.done:
			return nil
		}
	}
	return nil
}

func (l *Lane) finish(le *Lease, a event.Attempt, o event.Outcome) error {
	q := l.q
	q.mu.Lock()
	defer q.mu.Unlock()
	if l.closed || le.lane != l || le.phase != leaseBegun {
		return ErrLost
	}
	w := le.row()
	le.over()
	if w == nil {
		return ErrLost
	}
	rec := record{kind: kindFinish, time: time.Now().UTC(), about: le.about, owner: l.owner, tried: true}
	rec.about.prev = le.last
	rec.attempt, rec.outcome = a, o
	rec.attempt.Number, rec.attempt.Round = le.about.number, le.about.round
	l.unsynced++
	q.results.Add(1)
	q.out.add(item{rec: rec.encode(), lane: l})
	return nil
}
