package queue_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

func coalesced(body, key string, wait, max time.Duration) (*event.Event, []event.Delivery) {
	ev, ds := anEvent(body, "", "build")
	ds[0].Coalesce = event.Coalesce{Key: key, Wait: wait, Max: max}
	ds[0].Due = ev.ReceivedAt.Add(wait)
	return ev, ds
}

// TestFiftyBecomeOne: the last one stands for all, wait after it.
func TestFiftyBecomeOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, logtest.NewMemory(), queue.Options{})
		l := r.lane(t, "build")
		for i := range 50 {
			ev, ds := coalesced(fmt.Sprint(i), "space", 10*time.Second, time.Hour)
			r.put(t, ev, ds)
			time.Sleep(2 * time.Second)
		}
		time.Sleep(6 * time.Second)
		if n := l.Stats().Due; n != 0 {
			t.Fatalf("%d are due 8 s after the last one, want none", n)
		}
		time.Sleep(2 * time.Second)
		le, ev, d := next(t, l)
		if string(ev.Body) != "49" || d.Merged != 49 {
			t.Errorf("survivor is %q with %d merged", ev.Body, d.Merged)
		}
		finish(t, l, le, delivered)
		synctest.Wait()
		if n := r.Stats().Pending; n != 0 {
			t.Errorf("%d more are pending", n)
		}
		r.same(t)
		r.stop()
	})
}

func TestCoalesceMaxBoundsTheWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, logtest.NewMemory(), queue.Options{})
		l := r.lane(t, "build")
		begin := time.Now()
		var first event.DeliveryID
		for i := range 8 {
			ev, ds := coalesced(fmt.Sprint(i), "space", 10*time.Second, 12*time.Second)
			r.put(t, ev, ds)
			if i == 0 {
				first = ds[0].ID
			}
			time.Sleep(time.Second)
		}
		if err := l.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != 12*time.Second {
			t.Errorf("due %v after the first, want 12s", took)
		}
		_, ev, d := next(t, l)
		if string(ev.Body) != "7" || d.Merged != 7 {
			t.Errorf("survivor %q with %d merged, want 7 and 7", ev.Body, d.Merged)
		}
		one, err := r.Delivery(t.Context(), first)
		if err != nil || one.Delivery.State != event.Canceled || one.Delivery.Reason != event.ReasonCoalesced ||
			one.Delivery.Successor.IsZero() {
			t.Errorf("the first one became %+v, %v", one, err)
		}
		r.same(t)
		r.stop()
	})
}

// TestRunningAttemptIsNotSuperseded: what is on its way ends by itself, the newer one waits its turn; if the older
// one fails, the newer one stands for both, not before the older one's retry time.
func TestRunningAttemptIsNotSuperseded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, logtest.NewMemory(), queue.Options{})
		l := r.lane(t, "build")
		ev, ds := coalesced("old", "space", time.Second, 0)
		r.put(t, ev, ds)
		time.Sleep(time.Second)
		le, _, _ := next(t, l)
		newer, newerDs := coalesced("new", "space", time.Second, 0)
		r.put(t, newer, newerDs)
		if n := r.Stats().Pending; n != 2 {
			t.Fatalf("%d pending while the old one runs, want 2", n)
		}
		finish(t, l, le, retryIn(time.Minute))
		synctest.Wait()
		if n := r.Stats().Pending; n != 1 {
			t.Fatalf("%d pending after the old one failed, want 1", n)
		}
		begin := time.Now()
		ctx := t.Context()
		if err := l.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(begin); took != time.Minute {
			t.Errorf("the newer one is due after %v, want the retry time of the older", took)
		}
		_, back, d := next(t, l)
		if string(back.Body) != "new" || d.Merged != 1 {
			t.Errorf("%q with %d merged", back.Body, d.Merged)
		}
		r.same(t)
		r.stop()
	})
}

// TestSupersededWhileLeased: a lease that has not begun yields to a newer event.
func TestSupersededWhileLeased(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	l := r.lane(t, "build")
	ev, ds := coalesced("old", "space", 0, 0)
	r.put(t, ev, ds)
	if err := l.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.log.Refuse(errors.New("busy"))
	leases := l.Lease(1, time.Minute, nil)
	r.log.Refuse(nil) // the appender may have tried already: its start comes after a pause, or before the next event
	newer, ds := coalesced("new", "space", 0, 0)
	r.put(t, newer, ds)
	_, back, err := leases[0].Begin(t.Context())
	switch {
	case err == nil && back.Event == ev.ID: // its start came first
	case !errors.Is(err, queue.ErrLost):
		t.Fatalf("Begin: %v", err)
	default:
		if _, got, d := next(t, l); string(got.Body) != "new" || d.Merged != 1 {
			t.Errorf("%q with %d merged", got.Body, d.Merged)
		}
	}
	r.same(t)
}

// TestManyKeysAtOnce: one delivery per key, with that key's last body.
func TestManyKeysAtOnce(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	const keys, each = 100, 10
	var wg sync.WaitGroup
	for k := range keys {
		wg.Go(func() {
			for i := range each {
				ev, ds := coalesced(fmt.Sprintf("%d-%d", k, i), fmt.Sprint(k), 50*time.Millisecond, time.Minute)
				if _, err := r.Enqueue(t.Context(), ev, ds); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if n := r.Stats().Pending; n != keys {
		t.Fatalf("%d pending, want %d", n, keys)
	}
	l := r.lane(t, "build")
	seen := map[string]bool{}
	for range keys {
		le, ev, d := next(t, l)
		seen[string(ev.Body)] = true
		if d.Merged != each-1 {
			t.Errorf("%q has %d merged", ev.Body, d.Merged)
		}
		finish(t, l, le, delivered)
	}
	for k := range keys {
		if !seen[fmt.Sprintf("%d-%d", k, each-1)] {
			t.Errorf("the last of key %d was not delivered", k)
		}
	}
	r.same(t)
}
