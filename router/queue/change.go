package queue

import (
	"context"
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
// given. Nothing changes when it is pending already. ErrNotFound or ErrTrimmed.
func (q *Queue) ReplayDelivery(ctx context.Context, id event.DeliveryID, due, expires time.Time) error {
	return errTemporary
}

// ReplayEvent brings pairs, matched by the caller, to life: a pair without a delivery gets one, a final one goes
// back to pending, a pending one stays. ErrNotFound or ErrTrimmed.
func (q *Queue) ReplayEvent(ctx context.Context, id event.EventID, pairs []event.Delivery) (ChangeResult, error) {
	return ChangeResult{}, errTemporary
}

// Cancel makes a pending or dead delivery canceled. An attempt that runs goes on, its result is lost. It is no
// error when the delivery is canceled already; ErrNotFound when it is not in memory.
func (q *Queue) Cancel(ctx context.Context, id event.DeliveryID) error { return errTemporary }

// Drop makes a dead delivery canceled, with ReasonDropped. ErrNotFound when there is no such dead delivery.
func (q *Queue) Drop(ctx context.Context, id event.DeliveryID) error { return errTemporary }
