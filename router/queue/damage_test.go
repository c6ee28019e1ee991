package queue_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// TestDamagedEvent: the record of an event is damaged while a snapshot knows its deliveries. One that is tried is dead
// with that reason, and neither it nor one that waits keeps old records from going.
func TestDamagedEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := queue.Options{SnapshotBytes: 1000, Retention: queue.Retention{History: time.Hour}}
		r := start(t, logtest.NewMemory(), o)
		ev, ds := anEvent("damaged", "", "build", "later")
		at := r.put(t, ev, ds).Pos
		ev, _ = anEvent("sound", "")
		r.put(t, ev, nil)
		r.stop()
		r.log.Damage(at)
		o.Dir = r.dir
		r = start(t, r.log, o)
		l := r.lane(t, "build")
		if err := l.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, le := range l.Lease(1, time.Minute, nil) {
			if _, _, err := le.Begin(t.Context()); err == nil {
				t.Error("an event was made of a damaged record")
			}
		}
		until(t, "it is dead", func() bool { return r.Stats().Dead == 1 })
		if d, err := r.Delivery(t.Context(), ds[0].ID); err == nil && d.Delivery.Reason != event.ReasonDamaged {
			t.Errorf("it is dead as %s", d.Delivery.Reason)
		}
		for range 100 {
			ev, _ := anEvent("other", "")
			r.put(t, ev, nil)
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		if s, h := r.Stats(), r.Health(); h.First <= at+1 || s.Pending+s.Dead > 0 {
			t.Errorf("the log still begins at %d, %+v", h.First, s)
		}
		r.same(t)
		r.stop()
	})
}
