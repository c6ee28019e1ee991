package queue_test

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// TestADeliveryCostsTheSameBehindABacklog: allocations of a delivery and their bytes are equal within 5 % whether 1,000
// or 100,000 are pending.
func TestADeliveryCostsTheSameBehindABacklog(t *testing.T) {
	fewAllocs, fewBytes := costOfADelivery(t, 1000)
	manyAllocs, manyBytes := costOfADelivery(t, 100_000)
	t.Logf("with 1,000 pending %.1f allocations of %.0f bytes, with 100,000 %.1f of %.0f", fewAllocs, fewBytes, manyAllocs, manyBytes)
	if manyAllocs > fewAllocs*1.05 || manyBytes > fewBytes*1.05 {
		t.Error("a delivery costs more when more are pending")
	}
}

// costOfADelivery is the least of a few rounds: snapshots and the like are not of one delivery.
func costOfADelivery(t *testing.T, pending int) (allocs, bytes float64) {
	const rounds, each = 5, 180
	r := start(t, logtest.NewMemory(), queue.Options{})
	defer r.stop()
	fill(t, r, pending+rounds*each)
	l := r.lane(t, "build")
	for range rounds {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		deliver(t, l, each)
		runtime.ReadMemStats(&after)
		a, b := float64(after.Mallocs-before.Mallocs)/each, float64(after.TotalAlloc-before.TotalAlloc)/each
		if allocs == 0 || a < allocs {
			allocs = a
		}
		if bytes == 0 || b < bytes {
			bytes = b
		}
	}
	return allocs, bytes
}

// fill stores n events of 1 KiB with a delivery each.
func fill(t *testing.T, r *rig, n int) {
	body := strings.Repeat("x", 1<<10)
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for range (n + 63 - w) / 64 {
				ev, ds := anEvent(body, "", "build")
				if _, err := r.Enqueue(t.Context(), ev, ds); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// deliver makes n attempts, one after the other.
func deliver(t *testing.T, l *queue.Lane, n int) {
	for range n {
		leases := l.Lease(1, time.Minute, nil)
		if len(leases) != 1 {
			t.Fatal("nothing to lease")
		}
		if _, _, err := leases[0].Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		finish(t, l, leases[0], delivered)
	}
}
