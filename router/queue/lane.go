package queue

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// Lane hands out the deliveries of one destination. Its methods are safe for concurrent use, but Wait is meant for
// one goroutine.
type Lane struct {
	q     *Queue
	rows  *laneRows
	owner token
	bell  chan struct{} // holds one token when Wait has to look again
	room  chan struct{} // holds one token when results became durable

	// guarded by q.mu
	leases   map[event.DeliveryID]*Lease
	peak     int // most leases at once
	unsynced int // results that are not durable yet
	reloaded bool
	hurry    bool // a retry may be leased before it is due
	longest  time.Duration
	closed   bool
}

// LaneStats counts the deliveries of one destination.
type LaneStats struct {
	Destination string
	Owned       bool // a Lane is open
	Pending     int  // all that are pending: due, waiting, leased and aside
	Due         int  // leasable now; at most 10,000 are counted
	Leased      int  // attempts that run or are about to
	Aside       int  // their route was not wanted; they return at Reload
	Dead        int
	Oldest      time.Time // when the one that is pending longest was created; zero when none
	NextDue     time.Time // of the next one to lease; zero when none
}

// Lane opens the lane of destination and appends that this process owns it. There is one at a time: a second call
// before Close is an error.
func (q *Queue) Lane(ctx context.Context, destination string) (*Lane, error) {
	return q.openLane(ctx, destination, q.newToken())
}

