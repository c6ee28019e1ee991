package queue_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/history"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// smallHistory has borders between blocks, files and writes everywhere.
var smallHistory = history.Options{
	FileRows: 84, TailRows: 16, FlushEvery: time.Millisecond, SyncEvery: 5 * time.Millisecond,
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// all reads a whole list, page by page.
func all[T any](
	t fataler, query queue.Query, list func(context.Context, queue.Query) (queue.Page[T], error),
) (items []T, rebuilding bool) {
	t.Helper()
	for {
		page, err := list(context.Background(), query)
		if err != nil {
			t.Fatalf("%+v: %v", query, err)
		}
		items, rebuilding = append(items, page.Items...), rebuilding || page.Rebuilding
		if page.Next == "" {
			return items, rebuilding
		}
		query.Cursor = page.Next
	}
}

var someQueries = []queue.Query{
	{Limit: 3}, {Limit: 7, State: "pending"}, {State: "delivered"}, {State: "dead", Limit: 1}, {State: "canceled"},
	{State: "unmatched"}, {Destination: "build"}, {Destination: "audit", State: "pending"}, {Route: "to-bot"},
	{Source: "cms", Type: "publish"}, {Source: "none"}, {SenderID: "s-1"}, {SenderID: "s-2"},
}

// sameLists compares every list of two queues.
func sameLists(t fataler, what string, got, want *queue.Queue) {
	t.Helper()
	for _, query := range someQueries {
		ge, rebuilding := all(t, query, got.Events)
		we, _ := all(t, query, want.Events)
		if rebuilding || !reflect.DeepEqual(ge, we) {
			t.Fatalf("%s: events of %+v (rebuilding %v)\n got %+v\nwant %+v", what, query, rebuilding, ge, we)
		}
		gd, _ := all(t, query, got.Deliveries)
		wd, _ := all(t, query, want.Deliveries)
		if !reflect.DeepEqual(gd, wd) {
			t.Fatalf("%s: deliveries of %+v\n got %+v\nwant %+v", what, query, gd, wd)
		}
	}
}

// life drives a queue at random.
type life struct {
	*rig
	lanes  map[string]*queue.Lane
	events []event.EventID
	ds     []event.DeliveryID
}

var places = []string{"build", "audit", "bot"}

func (l *life) laneTo(t *rapid.T, dest string) *queue.Lane {
	if l.lanes[dest] == nil {
		lane, err := l.Lane(context.Background(), dest)
		if err != nil {
			t.Fatalf("lane %s: %v", dest, err)
		}
		l.lanes[dest] = lane
	}
	return l.lanes[dest]
}

func (l *life) accept(t *rapid.T) {
	key := rapid.SampledFrom([]string{"", "", "k1", "k2", "k3"}).Draw(t, "key")
	ev, ds := anEvent("body", key, rapid.SliceOfDistinct(rapid.SampledFrom(places), rapid.ID).Draw(t, "to")...)
	ev.SenderID = rapid.SampledFrom([]string{"s-1", "s-2"}).Draw(t, "sender")
	for i := range ds {
		if rapid.Bool().Draw(t, "coalesce") {
			ds[i].Coalesce = event.Coalesce{Key: "c", Wait: time.Nanosecond}
		}
		l.ds = append(l.ds, ds[i].ID)
	}
	got, err := l.Enqueue(context.Background(), ev, ds)
	if err != nil {
		t.Fatalf("enqueue: %v", err)
	}
	l.events = append(l.events, got.Event)
}

// attempt leases what is due at a destination and ends it somehow.
func (l *life) attempt(t *rapid.T) {
	lane := l.laneTo(t, rapid.SampledFrom(places).Draw(t, "destination"))
	for _, le := range lane.Lease(rapid.IntRange(1, 4).Draw(t, "leases"), time.Minute, nil) {
		if _, _, err := le.Begin(context.Background()); err != nil {
			continue // superseded meanwhile
		}
		o := rapid.SampledFrom([]event.Outcome{delivered, delivered, retryIn(0), dead()}).Draw(t, "outcome")
		a := event.Attempt{Started: time.Now().UTC(), Status: 200 + int(o.State), Error: o.State.String()}
		if err := lane.Finish(context.Background(), le, a, o); err != nil {
			t.Fatalf("finish: %v", err)
		}
	}
}

func (l *life) meddle(t *rapid.T) {
	if len(l.ds) == 0 {
		t.Skip("nothing yet")
	}
	id := rapid.SampledFrom(l.ds).Draw(t, "delivery")
	now := time.Now().UTC()
	ctx := context.Background()
	switch rapid.IntRange(0, 3).Draw(t, "how") {
	case 0:
		_ = l.Cancel(ctx, id) // not all can be
	case 1:
		_ = l.Drop(ctx, id)
	case 2:
		_ = l.ReplayDelivery(ctx, id, now, now.Add(time.Hour))
	case 3:
		_, ds := anEvent("", "", rapid.SampledFrom(places).Draw(t, "again to"))
		if _, err := l.ReplayEvent(ctx, rapid.SampledFrom(l.events).Draw(t, "event"), ds); err == nil {
			l.ds = append(l.ds, ds[0].ID)
		}
	}
}

// settled waits until all that was finished is applied: a finish is durable later.
func (l *life) settled(t fataler) {
	for end := time.Now().Add(5 * time.Second); l.Stats().UnsyncedResult > 0 || l.Stats().Applied < l.Health().Last; {
		if time.Now().After(end) {
			t.Fatalf("results never became durable: %+v", l.Stats())
		}
		time.Sleep(time.Millisecond)
	}
}

// witness watches a queue and keeps what it saw of each delivery last, which the history has no part in.
type witness struct {
	mu     sync.Mutex
	last   map[event.DeliveryID]event.Delivery
	events map[event.EventID]bool
}

func watched(ctx context.Context, q *queue.Queue) *witness {
	w := &witness{last: map[event.DeliveryID]event.Delivery{}, events: map[event.EventID]bool{}}
	go func() {
		for u := range q.Watch(ctx, 0) {
			w.mu.Lock()
			if u.Event != nil {
				w.events[u.Event.ID] = true
			}
			if u.Delivery != nil {
				w.last[u.Delivery.ID] = *u.Delivery
			}
			w.mu.Unlock()
		}
	}()
	return w
}

// mark stores an event and waits until the witness has seen it.
func (w *witness) mark(t fataler, q *queue.Queue) {
	ev, _ := anEvent("mark", "")
	if _, err := q.Enqueue(context.Background(), ev, nil); err != nil {
		t.Fatalf("mark: %v", err)
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		w.mu.Lock()
		seen := w.events[ev.ID]
		w.mu.Unlock()
		if seen {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the watch never saw event %s", ev.ID)
		}
	}
}

// check compares the list with what was seen.
func (w *witness) check(t fataler, q *queue.Queue) {
	rows, _ := all(t, queue.Query{}, q.Deliveries)
	events, _ := all(t, queue.Query{}, q.Events)
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(rows) != len(w.last) || len(events) != len(w.events) {
		t.Fatalf("%d deliveries and %d events listed, %d and %d seen", len(rows), len(events), len(w.last), len(w.events))
	}
	for _, row := range rows {
		got, want := essence(row.Delivery), essence(w.last[row.ID])
		if got != want {
			t.Fatalf("delivery %s\n got %+v\nwant %+v", row.ID, got, want)
		}
		if row.Attempts > 0 && row.LastStatus == 0 {
			t.Fatalf("delivery %+v has no last status", row)
		}
	}
}

// essence leaves out times, which the history keeps to the millisecond or not at all.
func essence(d event.Delivery) event.Delivery {
	d.Created, d.Due, d.Expires, d.Updated = time.Time{}, time.Time{}, time.Time{}, time.Time{}
	return d
}

// TestListsAfterRandomLives compares what the live queue lists with what one lists that only knows the log.
func TestListsAfterRandomLives(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := start(t, logtest.NewMemory(), queue.Options{History: smallHistory})
		defer r.stop()
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		w := watched(ctx, r.Queue)
		w.mark(rt, r.Queue)
		l := &life{rig: r, lanes: map[string]*queue.Lane{}}
		rt.Repeat(map[string]func(*rapid.T){
			"accept": l.accept, "attempt": l.attempt, "attempt again": l.attempt, "meddle": l.meddle,
		})
		l.settled(rt)
		w.mark(rt, r.Queue)
		w.check(rt, r.Queue)
		fresh, err := queue.Open(t.Context(), r.log, queue.Options{Dir: t.TempDir(), History: smallHistory})
		if err != nil {
			rt.Fatal(err)
		}
		sameLists(rt, "live and rebuilt", r.Queue, fresh)
		l.count(rt)
	})
}

