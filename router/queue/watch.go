package queue

import (
	"context"
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
	Pos      Pos
	Time     time.Time
	Kind     UpdateKind
	Event    *event.Event    // of UpdateEvent, without its body
	Size     int             // bytes of that event's body
	Delivery *event.Delivery // of the others, as it is after the record
	Attempt  *event.Attempt  // of UpdateDelivery when an attempt ended
}

// Watch yields what happens after from, first what the log still has, then live, until ctx ends. From 0 is from the
// start; Stats().Applied is from now. Records that were trimmed are skipped.
func (q *Queue) Watch(ctx context.Context, from Pos) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {}
}
