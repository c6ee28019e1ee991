package queue_test

import (
	"testing"
	"testing/synctest"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// TestLaneWakesAfterASnapshot: rows that came from a snapshot do not keep later ones from waking their lane.
func TestLaneWakesAfterASnapshot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, logtest.NewMemory(), queue.Options{})
		ev, ds := anEvent("a", "", "build")
		r.put(t, ev, ds)
		r.stop()
		r = start(t, r.log, queue.Options{Dir: r.dir})
		l := r.lane(t, "build")
		le, _, _ := next(t, l)
		finish(t, l, le, delivered)
		synctest.Wait()
		woken := false
		go func() { woken = l.Wait(t.Context()) == nil }()
		synctest.Wait() // it sleeps: nothing is pending
		ev, ds = anEvent("b", "", "build")
		r.put(t, ev, ds)
		synctest.Wait()
		if !woken {
			t.Error("the lane was not woken")
		}
	})
}
