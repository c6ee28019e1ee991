package queue_test

import (
	"bytes"
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/journal"
)

// long reports whether the tests run at full size, as `make crash` does.
func long() bool { return os.Getenv("HOOKROUTER_LONG") != "" }

// TestRetentionBySizeLong: ten times retention's size pass a destination that is paused, and one that is dead. The disk
// stays bounded, and after a rebuild from the log alone nothing that was delivered comes back and what waits still
// waits, with its body.
func TestRetentionBySizeLong(t *testing.T) {
	t.Parallel()
	size := int64(64 << 20)
	if long() {
		size = 1 << 30
	}
	dir := t.TempDir()
	o := queue.Options{Dir: filepath.Join(dir, "state"), SnapshotEvery: time.Hour}
	q, stop := run(t, dir, size/16, o)
	q.SetRetention(queue.Retention{Size: size})
	waits, ds := anEvent("waits", "", "paused")
	expires := time.Now().Add(720 * time.Hour).UTC()
	ds[0].Expires = expires
	put(t, q, waits, ds)
	died, ds := anEvent("died", "", "refuses")
	ds[0].State, ds[0].Reason = event.Dead, event.ReasonRefused
	put(t, q, died, ds)
	got := deliverAll(t, q, "build")
	sent := 0
	for range 5 {
		sent += pass(t, q, "build", 2*size)
		within(t, time.Minute, "all is delivered", func() bool { return q.Stats().Pending == 1 && q.Stats().UnsyncedResult == 0 })
		within(t, 30*time.Second, "the log is cut to its size", func() bool { return q.Health().Bytes <= 2*size })
	}
	stop()
	if used := bytesBelow(t, dir); used > 5*size/2 {
		t.Errorf("%d MiB are on the disk, retention says %d", used>>20, size>>20)
	}
	if n := got(); n != sent {
		t.Errorf("%d attempts for %d events", n, sent)
	}

	if err := os.RemoveAll(o.Dir); err != nil {
		t.Fatal(err)
	}
	q, stop = run(t, dir, size/16, o)
	defer stop()
	if s := q.Stats(); s.Pending != 1 || s.Dead != 1 {
		t.Fatalf("after the rebuild: %+v, want one pending, one dead", s)
	}
	lane, err := q.Lane(t.Context(), "paused")
	if err != nil {
		t.Fatal(err)
	}
	if _, ev, d := next(t, lane); string(ev.Body) != "waits" || ev.ID != waits.ID || d.Tries != 1 || !d.Expires.Equal(expires) {
		t.Errorf("what waited is %s %q, %+v", ev.ID, ev.Body, d)
	}
	if body, err := q.Body(t.Context(), died.ID); err != nil || string(body) != "died" {
		t.Errorf("what is dead is %q, %v", body, err)
	}
}

// pass sends so many bytes of events to a destination and returns how many events these are.
func pass(t *testing.T, q *queue.Queue, destination string, size int64) int {
	const body, senders = 128 << 10, 8
	each := int(size / body / senders)
	text := string(bytes.Repeat([]byte{'x'}, body))
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for range each {
				ev, ds := anEvent(text, "", destination)
				if _, err := q.Enqueue(t.Context(), ev, ds); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	return each * senders
}

// deliverAll delivers what comes to a destination until the queue ends; got says how many attempts that took.
func deliverAll(t *testing.T, q *queue.Queue, destination string) (got func() int) {
	lane, err := q.Lane(t.Context(), destination)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	n := 0
	ctx := context.WithoutCancel(t.Context())
	go func() {
		for lane.Wait(ctx) == nil {
			for _, le := range lane.Lease(64, time.Minute, nil) {
				go func() {
					if _, _, err := le.Begin(ctx); err != nil {
						t.Error(err)
						return
					}
					mu.Lock()
					n++
					mu.Unlock()
					if err := lane.Finish(ctx, le, event.Attempt{Started: time.Now().UTC(), Status: 200, Result: "ok"}, delivered); err != nil {
						t.Error(err)
					}
				}()
			}
		}
	}()
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}

func bytesBelow(t *testing.T, dir string) (n int64) {
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
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
