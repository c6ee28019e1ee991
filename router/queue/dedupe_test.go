package queue_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// TestRefusedEventCanBeSentAgain: when the append fails, its key must not make the resend a duplicate, unless the
// record turned up in the log all the same.
func TestRefusedEventCanBeSentAgain(t *testing.T) {
	for fault, duplicate := range map[logtest.Fault]bool{logtest.Lose: false, logtest.Keep: true} {
		log := logtest.NewMemory()
		r := start(t, log, queue.Options{})
		log.FailAppend(1, fault)
		first, ds := anEvent("one", "key", "build")
		if _, err := r.Enqueue(t.Context(), first, ds); !errors.Is(err, logtest.ErrInjected) {
			t.Fatalf("fault %v: %v", fault, err)
		}
		if fault == logtest.Keep {
			until(t, "the kept record is applied", func() bool { return r.Stats().Pending == 1 })
		}
		again, ds := anEvent("one", "key", "build")
		got := r.put(t, again, ds)
		if got.Duplicate != duplicate || duplicate && got.Event != first.ID || !duplicate && got.Event != again.ID {
			t.Errorf("fault %v: receipt %+v", fault, got)
		}
		if n := r.Stats().Pending; n != 1 {
			t.Errorf("fault %v: %d deliveries are pending, want 1", fault, n)
		}
		r.same(t)
		r.stop()
	}
}

// TestSameKeyAtOnce: of events with one key that are on their way together, one is stored; the others get its id.
func TestSameKeyAtOnce(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	const callers = 32
	got := make([]queue.Receipt, callers)
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			ev, ds := anEvent(fmt.Sprint(i), "key", "build")
			got[i], _ = r.Enqueue(t.Context(), ev, ds)
		})
	}
	wg.Wait()
	firsts := 0
	for _, g := range got {
		if g.Event != got[0].Event || g.Event.IsZero() {
			t.Errorf("receipts name %s and %s", got[0].Event, g.Event)
		}
		if !g.Duplicate {
			firsts++
		}
	}
	if firsts != 1 || r.Stats().Pending != 1 {
		t.Errorf("%d are no duplicates, %d deliveries; want 1, 1", firsts, r.Stats().Pending)
	}
	r.same(t)
}

func TestDuplicateBringsDeadAndMissingPairsToLife(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	build, audit := r.lane(t, "build"), r.lane(t, "audit")
	first, ds := anEvent("first", "key", "build", "audit", "bot")
	r.put(t, first, ds)
	le, _, _ := next(t, build)
	finish(t, build, le, dead())
	le, _, _ = next(t, audit)
	finish(t, audit, le, delivered)
	until(t, "one dead, one pending", func() bool { s := r.Stats(); return s.Dead == 1 && s.Pending == 1 })

	again, pairs := anEvent("again", "key", "build", "audit", "bot", "new")
	got := r.put(t, again, pairs)
	if !got.Duplicate || got.Event != first.ID || got.Deliveries != 2 {
		t.Fatalf("receipt %+v", got)
	}
	if s := r.Stats(); s.Dead != 0 || s.Pending != 3 {
		t.Errorf("stats %+v, want 3 pending", s)
	}
	le, ev, d := next(t, build)
	if d.ID != ds[0].ID || d.Round != 1 || d.Attempts != 0 || d.Tries != 2 || string(ev.Body) != "first" {
		t.Errorf("reopened delivery is %+v of %q", d, ev.Body)
	}
	finish(t, build, le, delivered)
	fresh := r.lane(t, "new")
	_, ev, d = next(t, fresh)
	if string(ev.Body) != "first" || d.Event != first.ID || d.ID != pairs[3].ID {
		t.Errorf("added delivery is %+v of %q", d, ev.Body)
	}
	third, pairs := anEvent("third", "key", "new", "audit")
	if got = r.put(t, third, pairs); got.Deliveries != 0 || got.Event != first.ID {
		t.Errorf("the third one made something: %+v", got)
	}
	detail, err := r.Event(t.Context(), first.ID)
	if err != nil || detail.Duplicates != 2 || len(detail.Deliveries) != 4 {
		t.Errorf("detail %+v, %v; want 2 duplicates, 4 deliveries", detail, err)
	}
	r.same(t)
}

func TestKeyIsForgottenAfterItsWindow(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	first, ds := anEvent("first", "key", "build")
	first.DedupeFor = time.Minute
	r.put(t, first, ds)
	second, ds := anEvent("second", "key", "build")
	second.ReceivedAt = first.ReceivedAt.Add(time.Minute + time.Nanosecond)
	if got := r.put(t, second, ds); got.Duplicate {
		t.Errorf("behind the window: %+v", got)
	}
	third, ds := anEvent("third", "key", "build")
	third.ReceivedAt = second.ReceivedAt
	if got := r.put(t, third, ds); got.Event != second.ID {
		t.Errorf("the window of the second one did not begin: %+v", got)
	}
	other, ds := anEvent("other", "key", "build")
	other.Source = "shop"
	if got := r.put(t, other, ds); got.Duplicate {
		t.Errorf("keys of another source count: %+v", got)
	}
	r.same(t)
}

func TestFullQueueRefuses(t *testing.T) {
	log := logtest.NewMemory()
	r := start(t, log, queue.Options{MaxPending: 2})
	ev, ds := anEvent("a", "", "build", "audit")
	r.put(t, ev, ds)
	before := log.Len()
	ev, ds = anEvent("b", "", "build")
	if _, err := r.Enqueue(t.Context(), ev, ds); !errors.Is(err, queue.ErrFull) {
		t.Errorf("got %v, want ErrFull", err)
	}
	if log.Len() != before {
		t.Error("a refused event was written")
	}
	ev, _ = anEvent("c", "")
	r.put(t, ev, nil) // needs no room
	if _, err := r.Enqueue(t.Context(), ev, []event.Delivery{{}}); err == nil {
		t.Error("a delivery without an id was taken")
	}
}
