package queue_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/journal"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// BenchmarkEnqueue is 64 callers with events of 6.7 KB over a log in memory: the queue's own cost.
func BenchmarkEnqueue(b *testing.B) {
	log := logtest.NewMemory()
	enqueue64(b, log)
}

// BenchmarkEnqueueJournal is the same over the journal, with its syncs.
func BenchmarkEnqueueJournal(b *testing.B) {
	log, err := journal.Open(b.TempDir(), journal.Options{})
	if err != nil {
		b.Fatal(err)
	}
	enqueue64(b, log)
	if err := log.Close(); err != nil {
		b.Fatal(err)
	}
}

func enqueue64(b *testing.B, log queue.Log) {
	q, err := queue.Open(b.Context(), log, queue.Options{Dir: b.TempDir(), MaxPending: 1 << 30})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- q.Run(ctx) }()
	body := string(make([]byte, 6700))
	b.ReportAllocs()
	b.ResetTimer()
	begin := time.Now()
	var wg sync.WaitGroup
	for c := range 64 {
		wg.Go(func() {
			for i := c; i < b.N; i += 64 {
				ev, ds := anEvent(body, fmt.Sprint("k", i), "ci")
				if _, err := q.Enqueue(b.Context(), ev, ds); err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/time.Since(begin).Seconds(), "events/s")
	b.StopTimer()
	cancel()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}
