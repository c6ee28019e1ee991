package logtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
)

// patience bounds every wait of the suite. Nothing waits that long unless it is broken.
const patience = 20 * time.Second

// Open opens the Log kept under dir, which is empty at first and then what the Log left when it was closed. A Log
// in memory may key what it keeps by dir.
type Open func(t *testing.T, dir string) queue.Log

// Run is the conformance suite: what queue.Log promises, except what a crash may do, which is Crash.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"order":               testOrder,
		"concurrent appends":  testConcurrent,
		"reopen":              testReopen,
		"read from any place": testReadFrom,
		"read waits":          testReadWaits,
		"read ends with ctx":  testReadEnds,
		"at":                  testAt,
		"trim":                testTrim,
		"trim under a reader": testTrimUnderReader,
		"health":              testHealth,
		"close":               testClose,
		"canceled append":     testCanceled,
		"sizes":               testSizes,
		"many readers":        testManyReaders,
	} {
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

// fresh opens a new Log that is closed with the test.
func fresh(t *testing.T, open Open) queue.Log {
	t.Helper()
	l := open(t, t.TempDir())
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// record makes a record that tells who wrote it as the how manieth, of a size that varies with both.
func record(writer, n int) queue.Record {
	r := fmt.Appendf(nil, "writer %d record %d ", writer, n)
	return append(r, bytes.Repeat([]byte{byte(writer*31 + n)}, (writer*7919+n*104729)%9000)...)
}

func appendAll(t *testing.T, l queue.Log, recs ...queue.Record) queue.Pos {
	t.Helper()
	last, err := l.Append(t.Context(), recs...)
	if err != nil {
		t.Fatalf("Append: %v", err)
	}
	return last
}

// fill appends n records one by one and returns them with their positions.
func fill(t *testing.T, l queue.Log, n int) []queue.Entry {
	t.Helper()
	var es []queue.Entry
	for i := range n {
		r := record(1, i)
		es = append(es, queue.Entry{Pos: appendAll(t, l, r), Record: r})
	}
	return es
}

// readUntil reads from from up to and including last.
func readUntil(t *testing.T, l queue.Log, from, last queue.Pos) (es []queue.Entry) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for e, err := range l.Read(ctx, from) {
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		es = append(es, e)
		if e.Pos >= last {
			return es
		}
	}
	t.Fatalf("Read from %d ended before %d, after %d records", from, last, len(es))
	return nil
}

func same(t *testing.T, got, want []queue.Entry) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d records, want %d", len(got), len(want))
	}
	for i := range got {
		if got[i].Pos != want[i].Pos || !bytes.Equal(got[i].Record, want[i].Record) {
			t.Fatalf("record %d is at %d (%d bytes), want at %d (%d bytes)",
				i, got[i].Pos, len(got[i].Record), want[i].Pos, len(want[i].Record))
		}
	}
}

func testOrder(t *testing.T, open Open) {
	l := fresh(t, open)
	if last, err := l.Append(t.Context()); last != 0 || err != nil {
		t.Errorf("Append of nothing = %d, %v; want 0, nil", last, err)
	}
	es := fill(t, l, 50)
	var three []queue.Record
	for i := range 3 {
		three = append(three, record(2, i))
	}
	last := appendAll(t, l, three...)
	got := readUntil(t, l, 0, last)
	if len(got) != 53 || got[0].Pos == 0 {
		t.Fatalf("%d records from %d on, want 53 after 0", len(got), got[0].Pos)
	}
	same(t, got[:50], es)
	for i, e := range got[50:] {
		if !bytes.Equal(e.Record, three[i]) {
			t.Errorf("record %d of one append is another", i)
		}
	}
	increasing(t, got)
}

func increasing(t *testing.T, es []queue.Entry) {
	t.Helper()
	for i := range es[1:] {
		if es[i].Pos >= es[i+1].Pos {
			t.Fatalf("position %d comes after %d", es[i+1].Pos, es[i].Pos)
		}
	}
}

func testConcurrent(t *testing.T, open Open) {
	const writers, appends = 16, 40
	l := fresh(t, open)
	acked := make([][]queue.Pos, writers)
	var todo sync.WaitGroup
	for w := range writers {
		todo.Go(func() {
			for i := range appends {
				last, err := l.Append(t.Context(), record(w, 2*i), record(w, 2*i+1))
				if err != nil {
					t.Error(err)
					return
				}
				acked[w] = append(acked[w], last)
			}
		})
	}
	todo.Wait()
	got := readUntil(t, l, 0, l.Health().Last)
	if len(got) != 2*writers*appends {
		t.Fatalf("%d records, want %d", len(got), 2*writers*appends)
	}
	increasing(t, got)
	next := make([]int, writers)
	for i := 0; i < len(got); i += 2 {
		var w, n int
		if _, err := fmt.Sscanf(string(got[i].Record), "writer %d record %d ", &w, &n); err != nil {
			t.Fatal(err)
		}
		if n != next[w] || !bytes.Equal(got[i+1].Record, record(w, n+1)) || got[i+1].Pos != acked[w][n/2] {
			t.Fatalf("writer %d: records %d and its neighbor are out of place", w, n)
		}
		next[w] += 2
	}
}

func testReopen(t *testing.T, open Open) {
	dir := t.TempDir()
	var want []queue.Entry
	for range 4 {
		l := open(t, dir)
		want = append(want, fill(t, l, 60)...)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	l := open(t, dir)
	defer func() { _ = l.Close() }()
	last := want[len(want)-1].Pos
	same(t, readUntil(t, l, 0, last), want)
	if h := l.Health(); h.First != want[0].Pos || h.Last != last || h.Damaged != 0 {
		t.Errorf("health %+v, want first %d, last %d, nothing damaged", h, want[0].Pos, last)
	}
	for _, e := range want {
		if got, err := l.At(t.Context(), e.Pos); err != nil || !bytes.Equal(got.Record, e.Record) {
			t.Fatalf("At(%d): %v", e.Pos, err)
		}
	}
}

func testSizes(t *testing.T, open Open) {
	dir := t.TempDir()
	l := open(t, dir)
	var want []queue.Entry
	for i, size := range []int{0, 1, 7, 8, 9, 4095, 4096, 65535, 100, 1 << 20, 0, 3 << 20, 5} {
		r := queue.Record(bytes.Repeat([]byte{byte(i + 1)}, size))
		want = append(want, queue.Entry{Pos: appendAll(t, l, r), Record: r})
	}
	last := want[len(want)-1].Pos
	same(t, readUntil(t, l, 0, last), want)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	defer func() { _ = l.Close() }()
	same(t, readUntil(t, l, 0, last), want)
}

func testCanceled(t *testing.T, open Open) {
	l := fresh(t, open)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.Append(ctx, record(1, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("Append with an ended ctx: %v, want %v", err, context.Canceled)
	}
	fill(t, l, 3)
}
