package queue_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/journal"
)

// TestRetentionBySize: ten times retention's size pass a destination that is paused. The disk stays bounded, and after
// a rebuild from the log alone nothing that was delivered comes back and what waits still waits, with its body.
func TestRetentionBySize(t *testing.T) {
	t.Parallel()
	const size, segment, body = 4 << 20, 256 << 10, 16 << 10
	dir := t.TempDir()
	o := queue.Options{Dir: filepath.Join(dir, "state"), SnapshotEvery: time.Hour}
	q, stop := run(t, dir, segment, o)
	q.SetRetention(queue.Retention{Size: size})
	waits, ds := anEvent("waits", "", "paused")
	ds[0].Expires = time.Now().Add(720 * time.Hour)
	put(t, q, waits, ds)
	lane, err := q.Lane(t.Context(), "build")
	if err != nil {
		t.Fatal(err)
	}
	for sent := body; sent <= 10*size; sent += body {
		ev, ds := anEvent(string(bytes.Repeat([]byte{'x'}, body)), "", "build")
		put(t, q, ev, ds)
		le, _, _ := next(t, lane)
		finish(t, lane, le, event.Outcome{State: event.Delivered, Counted: true})
		if sent%(2*size) == 0 { // the queue looks every second
			until(t, "the log is cut to its size", func() bool { return q.Health().Bytes <= 2*size })
		}
	}
	stop()

	if err := os.RemoveAll(o.Dir); err != nil {
		t.Fatal(err)
	}
	q, stop = run(t, dir, segment, o)
	defer stop()
	if s := q.Stats(); s.Pending != 1 {
		t.Fatalf("after the rebuild: %+v, want one pending", s)
	}
	lane, err = q.Lane(t.Context(), "paused")
	if err != nil {
		t.Fatal(err)
	}
	if _, ev, _ := next(t, lane); string(ev.Body) != "waits" || ev.ID != waits.ID {
		t.Errorf("what waited is %s %q", ev.ID, ev.Body)
	}
}

// run opens a queue over a journal with small segments and runs it until stop.
func run(t *testing.T, dir string, segment int64, o queue.Options) (q *queue.Queue, stop func()) {
	t.Helper()
	log, err := journal.Open(filepath.Join(dir, "journal"), journal.Options{SegmentSize: segment})
	if err != nil {
		t.Fatal(err)
	}
	if q, err = queue.Open(t.Context(), log, o); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- q.Run(ctx) }()
	return q, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
		if err := log.Close(); err != nil {
			t.Errorf("close the journal: %v", err)
		}
	}
}

func put(t *testing.T, q *queue.Queue, ev *event.Event, ds []event.Delivery) {
	t.Helper()
	if _, err := q.Enqueue(t.Context(), ev, ds); err != nil {
		t.Fatal(err)
	}
}
