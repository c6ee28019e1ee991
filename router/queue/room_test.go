package queue_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// TestNoRoomForEvents: while the log says that its disk is full, or that a write hangs, no event is taken and nothing is
// replayed; what is stored is delivered, its results and a person's decisions are recorded, and it is over at once.
func TestNoRoomForEvents(t *testing.T) {
	for name, ail := range map[string]queue.Health{
		"full":    {Full: errors.New("no space")},
		"stalled": {Stalled: queue.StallLimit},
	} {
		t.Run(name, func(t *testing.T) { synctest.Test(t, func(t *testing.T) { noRoom(t, ail) }) })
	}
}

func noRoom(t *testing.T, ail queue.Health) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	defer r.stop()
	l := r.lane(t, "build")
	ev, ds := anEvent("first", "", "build", "later")
	r.put(t, ev, ds)
	r.log.Ail(ail)
	time.Sleep(20 * time.Millisecond) // so old may be what it knows
	before := r.log.Len()
	another, pairs := anEvent("second", "", "build")
	if _, err := r.Enqueue(t.Context(), another, pairs); !errors.Is(err, queue.ErrNoRoom) {
		t.Errorf("an event: %v", err)
	}
	if _, err := r.ReplayEvent(t.Context(), ev.ID, pairs); !errors.Is(err, queue.ErrNoRoom) {
		t.Errorf("a replay: %v", err)
	}
	if n := r.log.Len(); n != before {
		t.Errorf("%d records were written", n-before)
	}
	le, _, _ := next(t, l)
	finish(t, l, le, delivered)
	if err := r.Cancel(t.Context(), ds[1].ID); err != nil {
		t.Errorf("a cancel: %v", err)
	}
	if err := r.SetNote(t.Context(), "pause/x", "yes"); err != nil {
		t.Errorf("a note: %v", err)
	}
	synctest.Wait()
	if s := r.Stats(); s.UnsyncedResult != 0 {
		t.Errorf("%+v", s)
	}
	r.log.Ail(queue.Health{})
	time.Sleep(20 * time.Millisecond)
	r.put(t, another, pairs)
	r.same(t)
}
