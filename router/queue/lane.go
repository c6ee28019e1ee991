package queue

import (
	"context"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// Lane hands out the deliveries of one destination. Its methods are safe for concurrent use, but Wait is meant for
// one goroutine.
type Lane struct {
	q *Queue
}

// LaneStats counts the deliveries of one destination.
type LaneStats struct {
	Destination string
	Owned       bool // a Lane is open
	Pending     int  // all that are pending: due, waiting, leased and aside
	Due         int  // leasable now
	Leased      int  // attempts that run or are about to
	Aside       int  // their route was not wanted; they return at Reload
	Dead        int
	Oldest      time.Time // when the oldest pending one was created; zero when none
	NextDue     time.Time // of the next one to lease; zero when none
}

// Lane opens the lane of destination and appends that this process owns it. There is one at a time: a second call
// before Close is an error.
func (q *Queue) Lane(ctx context.Context, destination string) (*Lane, error) { return &Lane{q: q}, nil }

// Wait returns nil when something may be leased or Reload was called since the last Wait, ctx's error when ctx ends
// and ErrClosed when the lane or the queue is closed.
func (l *Lane) Wait(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

// Lease reserves up to max due deliveries for ttl and hands their starts to a group commit; it never blocks. Those
// whose route is not wanted are put aside until Reload. Begin or Release must be called on each lease.
func (l *Lane) Lease(max int, ttl time.Duration, want func(route string) bool) []*Lease { return nil }

// Finish records what became of an attempt. The lease ends at once and its delivery is leasable again when o says
// so; the record is durable with the next group commit. It blocks only while too many results are not yet durable.
// ErrLost when the lease ran out, was finished, or its delivery was canceled or replayed meanwhile: nothing is
// written then.
func (l *Lane) Finish(ctx context.Context, le *Lease, a event.Attempt, o event.Outcome) error {
	return errTemporary
}

// Reload lets deliveries that were put aside return and wakes Wait.
func (l *Lane) Reload() {}

// Close ends the lane: its leases are lost, its deliveries stay pending.
func (l *Lane) Close() {}

// Stats counts the lane's deliveries.
func (l *Lane) Stats() LaneStats { return LaneStats{} }

// Destinations lists every destination that has deliveries in memory or a Lane, by name.
func (q *Queue) Destinations() []LaneStats { return nil }

// Lease is one delivery reserved for one attempt.
type Lease struct {
	lane *Lane
}

// ID is the leased delivery.
func (le *Lease) ID() event.DeliveryID { return event.DeliveryID{} }

// Route is the route of the leased delivery.
func (le *Lease) Route() string { return "" }

// Begin waits until the start of the attempt is durable and applied and then reads the event. Tries of the delivery
// is the number of this attempt. ErrLost when the delivery was superseded, canceled or replayed meanwhile. After
// any error the lease is over.
func (le *Lease) Begin(ctx context.Context) (*event.Event, *event.Delivery, error) {
	return nil, nil, errTemporary
}

// Release gives a lease back without an attempt; it does nothing after Begin has returned.
func (le *Lease) Release() {}