func (q *Queue) openLane(ctx context.Context, destination string, owner token) (*Lane, error) {
	if destination == "" {
		return nil, fmt.Errorf("lane: no destination")
	}
	if q.atRest {
		owner[8] |= acquitting
	}
	l := &Lane{
		q: q, owner: owner, leases: map[event.DeliveryID]*Lease{},
		bell: make(chan struct{}, 1), room: make(chan struct{}, 1),
	}
	q.mu.Lock()
	if q.lanes[destination] != nil {
		q.mu.Unlock()
		return nil, fmt.Errorf("lane %q is open already", destination)
	}
	q.lanes[destination] = l
	l.rows = q.state.lane(q.state.name(destination))
	q.mu.Unlock()
	q.opening.RLock()
	defer q.opening.RUnlock()
	if err := q.own(ctx, destination, l.owner); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// own appends that owner has the lane of destination.
func (q *Queue) own(ctx context.Context, destination string, owner token) error {
	rec := &record{
		kind: kindOwn, time: time.Now().UTC(), wait: q.newToken(), destination: destination, owner: owner,
	}
	a, err := q.commit(ctx, rec)
	if err != nil {
		return fmt.Errorf("own lane %q: %w", destination, err)
	}
	if a.hits > 0 {
		q.opts.Logger.Error("deliveries are quarantined: the process died when an attempt of one ran, and again when it was rehearsed alone",
			"destination", destination, "deliveries", a.hits)
	}
	return nil
}

// Wait returns nil when something may be leased or Reload was called since the last Wait, ctx's error when ctx ends
// and ErrClosed when the lane or the queue is closed.
func (l *Lane) Wait(ctx context.Context) error {
	for {
		now, next, err := l.look()
		if now || err != nil {
			return err
		}
		if err := l.sleep(ctx, next); err != nil {
			return err
		}
	}
}

// look says whether Wait is over, or when the next row is due; zero when there is none.
func (l *Lane) look() (now bool, next time.Time, err error) {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	switch {
	case l.closed:
		return false, next, ErrClosed
	case l.reloaded:
		l.reloaded = false
		return true, next, nil
	case len(l.rows.heap) == 0:
		return false, next, nil
	}
	next = fromNanos(l.q.state.table.row(l.rows.heap[0]).due)
	return l.hurry || l.due(l.rows.heap[0], time.Now()), next, nil
}

func (l *Lane) sleep(ctx context.Context, until time.Time) error {
	var alarm <-chan time.Time
	if !until.IsZero() {
		t := time.NewTimer(min(time.Until(until), maxSleep))
		defer t.Stop()
		alarm = t.C
	}
	select {
	case <-l.bell:
	case <-alarm:
	case <-ctx.Done():
		return ctx.Err()
	case <-l.q.done:
		return ErrClosed
	}
	return nil
}

// maxSleep is how long at most Wait trusts in its timer: clocks are set, and machines sleep.
const maxSleep = time.Minute

// due reports whether a row of the heap is to be leased now; q.mu is held. What would have to wait longer than anything
// has to got its time from a clock that was set back since.
func (l *Lane) due(r ref, now time.Time) bool {
	wait := time.Duration(l.q.state.table.row(r).due - now.UnixNano())
	return wait <= 0 || l.longest > 0 && wait > l.longest
}

// Bound says that no delivery of the lane has to wait longer than that: one that seems to is due at once. 0, as it is at
// first, is no bound.
func (l *Lane) Bound(longest time.Duration) {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	l.longest = longest
	l.signal()
}

// signal makes Wait look again.
func (l *Lane) signal() {
	select {
	case l.bell <- struct{}{}:
	default:
	}
}

// Reload lets deliveries that were put aside return and wakes Wait.
func (l *Lane) Reload() {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	l.q.state.comeBack(l.rows)
	l.reloaded = true
	l.signal()
	l.q.wake()
}

// Hurry lets the next Lease take one delivery that waits for a retry before it is due, when nothing is due then.
func (l *Lane) Hurry() {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	l.hurry = l.q.state.nextRetry(l.rows) != 0
	l.signal()
}

// Close ends the lane: its leases are lost, its deliveries stay pending.
func (l *Lane) Close() {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	if l.closed {
		return
	}
	l.closed = true
	for _, le := range l.leases {
		le.over()
	}
	l.q.state.comeBack(l.rows)
	delete(l.q.lanes, l.rows.destination)
	l.signal()
	l.q.wake()
}

// roomy wakes who waits because too many results were not durable.
func (l *Lane) roomy() {
	select {
	case l.room <- struct{}{}:
	default:
	}
}

// full reports whether so many results are not durable that no more attempts should end: twice the concurrency, as
// far as it was seen.
func (l *Lane) full() bool {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	return l.unsynced > 2*l.peak && !l.closed
}

// Stats counts the lane's deliveries.
func (l *Lane) Stats() LaneStats {
	l.q.mu.Lock()
	defer l.q.mu.Unlock()
	return l.q.laneStats(l.rows, time.Now())
}

// Destinations lists every destination that has deliveries in memory or a Lane, by name.
func (q *Queue) Destinations() []LaneStats {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	var all []LaneStats
	for _, rows := range q.state.lanes {
		if rows.pending+rows.dead > 0 || q.lanes[rows.destination] != nil {
			all = append(all, q.laneStats(rows, now))
		}
	}
	slices.SortFunc(all, func(a, b LaneStats) int { return strings.Compare(a.Destination, b.Destination) })
	return all
}

func (q *Queue) laneStats(rows *laneRows, now time.Time) LaneStats {
	st := LaneStats{
		Destination: rows.destination, Pending: rows.pending, Dead: rows.dead, Aside: len(rows.aside),
		Due: q.state.dueIn(rows, 0, now.UnixNano(), 10_000),
	}
	if l := q.lanes[rows.destination]; l != nil {
		st.Owned, st.Leased = true, len(l.leases)
	}
	if rows.oldest != 0 {
		st.Oldest = fromNanos(q.state.table.row(rows.oldest).created)
	}
	if len(rows.heap) > 0 {
		st.NextDue = fromNanos(q.state.table.row(rows.heap[0]).due)
	}
	return st
}

// dueIn counts the rows due at now in the heap below i, and stops at most: what is due is at the top.
func (s *state) dueIn(l *laneRows, i int, now int64, most int) int {
	if i >= len(l.heap) || most <= 0 || s.table.row(l.heap[i]).due > now {
		return 0
	}
	n := 1 + s.dueIn(l, 2*i+1, now, most-1)
	return n + s.dueIn(l, 2*i+2, now, most-n)
}

// leased lists the leases of all lanes; q.mu is held.
func (q *Queue) leased() []*Lease {
	var all []*Lease
	for _, l := range q.lanes {
		all = slices.AppendSeq(all, maps.Values(l.leases))
	}
	return all
}
