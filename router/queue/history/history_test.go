package history_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue/history"
)

// small makes files, tails and so all borders small.
var small = history.Options{FileRows: 84, TailRows: 40}

func open(t tb, dir string, o history.Options) *history.History {
	t.Helper()
	h, err := history.Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// feed applies what m did since the history was last fed, a few records at a time.
func (m *model) feed(h *history.History) {
	from := h.Applied()
	for i := 0; i < len(m.changes); {
		j := i
		for j < len(m.changes) && m.changes[j].At == m.changes[i].At {
			j++
		}
		if m.changes[i].At > from {
			h.Apply(m.changes[i].At, m.changes[i:j])
		}
		i = j
	}
}

// machine drives a model and a History through the same life.
type machine struct {
	model
	dir string
	h   *history.History
}

func (m *machine) randomEvent(t *rapid.T) *modelEvent {
	all := m.all()
	if len(all) == 0 {
		t.Skip("no event yet")
	}
	return rapid.SampledFrom(all).Draw(t, "event")
}

var states = rapid.SampledFrom([]event.State{event.Pending, event.Delivered, event.Dead, event.Canceled})

func (m *machine) storeSome(t *rapid.T) {
	for range rapid.IntRange(1, 60).Draw(t, "events") {
		m.clock += int64(rapid.IntRange(-3, 20).Draw(t, "clock"))
		n := rapid.SampledFrom([]int{0, 1, 1, 1, 2, 3, 60}).Draw(t, "deliveries")
		m.store(rapid.SampledFrom(names).Draw(t, "source"), rapid.SampledFrom(names).Draw(t, "type"),
			rapid.SampledFrom(names).Draw(t, "sender"), rapid.SliceOfN(states, n, n).Draw(t, "states")...)
	}
}

func (m *machine) finish(t *rapid.T) {
	for range rapid.IntRange(1, 20).Draw(t, "results") {
		if e := m.randomEvent(t); len(e.deliveries) > 0 {
			m.set(rapid.SampledFrom(e.deliveries).Draw(t, "delivery"), states.Draw(t, "state"))
		}
	}
}

func (m *machine) duplicate(t *rapid.T) {
	m.again(m.randomEvent(t), rapid.IntRange(0, 3).Draw(t, "added"))
}

func (m *machine) trim(t *rapid.T) {
	m.carry(rapid.IntRange(0, 80).Draw(t, "carried"))
	m.feed(m.h)
	if err := m.h.Drop(m.dropped); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) flush(t *rapid.T) {
	m.feed(m.h)
	if err := m.h.Flush(); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) sync(t *rapid.T) {
	m.feed(m.h)
	if err := m.h.Sync(); err != nil {
		t.Fatal(err)
	}
}

// crash loses what is in memory; blocks that were written without a watermark stay.
func (m *machine) crash(t *rapid.T) {
	m.feed(m.h)
	m.h.Close()
	h, err := history.Open(m.dir, small)
	if err != nil {
		t.Fatal(err)
	}
	m.h = h
	m.feed(m.h)
	if err := m.h.Drop(m.dropped); err != nil {
		t.Fatal(err)
	}
}

func (m *machine) filter(t *rapid.T) (f history.Filter) {
	name := rapid.SampledFrom(append([]string{"", "", "", "none"}, names...))
	f.Source, f.Type, f.Sender = name.Draw(t, "source"), name.Draw(t, "type"), ""
	f.Route, f.Destination = name.Draw(t, "route"), name.Draw(t, "destination")
	f.State = rapid.SampledFrom([]event.State{0, 0, 1, 2, 3, 4}).Draw(t, "state")
	if rapid.IntRange(0, 9).Draw(t, "unmatched") == 0 {
		f = history.Filter{Unmatched: true}
	}
	if rapid.Bool().Draw(t, "times") {
		f.Since = time.UnixMilli(rapid.Int64Range(0, m.clock).Draw(t, "since"))
		f.Until = f.Since.Add(time.Duration(rapid.IntRange(0, 500).Draw(t, "for")) * time.Millisecond)
	}
	return f
}

func (m *machine) compare(t *rapid.T) {
	m.feed(m.h)
	m.check(t, m.h, m.filter(t), rapid.SampledFrom([]int{1, 7, 50, 1000}).Draw(t, "limit"))
}

// running runs h until the func it returns is called.
func running(t testing.TB, h *history.History) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	return func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// TestPagesWhileRowsAreAdded reads lists page by page, several at a time, while events come and deliveries end: each
// reader sees all that was there when it began, and nothing twice.
func TestPagesWhileRowsAreAdded(t *testing.T) {
	o := small
	o.FlushEvery, o.SyncEvery = time.Millisecond, 10*time.Millisecond
	h := open(t, t.TempDir(), o)
	defer h.Close()
	stop := running(t, h)
	m := &model{clock: 1_000_000}
	for range 300 {
		m.store("a", "b", "c", event.Pending)
	}
	m.feed(h)
	before := m.all()
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for range 5 {
				events := pages(t, 17, func(c string, n int) (history.Page[history.EventItem], error) {
					return h.Events(history.Filter{Source: "a"}, c, n)
				})
				seen := map[event.EventID]bool{}
				for _, e := range events {
					if seen[e.ID] || e.Pending+e.Delivered+e.Dead != 1 {
						t.Errorf("event %+v: listed before: %v", e, seen[e.ID])
					}
					seen[e.ID] = true
				}
				for _, e := range before {
					if !seen[e.ID] {
						t.Errorf("event %v is missing", e.ID)
					}
				}
			}
		})
	}
	for i := range 600 {
		m.clock++
		m.store("a", "b", "c", event.Pending)
		m.set(m.events[(i*7)%len(m.events)].deliveries[0], event.State(2+i%2))
		m.feed(h)
	}
	readers.Wait()
	stop()
	if h.Applied() != m.pos {
		t.Errorf("applied %d, want %d", h.Applied(), m.pos)
	}
	m.check(t, h, history.Filter{}, 100)
}

// TestRunKeepsTheWatermark: what Run wrote is there without the log.
func TestRunKeepsTheWatermark(t *testing.T) {
	dir := t.TempDir()
	h := open(t, dir, small)
	stop := running(t, h)
	m := busy(3)
	m.feed(h)
	stop()
	h.Close()
	h = open(t, dir, small)
	defer h.Close()
	if h.Applied() != m.pos {
		t.Fatalf("watermark %d, want %d", h.Applied(), m.pos)
	}
	if err := h.Drop(m.dropped); err != nil {
		t.Fatal(err)
	}
	m.check(t, h, history.Filter{}, 100)
}

// TestListsEqualAModel runs random histories, crashes and trims included, and compares every list.
func TestListsEqualAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &machine{dir: t.TempDir(), model: model{clock: 1_000_000}}
		m.h = open(t, m.dir, small)
		defer func() { m.h.Close() }()
		rt.Repeat(map[string]func(*rapid.T){
			"store": m.storeSome, "finish": m.finish, "duplicate": m.duplicate, "trim": m.trim, "flush": m.flush,
			"sync": m.sync, "crash": m.crash, "list": m.compare,
		})
		m.feed(m.h)
		m.check(t, m.h, history.Filter{}, 20)
		m.checkFind(t, m.h)
	})
}
