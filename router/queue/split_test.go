package queue_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// coarseLog frees nothing: a journal keeps a segment while anything in it is wanted.
type coarseLog struct{ *logtest.Memory }

func (coarseLog) Trim(context.Context, queue.Pos) error { return nil }

// TestPairsOfAnEventCarriedTwice: a duplicate adds a pair to an event that was carried and whose first record is
// still there. The two deliveries are carried apart then, and are known as the pairs of one event all the same.
func TestPairsOfAnEventCarriedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stop := startOver(t, coarseLog{logtest.NewMemory()})
		defer stop()
		ev, ds := anEvent("old", "key", "build")
		ev.DedupeFor, ds[0].Expires = 5*time.Hour, time.Now().Add(48*time.Hour)
		r.put(t, ev, ds)
		r.age(t)
		again, pairs := anEvent("old", "key", "build", "audit")
		pairs[1].Expires = time.Now().Add(48 * time.Hour)
		if got := r.put(t, again, pairs); got.Event != ev.ID || got.Deliveries != 1 {
			t.Fatalf("receipt of the duplicate %+v", got)
		}
		for range 2 { // beyond the dedupe window
			r.age(t)
		}
		_, pairs = anEvent("", "", "build", "audit")
		got, err := r.ReplayEvent(t.Context(), ev.ID, pairs)
		if err != nil || got != (queue.ChangeResult{Pending: 2}) {
			t.Errorf("replay of the event: %+v, %v; want its two deliveries found", got, err)
		}
		detail, err := r.Event(t.Context(), ev.ID)
		if err != nil || len(detail.Deliveries) != 2 {
			t.Errorf("event has %d deliveries, %v", len(detail.Deliveries), err)
		}
	})
}
