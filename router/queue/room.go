package queue

import (
	"fmt"
	"sync/atomic"
	"time"
)

// lookEvery is how old what Enqueue knows of the log's room may be: asking costs more than an event should.
const lookEvery = 10 * time.Millisecond

// room says whether the log has room for events. It is safe for concurrent use.
type room struct {
	begun  time.Time
	looked atomic.Int64 // when, as time since begun
	lack   atomic.Pointer[error]
}

// lack says why events are refused now; nil when they are not. What a log refuses altogether it says itself, at Append.
func (q *Queue) lack(now time.Time) error {
	r := &q.room
	last, at := r.looked.Load(), int64(now.Sub(r.begun))
	if at-last >= int64(lookEvery) && r.looked.CompareAndSwap(last, at) {
		h := q.Health()
		h.Refusing = nil
		if err := h.Trouble(); err != nil {
			err = fmt.Errorf("%w: %w", ErrNoRoom, err)
			r.lack.Store(&err)
		} else {
			r.lack.Store(nil)
		}
	}
	if err := r.lack.Load(); err != nil {
		return *err
	}
	return nil
}
