package journal

import (
	"bytes"
	"sync"
	"testing"

	"github.com/hookrouter/hookrouter/router/queue"
)

// BenchmarkAppend64 is 64 writers of 6.7 KB records, each waiting for its record to be durable.
func BenchmarkAppend64(b *testing.B) {
	l, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	rec := queue.Record(bytes.Repeat([]byte("0123456789"), 670))
	b.SetBytes(int64(len(rec)))
	b.ReportAllocs()
	b.ResetTimer()
	var todo sync.WaitGroup
	for w := range 64 {
		todo.Go(func() {
			for i := w; i < b.N; i += 64 {
				if _, err := l.Append(b.Context(), rec); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	todo.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}
