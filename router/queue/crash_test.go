package queue_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// world is a queue with a simple account of what it promised.
type world struct {
	t     *rapid.T
	tb    *testing.T
	r     *rig
	lane  *queue.Lane
	begun []*queue.Lease
	acked map[event.EventID]acked
	final map[event.DeliveryID]bool // ended in a way that the world saw or wanted
	keys  map[string]event.EventID
}

type acked struct {
	body  string
	pairs []event.Delivery
}

func (w *world) open(log *logtest.Memory, dir string) {
	w.r = start(w.tb, log, queue.Options{Dir: dir})
	l, err := w.r.Lane(w.tb.Context(), "build")
	if err != nil {
		w.t.Fatal(err)
	}
	w.lane, w.begun = l, nil
}

func (w *world) enqueue() {
	key := rapid.SampledFrom([]string{"", "", "k1", "k2", "k3"}).Draw(w.t, "dedupe")
	ev, ds := anEvent(fmt.Sprint(len(w.acked)), key, "build")
	if c := rapid.SampledFrom([]string{"", "x", "y"}).Draw(w.t, "coalesce"); c != "" {
		ds[0].Coalesce = event.Coalesce{Key: c}
	}
	if rapid.Bool().Draw(w.t, "refused") {
		w.r.log.FailAppend(1, rapid.SampledFrom([]logtest.Fault{logtest.Lose, logtest.Keep}).Draw(w.t, "fault"))
	}
	got, err := w.r.Enqueue(w.tb.Context(), ev, ds)
	switch {
	case err != nil:
		w.settle() // not promised; a kept one may turn up
	case got.Duplicate:
		if first, ok := w.keys[key]; ok && got.Event != first {
			w.t.Fatalf("key %q is a duplicate of %s, the first was %s", key, got.Event, first)
		}
		w.keys[key] = got.Event
	default:
		if _, ok := w.keys[key]; key != "" && ok {
			w.t.Fatalf("key %q was stored twice", key)
		}
		w.acked[ev.ID] = acked{body: string(ev.Body), pairs: ds}
		if key != "" {
			w.keys[key] = ev.ID
		}
	}
}

func (w *world) begin() {
	for _, le := range w.lane.Lease(1, time.Minute, nil) {
		ev, d, err := le.Begin(w.tb.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if a, ok := w.acked[ev.ID]; ok && a.body != string(ev.Body) {
			w.t.Fatalf("event %s came back as %q, not %q", ev.ID, ev.Body, a.body)
		}
		if w.final[d.ID] {
			w.t.Fatalf("delivery %s was over and is tried again", d.ID)
		}
		w.begun = append(w.begun, le)
	}
}

func (w *world) finish() {
	if len(w.begun) == 0 {
		return
	}
	le := w.begun[0]
	w.begun = w.begun[1:]
	o := rapid.SampledFrom([]event.Outcome{delivered, retryIn(0), dead()}).Draw(w.t, "outcome")
	if err := w.lane.Finish(w.tb.Context(), le, event.Attempt{}, o); err != nil {
		w.t.Fatal(err)
	}
	w.settle()
	if o.State == event.Delivered {
		w.final[le.ID()] = true
	}
}

// settle waits until all results are durable and applied.
func (w *world) settle() {
	until(w.tb, "results are durable", func() bool { return w.r.Stats().UnsyncedResult == 0 })
	until(w.tb, "all is applied", func() bool { return w.r.Stats().Applied >= w.r.Health().Last })
}

// crash goes on with what the log holds now: nothing else of the process is left but, perhaps, its snapshots.
func (w *world) crash() {
	w.settle()
	log := w.r.log.Cut(w.r.log.Len())
	dir := w.r.dir
	if rapid.Bool().Draw(w.t, "clean") {
		w.r.stop()
		log = w.r.log.Cut(w.r.log.Len())
	} else if rapid.Bool().Draw(w.t, "bare") {
		dir = ""
	}
	w.open(log, dir)
}

// check: what was acked is there, as exactly one delivery of its pair that is pending, dead, seen delivered, or
// superseded by one that is there.
func (w *world) check() {
	w.settle()
	w.r.same(w.tb)
	for id, a := range w.acked {
		e, err := w.r.Event(w.tb.Context(), id)
		if err != nil {
			w.t.Fatalf("acked event %s: %v", id, err)
		}
		if len(e.Deliveries) != 1 || e.Deliveries[0].Delivery.ID != a.pairs[0].ID {
			w.t.Fatalf("acked event %s has %d deliveries, want its one", id, len(e.Deliveries))
		}
		d := e.Deliveries[0].Delivery
		switch {
		case d.State == event.Delivered && !w.final[d.ID]:
			w.t.Fatalf("delivery %s is delivered, but never was", d.ID)
		case d.State == event.Canceled && (d.Reason != event.ReasonCoalesced || d.Successor.IsZero()):
			w.t.Fatalf("delivery %s is canceled: %+v", d.ID, d)
		case d.State == event.Canceled:
			if _, err := w.r.Delivery(w.tb.Context(), d.Successor); err != nil {
				w.t.Fatalf("successor of %s: %v", d.ID, err)
			}
		}
	}
	w.checkWindows()
}

// checkWindows: of one key at most one waits that was never superseded, but for those that were tried.
func (w *world) checkWindows() {
	waiting := map[string]int{}
	for id := range w.acked {
		e, err := w.r.Event(w.tb.Context(), id)
		if err != nil {
			w.t.Fatal(err)
		}
		if d := e.Deliveries[0].Delivery; d.State == event.Pending && d.Coalesce.Key != "" && d.Tries == 0 && d.Round == 0 {
			waiting[d.Coalesce.Key]++
		}
	}
	for key, n := range waiting {
		if n > 1 {
			w.t.Fatalf("%d deliveries of key %q wait untried, want one", n, key)
		}
	}
}

// TestPromisesOutliveCrashes drives a queue at random, with appends that fail and crashes, and holds it against the
// account of what was acknowledged.
func TestPromisesOutliveCrashes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := &world{
			t: rt, tb: t, acked: map[event.EventID]acked{}, final: map[event.DeliveryID]bool{},
			keys: map[string]event.EventID{},
		}
		w.open(logtest.NewMemory(), "")
		for range rapid.IntRange(1, 30).Draw(rt, "steps") {
			switch rapid.IntRange(0, 9).Draw(rt, "step") {
			case 0, 1, 2, 3:
				w.enqueue()
			case 4, 5:
				w.begin()
			case 6, 7:
				w.finish()
			case 8:
				w.crash()
			case 9:
				w.check()
			}
		}
		w.check()
		w.r.stop()
	})
}
