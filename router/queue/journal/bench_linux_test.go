package journal

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hookrouter/hookrouter/router/queue"
)

// BenchmarkAppend64 is 64 writers of 6.7 KB records, each waiting for its record to be durable.
func BenchmarkAppend64(b *testing.B) {
	l, err := Open(b.TempDir(), Options{})
	if err != nil {
		b.Fatal(err)
	}
	rec := queue.Record(bytes.Repeat([]byte("0123456789"), 670))
	b.SetBytes(int64(len(rec)))
	b.ReportAllocs()
	b.ResetTimer()
	before := processTime(b)
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
	b.ReportMetric(float64((processTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/record")
	if err := l.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/float64(l.seq-uint64(b.N)), "records/sync") // each write begins with one more item
}

// BenchmarkAt reads records that are in memory, and from files.
func BenchmarkAt(b *testing.B) {
	for name, records := range map[string]int{"memory": 1000, "file": 20000} {
		b.Run(name, func(b *testing.B) {
			l, err := Open(b.TempDir(), Options{})
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			rec := queue.Record(bytes.Repeat([]byte("0123456789"), 670))
			first, err := l.Append(b.Context(), rec)
			if err != nil {
				b.Fatal(err)
			}
			for range records / 1000 {
				if _, err := l.Append(b.Context(), repeat(rec, 1000)...); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := l.At(b.Context(), first); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func repeat(r queue.Record, n int) (rs []queue.Record) {
	for range n {
		rs = append(rs, r)
	}
	return rs
}

// processTime is the CPU time that this process has used.
func processTime(b *testing.B) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
