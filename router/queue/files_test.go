package queue_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// large is a body that is too large for the log, another one for each n.
func large(n int) []byte {
	return bytes.Repeat(fmt.Appendf(nil, "body %08d ", n), 80<<10)
}

// aLarge is anEvent with a large body.
func aLarge(n int, key string, destinations ...string) (*event.Event, []event.Delivery) {
	ev, ds := anEvent("", key, destinations...)
	ev.Body = large(n)
	return ev, ds
}

// withBodies is start with a directory for bodies.
func withBodies(t *testing.T, log *logtest.Memory, o queue.Options) (*rig, string) {
	t.Helper()
	if o.Bodies == "" {
		o.Bodies = filepath.Join(t.TempDir(), "bodies")
	}
	return start(t, log, o), o.Bodies
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		names = append(names, f.Name())
	}
	return names
}

// TestLargeBodies lie in files of their own and come back as they were, to attempts and to people, also after a start
// from a snapshot or from nothing but the log.
func TestLargeBodies(t *testing.T) {
	log := logtest.NewMemory()
	r, dir := withBodies(t, log, queue.Options{})
	small, ds := anEvent("small", "", "build")
	r.put(t, small, ds)
	big, ds := aLarge(1, "", "build")
	r.put(t, big, ds)
	if n := r.Health().Bytes; n > 4096 || len(files(t, dir)) != 1 {
		t.Fatalf("the log has %d bytes, there are %v", n, files(t, dir))
	}
	l := r.lane(t, "build")
	for range 2 {
		le, ev, _ := next(t, l)
		if want := map[event.EventID][]byte{small.ID: small.Body, big.ID: large(1)}[ev.ID]; !bytes.Equal(ev.Body, want) {
			t.Errorf("%d bytes for an attempt, want %d", len(ev.Body), len(want))
		}
		finish(t, l, le, dead())
	}
	until(t, "dead", func() bool { return r.Stats().Dead == 2 })
	r.same(t)
	r.stop() // writes a snapshot
	for _, state := range []string{r.dir, t.TempDir()} {
		again, _ := withBodies(t, log, queue.Options{Dir: state, Bodies: dir})
		if body, err := again.Body(t.Context(), big.ID); err != nil || !bytes.Equal(body, large(1)) {
			t.Errorf("%d bytes for people, %v", len(body), err)
		}
		if d, err := again.Event(t.Context(), big.ID); err != nil || d.Size != len(large(1)) {
			t.Errorf("size %d, %v", d.Size, err)
		}
		again.stop()
	}
}

// TestLargeBodiesGoWithTheirEvents: what is pending keeps its body however often it is carried, the others' files go
// when their records do, and their dedupe keys too.
func TestLargeBodiesGoWithTheirEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, dir := withBodies(t, logtest.NewMemory(), queue.Options{
			SnapshotEvery: time.Minute, Retention: queue.Retention{Size: int64(10 * len(large(0)))},
		})
		defer r.stop()
		kept, ds := aLarge(1, "kept", "later")
		r.put(t, kept, ds)
		for i := range 200 {
			ev, _ := aLarge(i, fmt.Sprint("key ", i))
			ev.DedupeFor = 24 * time.Hour
			r.put(t, ev, nil)
			time.Sleep(time.Minute)
		}
		synctest.Wait()
		if n := len(files(t, dir)); n < 8 || n > 14 {
			t.Errorf("%d files, there is to be room for ten", n)
		}
		if n := r.Stats().DedupeKeys; n > 20 {
			t.Errorf("%d dedupe keys are kept, most of their events are gone", n)
		}
		if body, err := r.Body(t.Context(), kept.ID); err != nil || !bytes.Equal(body, large(1)) {
			t.Errorf("%d bytes of the one that is pending, %v", len(body), err)
		}
		r.same(t)
	})
}

// TestBodiesWithoutARecordGo: those that a crash left, at the next start, unless records are damaged; and those whose
// record was refused, or was one of two at once, at once.
func TestBodiesWithoutARecordGo(t *testing.T) {
	log := logtest.NewMemory()
	r, dir := withBodies(t, log, queue.Options{})
	log.FailAppend(1, logtest.Lose)
	refused, _ := aLarge(1, "")
	if _, err := r.Enqueue(t.Context(), refused, nil); !errors.Is(err, logtest.ErrInjected) {
		t.Fatal(err)
	}
	if left := files(t, dir); len(left) > 0 {
		t.Errorf("%v is left of an event that was refused", left)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			ev, _ := aLarge(2, "same")
			if _, err := r.Enqueue(t.Context(), ev, nil); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if left := files(t, dir); len(left) != 1 {
		t.Errorf("%d files of one event", len(left))
	}
	r.stop()
	if err := os.WriteFile(filepath.Join(dir, "evt_orphan"), []byte("cut off"), 0o600); err != nil {
		t.Fatal(err)
	}
	log.Ail(queue.Health{Damaged: 1})
	r, _ = withBodies(t, log, queue.Options{Bodies: dir})
	r.stop()
	if n := len(files(t, dir)); n != 2 {
		t.Errorf("%d files, where one may belong to a damaged record", n)
	}
	log.Ail(queue.Health{})
	r, _ = withBodies(t, log, queue.Options{Bodies: dir})
	if left := files(t, dir); len(left) != 1 || left[0] == "evt_orphan" {
		t.Errorf("%v is left", left)
	}
}

// TestDamagedBody: an event whose body is not what was stored is never delivered: its deliveries are dead and say why,
// who asks for the bytes is told, and the sender who comes again brings it back.
func TestDamagedBody(t *testing.T) {
	for name, damage := range map[string]func(file string) error{
		"removed": os.Remove,
		"cut":     func(file string) error { return os.Truncate(file, 100) },
		"changed": func(file string) error { return os.WriteFile(file, large(7), 0o600) },
	} {
		t.Run(name, func(t *testing.T) {
			r, dir := withBodies(t, logtest.NewMemory(), queue.Options{})
			ev, ds := aLarge(1, "key", "build")
			r.put(t, ev, ds)
			if err := damage(filepath.Join(dir, files(t, dir)[0])); err != nil {
				t.Fatal(err)
			}
			l := r.lane(t, "build")
			if err := l.Wait(t.Context()); err != nil {
				t.Fatal(err)
			}
			for _, le := range l.Lease(1, time.Minute, nil) {
				if ev, _, err := le.Begin(t.Context()); !errors.Is(err, queue.ErrDamaged) || ev != nil {
					t.Errorf("the attempt began with %+v, %v", ev, err)
				}
			}
			until(t, "dead", func() bool { return r.Stats().Dead == 1 })
			d, err := r.Delivery(t.Context(), ds[0].ID)
			if err != nil || d.Delivery.Reason != event.ReasonDamaged || d.Detail == "" {
				t.Errorf("%+v, %v", d, err)
			}
			if body, err := r.Body(t.Context(), ev.ID); !errors.Is(err, queue.ErrDamaged) || body != nil {
				t.Errorf("%d bytes for people, %v", len(body), err)
			}
			again, ds := aLarge(1, "key", "build")
			if got := r.put(t, again, ds); got.Duplicate {
				t.Errorf("a duplicate of what is lost: %+v", got)
			}
			if _, ev, _ := next(t, l); !bytes.Equal(ev.Body, large(1)) {
				t.Errorf("%d bytes when it was sent again", len(ev.Body))
			}
			r.same(t)
		})
	}
}
