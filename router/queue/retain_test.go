package queue_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// TestRetention: old events go, and what is still pending or dead, notes and owners outlive the trim.
func TestRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := queue.Options{SnapshotEvery: time.Minute, Retention: queue.Retention{History: time.Hour, Dead: 3 * time.Hour}}
		r := start(t, logtest.NewMemory(), o)
		l := r.lane(t, "build")
		if err := r.SetNote(t.Context(), "pause/x", "yes"); err != nil {
			t.Fatal(err)
		}
		gone, ds := anEvent("gone", "", "build")
		r.put(t, gone, ds)
		le, _, _ := next(t, l)
		finish(t, l, le, delivered)
		died, ds := anEvent("died", "", "build")
		r.put(t, died, ds)
		le, _, _ = next(t, l)
		finish(t, l, le, dead())
		parked, ds := anEvent("parked", "", "later")
		r.put(t, parked, ds)
		for range 100 { // events go by, and time
			ev, _ := anEvent("other", "")
			r.put(t, ev, nil)
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		if _, err := r.Event(t.Context(), gone.ID); !errors.Is(err, queue.ErrNotFound) && !errors.Is(err, queue.ErrTrimmed) {
			t.Errorf("the old event: %v", err)
		}
		if s := r.Stats(); s.Pending != 1 || s.Dead != 1 {
			t.Fatalf("stats %+v, want one pending and one dead", s)
		}
		r.same(t)
		crashed := start(t, r.log.Cut(r.log.Len()), queue.Options{})
		if v, _ := crashed.Note("pause/x"); v != "yes" {
			t.Error("the note is gone")
		}
		if _, ev, d := next(t, crashed.lane(t, "later")); string(ev.Body) != "parked" || d.Tries != 1 {
			t.Errorf("%q, %+v", ev.Body, d)
		}
		if body, err := crashed.Body(t.Context(), died.ID); err != nil || string(body) != "died" {
			t.Errorf("body of the dead one: %q, %v", body, err)
		}
		crashed.stop()
		for range 120 {
			ev, _ := anEvent("other", "")
			r.put(t, ev, nil)
			time.Sleep(time.Minute)
		}
		if s := r.Stats(); s.Dead != 0 {
			t.Errorf("after its retention: %+v", s)
		}
		r.same(t)
		r.stop()
	})
}

// TestDuplicateOfTrimmedEvent: dedupe ends with the record.
func TestDuplicateOfTrimmedEvent(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	first, _ := anEvent("first", "key")
	r.put(t, first, nil)
	second, _ := anEvent("second", "")
	pos := r.put(t, second, nil).Pos
	if err := r.log.Trim(t.Context(), pos); err != nil {
		t.Fatal(err)
	}
	again, ds := anEvent("again", "key", "build")
	if got := r.put(t, again, ds); got.Duplicate || got.Event != again.ID {
		t.Errorf("receipt %+v", got)
	}
	third, ds := anEvent("third", "key", "build")
	if got := r.put(t, third, ds); got.Event != again.ID {
		t.Errorf("receipt %+v", got)
	}
	r.same(t)
}

func TestReplays(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	l := r.lane(t, "build")
	ev, ds := anEvent("a", "", "build", "audit")
	r.put(t, ev, ds)
	le, _, _ := next(t, l)
	finish(t, l, le, delivered)
	until(t, "delivered", func() bool { return l.Stats().Pending == 0 })
	now := time.Now().UTC()
	if err := r.ReplayDelivery(t.Context(), ds[0].ID, now, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	le, back, d := next(t, l)
	if d.Round != 1 || d.Attempts != 0 || d.Tries != 2 || d.ID != ds[0].ID || string(back.Body) != "a" {
		t.Errorf("replayed %+v of %q", d, back.Body)
	}
	finish(t, l, le, dead())
	until(t, "dead", func() bool { return r.Stats().Dead == 1 })
	_, pairs := anEvent("", "", "build", "audit", "new")
	got, err := r.ReplayEvent(t.Context(), ev.ID, pairs)
	if err != nil || got != (queue.ChangeResult{Created: 1, Reopened: 1, Pending: 1}) {
		t.Errorf("replay of the event: %+v, %v", got, err)
	}
	le, _, d = next(t, l)
	if d.Round != 2 || d.Tries != 3 {
		t.Errorf("replayed again %+v", d)
	}
	finish(t, l, le, dead())
	until(t, "dead again", func() bool { return r.Stats().Dead == 1 })
	if err := r.Drop(t.Context(), ds[0].ID); err != nil {
		t.Fatal(err)
	}
	if err := r.Drop(t.Context(), ds[1].ID); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("drop of a pending one: %v", err)
	}
	one, err := r.Delivery(t.Context(), ds[0].ID)
	if err != nil || one.Delivery.Reason != event.ReasonDropped || len(one.Attempts) != 3 || one.Delivery.Round != 2 {
		t.Errorf("detail %+v, %v", one, err)
	}
	if all, err := r.Event(t.Context(), ev.ID); err != nil || len(all.Deliveries) != 3 {
		t.Errorf("event %+v, %v", all, err)
	}
	if err := r.ReplayDelivery(t.Context(), event.NewDeliveryID(now), now, now); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("replay of nothing: %v", err)
	}
	r.same(t)
}
