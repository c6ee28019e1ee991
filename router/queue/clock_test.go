package queue_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/journal"
)

// session opens the queue of a directory, hands it to f and closes it.
func session(t *testing.T, dir string, f func(q *queue.Queue, l *queue.Lane)) {
	t.Helper()
	log, err := journal.Open(dir+"/journal", journal.Options{SegmentSize: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	}()
	q, err := queue.Open(t.Context(), log, queue.Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	l, err := q.Lane(ctx, "build")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	l.Bound(time.Hour)
	f(q, l)
}

// waiting stores n deliveries that are due in half an hour.
func waiting(t *testing.T, n int) func(*queue.Queue, *queue.Lane) {
	return func(q *queue.Queue, l *queue.Lane) {
		now := time.Now()
		for range n {
			ev := &event.Event{ID: event.NewEventID(now), Source: "in", ReceivedAt: now, Method: "POST", Path: "/in/in", Body: []byte("x")}
			d := event.Delivery{
				ID: event.NewDeliveryID(now), Event: ev.ID, Route: "r", Destination: "build", Created: now,
				Due: now.Add(30 * time.Minute), State: event.Pending,
			}
			if _, err := q.Enqueue(t.Context(), ev, []event.Delivery{d}); err != nil {
				t.Fatal(err)
			}
		}
		if got := l.Lease(n, time.Minute, nil); len(got) > 0 {
			t.Errorf("%d are due too early", len(got))
		}
	}
}

// TestClockSetBack: what was stored by a clock of 2026 waits, by a clock of 2000, no longer than anything has to.
func TestClockSetBack(t *testing.T) {
	dir := t.TempDir()
	session(t, dir, waiting(t, 20))
	synctest.Test(t, func(t *testing.T) {
		session(t, dir, func(q *queue.Queue, l *queue.Lane) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			if err := l.Wait(ctx); err != nil {
				t.Errorf("nothing is due within an hour: %v", err)
			}
			if got := len(l.Lease(100, time.Minute, nil)); got != 20 {
				t.Errorf("%d are due, want the 20 of the other clock", got)
			}
			waiting(t, 20)(q, l)
		})
	})
}

// TestClockSetForward: by a later clock all of it is due, and handed out as fast as it is asked for, not faster.
func TestClockSetForward(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) { session(t, dir, waiting(t, 20)) })
	session(t, dir, func(_ *queue.Queue, l *queue.Lane) {
		if err := l.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if one, rest := len(l.Lease(1, time.Minute, nil)), len(l.Lease(100, time.Minute, nil)); one != 1 || rest != 19 {
			t.Errorf("%d and then %d, want 1 and 19", one, rest)
		}
	})
}

// TestTimersAreKept: what waits is due when it was to be, not when a process starts.
func TestTimersAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, began := t.TempDir(), time.Now()
		session(t, dir, waiting(t, 20))
		for range 3 {
			time.Sleep(9 * time.Minute)
			session(t, dir, func(_ *queue.Queue, l *queue.Lane) {
				if got := l.Lease(100, time.Minute, nil); len(got) > 0 {
					t.Errorf("%d are due after %v", len(got), time.Since(began))
				}
			})
		}
		session(t, dir, func(_ *queue.Queue, l *queue.Lane) {
			if err := l.Wait(t.Context()); err != nil || time.Since(began) != 30*time.Minute {
				t.Errorf("due after %v, %v", time.Since(began), err)
			}
			if got := len(l.Lease(100, time.Minute, nil)); got != 20 {
				t.Errorf("%d are due, want 20", got)
			}
		})
	})
}