// count checks the lists against the counters of the state.
func (l *life) count(t fataler) {
	t.Helper()
	st := l.Stats()
	pending, _ := all(t, queue.Query{State: "pending"}, l.Deliveries)
	dead, _ := all(t, queue.Query{State: "dead"}, l.Deliveries)
	if len(pending) != st.Pending || len(dead) != st.Dead {
		t.Fatalf("%d pending and %d dead listed, %+v", len(pending), len(dead), st)
	}
	events, _ := all(t, queue.Query{}, l.Events)
	n := 0
	for _, e := range events {
		n += e.Pending
	}
	if n != st.Pending {
		t.Fatalf("events list %d pending deliveries, the state has %d", n, st.Pending)
	}
}

// busyQueue has delivered, pending, dead, canceled and unmatched things behind it.
func busyQueue(t *testing.T, r *rig, events int) {
	t.Helper()
	l := r.lane(t, "build")
	for i := range events {
		ev, ds := anEvent(fmt.Sprint("body ", i), "", places[:i%4]...)
		r.put(t, ev, ds)
		if i%4 == 0 {
			continue
		}
		le, _, _ := next(t, l)
		finish(t, l, le, []event.Outcome{delivered, dead(), delivered}[i%3])
	}
	until(t, "results are durable", func() bool {
		return r.Stats().UnsyncedResult == 0 && r.Stats().Applied == r.Health().Last
	})
}

