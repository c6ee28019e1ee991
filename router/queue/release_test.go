package queue_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

var errDisk = errors.New("disk is full")

// replayed cancels a delivery and sends it back to pending.
func (r *rig) replayed(t testing.TB, id event.DeliveryID) {
	t.Helper()
	if err := r.Cancel(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := r.ReplayDelivery(t.Context(), id, time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

// begins reports how Begin of a lease ends; it does within a minute.
func begins(t testing.TB, le *queue.Lease) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, _, err := le.Begin(ctx)
	return err
}

// TestLateResultLeavesTheNextLease: a delivery was replayed while its attempt ran, and is leased again when the
// result of that attempt comes.
func TestLateResultLeavesTheNextLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, logtest.NewMemory(), queue.Options{})
		l := r.lane(t, "build")
		ev, ds := anEvent("a", "", "build")
		r.put(t, ev, ds)
		old, _, _ := next(t, l)
		r.replayed(t, ds[0].ID)
		r.log.Refuse(errDisk) // the start of the next attempt has to wait
		leases := l.Lease(1, time.Hour, nil)
		if err := l.Finish(t.Context(), old, event.Attempt{}, delivered); !errors.Is(err, queue.ErrLost) {
			t.Errorf("finish of the attempt before the replay: %v", err)
		}
		r.log.Refuse(nil)
		if err := begins(t, leases[0]); err != nil {
			t.Errorf("attempt after the replay: %v", err)
		}
	})
}

// TestReplacedLeaseEnds: a delivery was replayed while its start waited for the log, and is leased again.
func TestReplacedLeaseEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, logtest.NewMemory(), queue.Options{})
		l := r.lane(t, "build")
		ev, ds := anEvent("a", "", "build")
		r.put(t, ev, ds)
		r.log.Refuse(errDisk)
		old := l.Lease(1, time.Hour, nil)
		synctest.Wait() // the start was refused and is tried again later
		r.log.Refuse(nil)
		r.replayed(t, ds[0].ID)
		leases := l.Lease(1, time.Hour, nil)
		if err := begins(t, leases[0]); err != nil {
			t.Errorf("attempt after the replay: %v", err)
		}
		if err := begins(t, old[0]); !errors.Is(err, queue.ErrLost) {
			t.Errorf("attempt before the replay: %v", err)
		}
		if n := l.Stats().Leased; n != 1 {
			t.Errorf("%d leased, want 1", n)
		}
	})
}

// TestLeasesThatRanOutLeaveNothing: while the log refuses, what runs out and is leased again does not pile up.
func TestLeasesThatRanOutLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, logtest.NewMemory(), queue.Options{})
		l := r.lane(t, "build")
		for range 2 {
			ev, ds := anEvent("a", "", "build")
			r.put(t, ev, ds)
		}
		le, _, _ := next(t, l)
		r.log.Refuse(errDisk)
		finish(t, l, le, delivered) // is tried until the log takes it, and all else behind it
		for range 100 {
			if got := l.Lease(1, time.Second, nil); len(got) != 1 {
				t.Fatalf("leased %d", len(got))
			}
			time.Sleep(3 * time.Second)
			synctest.Wait()
		}
		if n := r.Unsent(); n > 1 {
			t.Errorf("%d records wait for the log, want the last one at most", n)
		}
		r.log.Refuse(nil)
		time.Sleep(time.Minute)
		next(t, l)
	})
}
