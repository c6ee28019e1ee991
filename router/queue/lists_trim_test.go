package queue_test

import (
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// TestListsAfterATrim lets retention remove most of the log: what was carried over is listed last, by age, with its
// deliveries, the rest is gone, and a rebuild from what the log has left lists the same.
func TestListsAfterATrim(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{
		History: smallHistory, SnapshotBytes: 1, Retention: queue.Retention{Size: 64 << 10},
	})
	l := r.lane(t, "build")
	body := strings.Repeat("x", 1000)
	var open []event.EventID
	for i := range 200 {
		ev, ds := anEvent(body, "", "build")
		ev.ID = event.NewEventID(ev.ReceivedAt.Add(time.Duration(i) * time.Millisecond)) // in this order
		if i%20 == 0 {
			ds[0].Due = time.Now().Add(time.Hour)
			open = append(open, ev.ID)
		}
		r.put(t, ev, ds)
		if i%20 != 0 {
			le, _, _ := next(t, l)
			finish(t, l, le, []event.Outcome{delivered, dead(), delivered, delivered}[i%4])
		}
	}
	first := r.Health().First
	until(t, "old records are trimmed", func() bool { return r.Health().First > first && r.Stats().UnsyncedResult == 0 })
	r.stop()
	q, err := queue.Open(t.Context(), r.log, r.options()) // with what the live one wrote, and nothing moves any more
	if err != nil {
		t.Fatal(err)
	}
	events, _ := all(t, queue.Query{State: "pending", Limit: 3}, q.Events)
	if len(events) != len(open) {
		t.Fatalf("%d events with pending deliveries listed, want %d", len(events), len(open))
	}
	for i, e := range events {
		if e.ID != open[len(open)-1-i] || e.Pending != 1 {
			t.Errorf("item %d is %+v, want %s", i, e, open[len(open)-1-i])
		}
		if d, err := q.Event(t.Context(), e.ID); err != nil || len(d.Deliveries) != 1 {
			t.Errorf("event %s: %+v, %v", e.ID, d, err)
		}
	}
	st := q.Stats()
	dead, _ := all(t, queue.Query{State: "dead", Limit: 4}, q.Deliveries)
	if len(dead) != st.Dead {
		t.Errorf("%d dead listed, %d in memory", len(dead), st.Dead)
	}
	if every, _ := all(t, queue.Query{}, q.Events); len(every) >= 200 {
		t.Errorf("%d events are listed, the trimmed ones among them", len(every))
	}
	fresh, err := queue.Open(t.Context(), r.log, queue.Options{Dir: t.TempDir(), History: smallHistory})
	if err != nil {
		t.Fatal(err)
	}
	if fresh.Hash() != q.Hash() {
		t.Error("states differ")
	}
	sameLists(t, "after a trim", q, fresh)
}