// TestHistorySpoiled deletes or garbles the history of a stopped queue: the next one serves at once, says that it
// rebuilds, and lists the same in the end.
func TestHistorySpoiled(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{History: smallHistory})
	busyQueue(t, r, 120)
	r.stop()
	want, err := queue.Open(t.Context(), r.log, queue.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(t *testing.T, file string){
		"whole":   func(*testing.T, string) {},
		"removed": func(t *testing.T, file string) { must(t, os.Remove(file)) },
		"empty":   func(t *testing.T, file string) { must(t, os.Truncate(file, 0)) },
		"zeros in the middle": func(t *testing.T, file string) {
			b, err := os.ReadFile(file)
			must(t, err)
			clear(b[len(b)/2:][:32])
			must(t, os.WriteFile(file, b, 0o600))
		},
	} {
		t.Run(name, func(t *testing.T) {
			files, err := filepath.Glob(filepath.Join(r.dir, "history", "*"))
			must(t, err)
			if len(files) < 3 {
				t.Fatalf("history has only the files %v", files)
			}
			for _, file := range files {
				spoil(t, file)
			}
			again := start(t, r.log, r.options())
			until(t, "rebuilt", func() bool {
				_, rebuilding := all(t, queue.Query{State: "dead"}, again.Events)
				return !rebuilding
			})
			sameLists(t, name, again.Queue, want)
			again.stop()
		})
	}
}

func (r *rig) options() queue.Options {
	o := r.opts
	o.Dir = r.dir
	return o
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestRebuildWhileServing damages the history under a running queue that goes on accepting.
func TestRebuildWhileServing(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{History: smallHistory})
	busyQueue(t, r, 200)
	files, err := filepath.Glob(filepath.Join(r.dir, "history", "events-*"))
	must(t, err)
	for _, file := range files {
		must(t, os.Truncate(file, 100))
	}
	until(t, "the damage is noticed", func() bool {
		_, rebuilding := all(t, queue.Query{State: "dead"}, r.Events)
		return rebuilding
	})
	for i := 0; i < 100; i++ {
		ev, ds := anEvent("more", "", places[:i%4]...)
		r.put(t, ev, ds)
	}
	until(t, "rebuilt", func() bool {
		_, rebuilding := all(t, queue.Query{}, r.Events)
		return !rebuilding
	})
	want, err := queue.Open(t.Context(), r.log, queue.Options{Dir: t.TempDir()})
	must(t, err)
	sameLists(t, "rebuilt beside the live one", r.Queue, want)
	ev, ds := anEvent("last", "", "build")
	r.put(t, ev, ds)
	page, err := r.Events(t.Context(), queue.Query{Limit: 1})
	if err != nil || page.Items[0].ID != ev.ID || page.Rebuilding {
		t.Errorf("the list does not begin with the event just accepted: %+v, %v", page, err)
	}
}
