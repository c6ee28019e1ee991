package queue

import (
	"context"
	"errors"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

var errTemporary = errors.New("lists need the history")

// Query selects events or deliveries, newest first. Empty fields select all.
type Query struct {
	Source, Type, Route, Destination, SenderID string

	State        string // pending, delivered, dead, canceled, or for events unmatched
	Since, Until time.Time
	Limit        int    // 0 means 50; at most 1,000
	Cursor       string // Next of the page before
	// Filter decides on what the fields above let pass; a page may then be short and still have a Next.
	Filter func(*EventRow) (bool, error)
}

// Page is one part of a list.
type Page[T any] struct {
	Items      []T
	Next       string // cursor of the next page, "" at the end
	Rebuilding bool   // the history is being rebuilt: things may be missing
}

// EventRow is an event in a list.
type EventRow struct {
	ID         event.EventID
	Pos        Pos
	Source     string
	Type       string
	SenderID   string
	ReceivedAt time.Time
	Size       int // bytes of the body
	Duplicates int
	Matched    int // deliveries
	Pending    int
	Delivered  int
	Dead       int
	Canceled   int
	Marks      bool // something went wrong when it was accepted
}

// DeliveryRow is a delivery in a list.
type DeliveryRow struct {
	event.Delivery
	Source     string // of the event
	Type       string // of the event
	LastStatus int    // HTTP status of the last attempt, 0 when there was none
	LastError  string
}

// Events lists events; it reflects every commit that returned before it.
func (q *Queue) Events(ctx context.Context, query Query) (Page[EventRow], error) {
	return Page[EventRow]{}, errTemporary
}

// Deliveries lists deliveries; it reflects every commit that returned before it.
func (q *Queue) Deliveries(ctx context.Context, query Query) (Page[DeliveryRow], error) {
	return Page[DeliveryRow]{}, errTemporary
}
