package queue

import (
	"encoding/binary"
	"io"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// manyRecords are n events of 7 KB with one delivery each.
func manyRecords(n int) []Record {
	body := make([]byte, 6700)
	recs := make([]Record, n)
	for i := range recs {
		var id [16]byte
		binary.BigEndian.PutUint64(id[:], uint64(i))
		binary.LittleEndian.PutUint64(id[8:], uint64(i)*0x9e3779b97f4a7c15)
		now := at(0).Add(time.Duration(i) * time.Microsecond)
		r := record{kind: kindEvent, time: now, event: event.Event{
			ID: id, Source: "github", Type: "push", ReceivedAt: now, Method: "POST", Path: "/in/github", RemoteIP: "192.0.2.1",
			Header: map[string][]string{"Content-Type": {"application/json"}, "X-Github-Event": {"push"}}, Body: body[:n%2+6600],
		}}
		r.rows = []rowData{{Delivery: event.Delivery{
			ID: id, Route: "push-to-ci", Destination: "ci", Created: now, Due: now, Expires: now.Add(24 * time.Hour),
			State: event.Pending,
		}}}
		recs[i] = r.encode()
	}
	return recs
}

func BenchmarkApply(b *testing.B) {
	recs := manyRecords(1 << 14)
	var r record
	s := newState()
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		at := i % len(recs)
		if at == 0 {
			s = newState()
		}
		if err := r.decode(recs[at], false); err != nil {
			b.Fatal(err)
		}
		s.apply(&r, Pos(i+1))
		s.woken = s.woken[:0]
	}
}

// BenchmarkAttempt is the start and the finish of a delivery, applied.
func BenchmarkAttempt(b *testing.B) {
	s := newState()
	var r record
	recs := manyRecords(1 << 14)
	pos := Pos(1)
	add := func(rec Record) {
		if err := r.decode(rec, false); err != nil {
			b.Fatal(err)
		}
		pos++
		s.apply(&r, pos)
		s.woken = s.woken[:0]
	}
	own := record{kind: kindOwn, destination: "ci", owner: token{1}}
	add(own.encode())
	l := s.lane(s.name("ci"))
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if len(l.heap) == 0 {
			b.StopTimer()
			for _, rec := range recs {
				add(rec)
			}
			b.StartTimer()
		}
		a := s.about(s.table.row(l.heap[0]))
		a.number++
		start := record{kind: kindStart, time: at(i), about: a, owner: token{1}}
		end := record{kind: kindFinish, time: at(i), about: a, owner: token{1}, tried: true}
		end.outcome.State = event.Delivered
		add(start.encode())
		add(end.encode())
	}
}

// BenchmarkMillion measures what a million pending deliveries cost: heap, a copy for a snapshot, writing and loading.
func BenchmarkMillion(b *testing.B) {
	const n = 1_000_000
	for range b.N {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		s := newState()
		var r record
		rec := manyRecords(1)[0]
		if err := r.decode(rec, false); err != nil {
			b.Fatal(err)
		}
		for i := range n {
			binary.BigEndian.PutUint64(r.rows[0].ID[:], uint64(i))
			binary.LittleEndian.PutUint64(r.rows[0].ID[8:], uint64(i)*0x9e3779b97f4a7c15)
			r.event.ID = event.EventID(r.rows[0].ID)
			s.apply(&r, Pos(i+1))
			s.woken = s.woken[:0]
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/(1<<20), "MiB")
		begin := time.Now()
		head := s.save()
		b.ReportMetric(float64(time.Since(begin).Milliseconds()), "ms-begin")
		name := filepath.Join(b.TempDir(), "snapshot-0000000000000001")
		begin = time.Now()
		longest := time.Duration(0)
		locked := func(f func()) {
			begin := time.Now()
			f()
			longest = max(longest, time.Since(begin))
		}
		if err := writeSnapshot(name, func(w io.Writer) error { return s.write(w, head, 1, locked) }); err != nil {
			b.Fatal(err)
		}
		s.saved()
		b.ReportMetric(float64(longest.Microseconds()), "us-locked")
		b.ReportMetric(float64(time.Since(begin).Milliseconds()), "ms-write")
		begin = time.Now()
		if _, _, err := readSnapshot(name); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(time.Since(begin).Milliseconds()), "ms-load")
		runtime.KeepAlive(s)
	}
}
