package queue_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// after is the queue of a process that comes after one that died now.
func (r *rig) after(t *testing.T) *rig {
	t.Helper()
	return start(t, r.log.Cut(r.log.Len()), queue.Options{Mark: r.copiedMark(t)})
}

// copiedMark is a copy of what the process says of its rehearsal now, if anything.
func (r *rig) copiedMark(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "rehearsal")
	mark, err := os.ReadFile(r.opts.Mark)
	if errors.Is(err, os.ErrNotExist) {
		return name
	}
	if err == nil {
		err = os.WriteFile(name, mark, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// rehearsed are the deliveries that were rehearsed; the process dies in the middle of the one that is deadly.
func (r *rig) rehearsed(t *testing.T, deadly event.DeliveryID) (ids []event.DeliveryID, died *rig) {
	t.Helper()
	all := func(string, string) bool { return true }
	err := r.Rehearse(t.Context(), all, func(_ *event.Event, d *event.Delivery) event.Attempt {
		if ids = append(ids, d.ID); d.ID == deadly && died == nil {
			died = r.after(t)
		}
		return event.Attempt{Result: "rehearsed"}
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids, died
}

func (r *rig) reason(t *testing.T, id event.DeliveryID) event.Reason {
	t.Helper()
	d, err := r.Delivery(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return d.Delivery.Reason
}

// TestWhoDiesInARehearsalIsGuilty: of what ran when the process died, the one that it dies of again is dead, with the
// other suspects of its event; all others go on.
func TestWhoDiesInARehearsalIsGuilty(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	killer, ks := anEvent("killer", "", "build", "audit")
	other, os := anEvent("other", "", "build")
	waits, ws := anEvent("killer, too", "", "ci")
	r.put(t, killer, ks)
	r.put(t, other, os)
	r.put(t, waits, ws)
	build, audit := r.lane(t, "build"), r.lane(t, "audit")
	next(t, build)
	next(t, build)
	next(t, audit)

	r = r.after(t)
	ids, died := r.rehearsed(t, ks[1].ID) // of audit, which is the first
	if len(ids) != 3 {
		t.Errorf("rehearsed %v, want what ran", ids)
	}
	r.same(t)
	if ids, _ := r.rehearsed(t, event.DeliveryID{}); len(ids) > 0 {
		t.Errorf("rehearsed again: %v", ids)
	}
	if died == nil {
		t.Fatal("the killer was not rehearsed")
	}
	ids, _ = died.rehearsed(t, event.DeliveryID{})
	for _, id := range ids {
		if id == ks[0].ID || id == ks[1].ID {
			t.Error("it was rehearsed once more")
		}
	}
	for _, d := range []event.DeliveryID{ks[0].ID, ks[1].ID} {
		if got := died.reason(t, d); got != event.ReasonQuarantined {
			t.Errorf("the killer is dead for %q", got)
		}
	}
	for _, d := range []event.DeliveryID{os[0].ID, ws[0].ID} {
		if got := died.reason(t, d); got != event.NoReason {
			t.Errorf("an innocent is dead: %s", got)
		}
	}
	died.same(t)
	if err := died.ReplayDelivery(t.Context(), ks[1].ID, killer.ReceivedAt, ks[0].Expires); err != nil {
		t.Error(err)
	}
	if ids, _ := died.rehearsed(t, event.DeliveryID{}); len(ids) > 0 {
		t.Errorf("a replayed one is rehearsed: %v", ids)
	}
}

// TestDeathsWithoutARehearsalAccuseNobody: however often the process dies, and whether it stopped in between.
func TestDeathsWithoutARehearsalAccuseNobody(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	ev, ds := anEvent("innocent", "", "build")
	r.put(t, ev, ds)
	for range 4 {
		next(t, r.lane(t, "build"))
		r = r.after(t)
	}
	if ids, _ := r.rehearsed(t, event.DeliveryID{}); len(ids) != 1 {
		t.Errorf("rehearsed %v, want it once", ids)
	}
	r.stop()
	r = r.after(t)
	l := r.lane(t, "build")
	le, _, d := next(t, l)
	if d.Lost != 4 {
		t.Errorf("lost %d times, want 4", d.Lost)
	}
	if err := l.Finish(t.Context(), le, event.Attempt{}, delivered); err != nil && !errors.Is(err, queue.ErrLost) {
		t.Error(err)
	}
	if got := r.reason(t, ds[0].ID); got != event.NoReason {
		t.Errorf("dead for %q", got)
	}
}

// TestEndsBetweenRehearsals: a process that is killed while the log is written, before or after the rendering, accuses
// nobody; one whose file cannot say so leaves it to the log.
func TestEndsBetweenRehearsals(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	ev, ds := anEvent("innocent", "", "build")
	r.put(t, ev, ds)
	next(t, r.lane(t, "build"))
	r = r.after(t)
	var begun *logtest.Memory
	err := r.Rehearse(t.Context(), func(string, string) bool { return true }, func(*event.Event, *event.Delivery) event.Attempt {
		begun = r.log.Cut(r.log.Len()) // as it also is just before and just after
		return event.Attempt{Result: "rehearsed"}
	})
	if err != nil || begun == nil {
		t.Fatal(err)
	}
	for _, known := range []bool{true, false} {
		name := ""
		if known {
			name = r.copiedMark(t)
		}
		next := start(t, begun.Cut(begun.Len()), queue.Options{Mark: name})
		ids, _ := next.rehearsed(t, event.DeliveryID{})
		if again := len(ids) == 1; again != known {
			t.Errorf("it is rehearsed again: %t, want %t", again, known)
		}
		want := event.ReasonQuarantined
		if known {
			want = event.NoReason
		}
		if got := next.reason(t, ds[0].ID); got != want {
			t.Errorf("with a mark %t it is dead for %q, want %q", known, got, want)
		}
		next.same(t)
	}
}
