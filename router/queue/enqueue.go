package queue

import (
	"context"

	"github.com/hookrouter/hookrouter/event"
)

// Receipt is what became of an accepted event.
type Receipt struct {
	Event      event.EventID // of the first one when Duplicate
	Duplicate  bool
	Pos        Pos // of the first event's record
	Deliveries int // that were made, or by a duplicate made or reopened
}

// Enqueue stores ev with its deliveries and returns when they are durable and applied. Each of ds carries ID, Route,
// Destination, OrderKey, Coalesce, Due, Expires and State (Pending, or Dead with its Reason); the rest is filled in
// here. An event whose DedupeKey is known is not stored again: the pairs of ds that the first one lacks get a
// delivery, its dead ones go back to pending. Errors: ErrFull before anything was written; ErrClosed; the log's own,
// wrapped, after which the outcome is unknown and the caller must not ack. Neither ev nor ds may be written to
// afterwards.
func (q *Queue) Enqueue(ctx context.Context, ev *event.Event, ds []event.Delivery) (Receipt, error) {
	return Receipt{}, errTemporary
}
