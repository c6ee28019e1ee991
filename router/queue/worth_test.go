package queue_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// carriedLog counts what is carried.
type carriedLog struct {
	*logtest.Memory
	carried atomic.Int64
}

func (c *carriedLog) Append(ctx context.Context, recs ...queue.Record) (queue.Pos, error) {
	if recs[0][0] == carriedRecord {
		c.carried.Add(1)
	}
	return c.Memory.Append(ctx, recs...)
}

const oneEvent = 1200 // bytes of the records of these tests, about

// parked are n events that nobody delivers, in a log that may be half as large as they are.
func parked(t *testing.T, n int) (*rig, *carriedLog) {
	log := &carriedLog{Memory: logtest.NewMemory()}
	r, stop := startWith(t, log, queue.Options{
		SnapshotEvery: time.Minute, Retention: queue.Retention{History: 72 * time.Hour, Size: int64(n) * oneEvent / 2},
	})
	r.log, r.stop = log.Memory, stop
	for range n {
		ev, ds := anEvent(strings.Repeat("x", 1000), "", "later")
		ds[0].Expires = time.Now().Add(720 * time.Hour)
		r.put(t, ev, ds)
	}
	return r, log
}

// others lets n events pass that nobody wants, one each second.
func others(t *testing.T, r *rig, n int) {
	for range n {
		ev, _ := anEvent(strings.Repeat("y", 1000), "")
		r.put(t, ev, nil)
		time.Sleep(time.Second)
	}
}

// TestPendingIsNotCarriedInVain: when what is pending is more than the log may hold, it is not written again and again;
// when much else passes, the log stays bounded and each pending one is carried about as often as its size has passed.
func TestPendingIsNotCarriedInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 200
		r, log := parked(t, n)
		defer r.stop()
		for range 120 {
			time.Sleep(time.Minute)
			if c := log.carried.Load(); c > 0 {
				t.Fatalf("%d events were carried and nothing could go", c)
			}
		}
		most := int64(0)
		for range 10 {
			others(t, r, n)
			most = max(most, r.log.Health().Bytes)
		}
		if limit := int64(3 * n * oneEvent); most > limit {
			t.Errorf("the log came to %d bytes, want at most %d", most, limit)
		}
		if c := log.carried.Load(); c == 0 || c > 12*n {
			t.Errorf("%d events were carried while ten times the pending ones passed", c)
		}
		if s := r.Stats(); s.Pending != n {
			t.Errorf("%d are pending, want %d", s.Pending, n)
		}
		r.same(t)
	})
}

// TestShortDiskShortensHistory: when the log says that room is short, what is done goes before retention says so; what
// is pending stays, and is not carried when that frees nothing.
func TestShortDiskShortensHistory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &carriedLog{Memory: logtest.NewMemory()}
		r, stop := startWith(t, log, queue.Options{SnapshotEvery: time.Minute, Retention: queue.Retention{Size: 1 << 20}})
		defer stop()
		r.log = log.Memory
		ev, ds := anEvent("pending", "", "later")
		r.put(t, ev, ds)
		others(t, r, 300)
		before := r.log.Health().Bytes
		r.log.Ail(queue.Health{Short: before / 2})
		time.Sleep(time.Minute)
		synctest.Wait()
		if now := r.log.Health().Bytes; now > before/2+before/8 {
			t.Errorf("%d of %d bytes are left, half of them had to go", now, before)
		}
		if c := log.carried.Load(); c == 0 || c > 2 {
			t.Errorf("the pending one was carried %d times", c)
		}
		if body, err := r.Body(t.Context(), ev.ID); err != nil || string(body) != "pending" {
			t.Errorf("body %q, %v", body, err)
		}
		r.log.Ail(queue.Health{Short: before})
		for range 100 {
			parked, ds := anEvent(strings.Repeat("x", 1000), "", "later")
			r.put(t, parked, ds)
		}
		time.Sleep(time.Hour)
		if c := log.carried.Load(); c > 4 {
			t.Errorf("%d were carried, nearly all that is there is pending", c)
		}
		r.log.Ail(queue.Health{})
		r.same(t)
	})
}
