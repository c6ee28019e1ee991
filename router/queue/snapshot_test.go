package queue_test

import (
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

func snapshots(t testing.TB, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "snapshot-*"))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// busy makes a queue with something of everything, and stops it.
func busy(t *testing.T) *rig {
	r := start(t, logtest.NewMemory(), queue.Options{})
	l := r.lane(t, "build")
	for i, o := range []event.Outcome{delivered, dead(), retryIn(time.Hour)} {
		ev, ds := coalesced(string(rune('a'+i)), "", 0, 0)
		ev.DedupeKey = ev.ID.String()
		ds[0].OrderKey = ev.ID.String()
		r.put(t, ev, ds)
		le, _, _ := next(t, l)
		finish(t, l, le, o)
	}
	ev, ds := coalesced("w", "key", time.Hour, 0)
	r.put(t, ev, ds)
	first, ds := anEvent("dup", "key", "x")
	r.put(t, first, ds)
	again, ds := anEvent("dup", "key", "y")
	r.put(t, again, ds)
	if err := r.SetNote(t.Context(), "pause/build", "by hand"); err != nil {
		t.Fatal(err)
	}
	until(t, "all is applied", func() bool { s := r.Stats(); return s.UnsyncedResult == 0 && s.Dead == 1 })
	r.stop()
	return r
}

func TestSnapshotIsLoaded(t *testing.T) {
	r := busy(t)
	if n := len(snapshots(t, r.dir)); n != 1 {
		t.Fatalf("%d snapshots after a clean end, want 1", n)
	}
	q, err := queue.Open(t.Context(), r.log, queue.Options{Dir: r.dir})
	if err != nil {
		t.Fatal(err)
	}
	if q.Hash() != r.rebuilt(t) {
		t.Error("the snapshot is not what the log tells")
	}
	if s := q.Stats(); s.Snapshot != s.Applied || s.Snapshot == 0 {
		t.Errorf("stats %+v: the snapshot was not used", s)
	}
}

// TestBadSnapshotIsNotUsed: a garbled or foreign one, or one of a longer log, is as good as none.
func TestBadSnapshotIsNotUsed(t *testing.T) {
	r := busy(t)
	name := snapshots(t, r.dir)[0]
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	want := r.rebuilt(t)
	for i := 0; i < len(whole); i += 13 {
		bad := append([]byte{}, whole...)
		bad[i] ^= 0x40
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(name)), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		q, err := queue.Open(t.Context(), r.log, queue.Options{Dir: dir})
		if err != nil || q.Hash() != want || q.Stats().Snapshot != 0 {
			t.Fatalf("byte %d garbled: %v, snapshot %d", i, err, q.Stats().Snapshot)
		}
	}
	for what, log := range map[string]*logtest.Memory{
		"a shorter log": r.log.Cut(r.log.Len() - 1), "an empty log": logtest.NewMemory(),
	} {
		q, err := queue.Open(t.Context(), log, queue.Options{Dir: r.dir})
		if err != nil || q.Stats().Snapshot != 0 {
			t.Errorf("%s: %v, snapshot used up to %d", what, err, q.Stats().Snapshot)
		}
	}
}

// TestSnapshotsWhileRunning: they are written by bytes and by time, two are kept, and each is whole.
func TestSnapshotsWhileRunning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, logtest.NewMemory(), queue.Options{SnapshotEvery: 10 * time.Second, SnapshotBytes: 2000})
		for range 5 {
			ev, ds := anEvent("a", "", "build")
			r.put(t, ev, ds)
			time.Sleep(12 * time.Second)
		}
		if n := len(snapshots(t, r.dir)); n != 2 {
			t.Errorf("%d snapshots are kept, want 2", n)
		}
		at := r.Stats().Snapshot
		for range 10 {
			ev, ds := anEvent("a", "", "build")
			r.put(t, ev, ds)
		}
		time.Sleep(2 * time.Second)
		if r.Stats().Snapshot <= at {
			t.Error("no snapshot after many bytes")
		}
		crashed := start(t, r.log.Cut(r.log.Len()), queue.Options{Dir: r.dir})
		if crashed.Hash() != r.Hash() {
			t.Error("snapshot and tail are not the live state")
		}
		crashed.stop()
		r.stop()
	})
}
