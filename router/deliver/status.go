package deliver

import (
	"context"
	"time"
)

// Status is a destination as it is now.
type Status struct {
	Name   string
	URL    string // secrets masked; "" when Parked
	Parked bool   // not in the rules now: its deliveries wait for it to return

	Breaker      string    // closed, open or half-open
	BreakerSince time.Time // when it changed to that; zero when it never did
	NextProbe    time.Time // when an open breaker lets the next attempt through, else zero
	Hold         time.Time // until when the destination asked to be left alone, else zero
	Paused       bool      // until a person resumes it
	PausedSince  time.Time // zero when unknown

	InFlight    int     // attempts that run
	Concurrency int     // most attempts at once
	Ramp        int     // most attempts at once now, while the lane is starting; else Concurrency
	Rate        float64 // most attempts a second, 0 when unbounded

	Pending, Due, Dead int
	Oldest             time.Time // when the oldest pending delivery was created; zero when none
	NextDue            time.Time // zero when none

	LastError   string // of the newest attempt that was not answered 2xx; "" when there was none
	LastErrorAt time.Time
}

// Destinations are those of the rules and those that still have deliveries, by name.
func (d *Deliverer) Destinations() []Status { return nil }

// Pause stops attempts to a destination until Resume, over restarts; attempts that run go on. It returns when the
// pause is durable. Pausing twice is no error. ErrUnknown, or the queue's error.
func (d *Deliverer) Pause(ctx context.Context, name string) error { return nil }

// Resume ends a pause and a hold. It is no error when there was none. ErrUnknown, or the queue's error.
func (d *Deliverer) Resume(ctx context.Context, name string) error { return nil }

// Probe lets an open breaker try one delivery now instead of when its cooldown ends; it does nothing when the breaker
// is not open. ErrUnknown.
func (d *Deliverer) Probe(ctx context.Context, name string) error { return nil }
