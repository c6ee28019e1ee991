package queue

import (
	"context"

	"github.com/hookrouter/hookrouter/event"
)

// EventDetail is all that is known of an event.
type EventDetail struct {
	Event      *event.Event // without its body
	Pos        Pos
	Size       int // bytes of the body
	Duplicates int
	Deliveries []DeliveryDetail
}

// DeliveryDetail is all that is known of a delivery.
type DeliveryDetail struct {
	Delivery event.Delivery
	Source   string          // of the event
	Type     string          // of the event
	Detail   string          // operator's text beside the reason
	Attempts []event.Attempt // the last 20, oldest first
	Earlier  int             // attempts before those
}

// Event finds an event with its deliveries and their attempts; ErrNotFound or ErrTrimmed.
func (q *Queue) Event(ctx context.Context, id event.EventID) (*EventDetail, error) {
	return nil, errTemporary
}

// Delivery finds a delivery with its attempts; ErrNotFound or ErrTrimmed.
func (q *Queue) Delivery(ctx context.Context, id event.DeliveryID) (*DeliveryDetail, error) {
	return nil, errTemporary
}

// Body reads the bytes that the sender sent; ErrNotFound or ErrTrimmed.
func (q *Queue) Body(ctx context.Context, id event.EventID) ([]byte, error) { return nil, errTemporary }

// Full reads a whole event, for example to match it again; ErrNotFound or ErrTrimmed.
func (q *Queue) Full(ctx context.Context, id event.EventID) (*event.Event, error) {
	return nil, errTemporary
}
