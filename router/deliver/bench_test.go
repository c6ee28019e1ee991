package deliver

import (
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/journal"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/sink"
)

// BenchmarkLane drains b.N deliveries of 6.7 KB to one destination, over the journal; sink included.
func BenchmarkLane(b *testing.B) {
	log, err := journal.Open(b.TempDir(), journal.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	q, err := queue.Open(b.Context(), log, queue.Options{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	s, url := newSink(b, sink.Options{Keep: -1})
	set := parse(b, oneRoute("a", url))
	d, err := New(Options{Queue: q, Rules: func() *rules.Set { return set }})
	if err != nil {
		b.Fatal(err)
	}
	defer background(b, q.Run)()
	fill64(b, q, b.N)
	b.ResetTimer()
	defer background(b, d.Run)()
	for d.lane("a") == nil {
		runtime.Gosched()
	}
	l := d.lane("a")
	l.mu.Lock()
	l.gate.step(full, time.Now()) // it is not the start that is measured
	l.mu.Unlock()
	l.wake()
	if err := s.Wait(b.N, time.Minute); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "deliveries/s")
}

func fill64(b *testing.B, q *queue.Queue, n int) {
	body := []byte(strings.Repeat("x", 6700))
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := w; i < n; i += 64 {
				now := time.Now()
				ev := &event.Event{ID: event.NewEventID(now), Source: "in", ReceivedAt: now, Method: "POST", Body: body}
				del := event.Delivery{
					ID: event.NewDeliveryID(now), Event: ev.ID, Route: "a", Destination: "a",
					Created: now, Due: now, Expires: now.Add(time.Hour), State: event.Pending,
				}
				if _, err := q.Enqueue(b.Context(), ev, []event.Delivery{del}); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}
