package logtest

import (
	"context"
	"errors"
	"iter"
	"testing"

	"github.com/hookrouter/hookrouter/router/queue"
)

func testTrim(t *testing.T, open Open) {
	dir := t.TempDir()
	l := open(t, dir)
	want := fill(t, l, 400)
	all, last := want, want[len(want)-1].Pos
	for _, i := range []int{0, 100, 100, 50, 300, len(all) - 1} {
		if err := l.Trim(t.Context(), all[i].Pos); err != nil {
			t.Fatalf("Trim: %v", err)
		}
		want = trimmed(t, l, want, all[i].Pos)
	}
	if err := l.Trim(t.Context(), last+1<<40); err != nil {
		t.Fatalf("Trim after the end: %v", err)
	}
	more := fill(t, l, 20)
	if more[0].Pos <= last {
		t.Fatalf("position %d after %d: positions started anew", more[0].Pos, last)
	}
	want = trimmed(t, l, append(want, more...), more[0].Pos)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	defer func() { _ = l.Close() }()
	same(t, readUntil(t, l, 0, want[len(want)-1].Pos), want)
	if p := appendAll(t, l, record(9, 9)); p <= want[len(want)-1].Pos {
		t.Errorf("position %d after reopening, %d before", p, want[len(want)-1].Pos)
	}
}

// trimmed checks that a Trim to p removed the oldest records only, none from p on, and returns what is left.
func trimmed(t *testing.T, l queue.Log, before []queue.Entry, p queue.Pos) []queue.Entry {
	t.Helper()
	h := l.Health()
	if h.Last == 0 || h.First == 0 {
		return nil
	}
	got := readUntil(t, l, 0, h.Last)
	left := before[len(before)-len(got):]
	same(t, got, left)
	gone := before[:len(before)-len(got)]
	if len(gone) > 0 && gone[len(gone)-1].Pos >= p {
		t.Fatalf("Trim(%d) removed %d", p, gone[len(gone)-1].Pos)
	}
	if h.First != got[0].Pos {
		t.Errorf("first is %d, want %d", h.First, got[0].Pos)
	}
	for _, e := range gone {
		if _, err := l.At(t.Context(), e.Pos); !errors.Is(err, queue.ErrTrimmed) {
			t.Fatalf("At(%d) after it was trimmed: %v, want %v", e.Pos, err, queue.ErrTrimmed)
		}
	}
	return left
}

// testTrimUnderReader trims and appends, so that what was freed is reused, while a reader stands at the start: it
// may miss what is gone, but gets no wrong record.
func testTrimUnderReader(t *testing.T, open Open) {
	dir := t.TempDir()
	l := open(t, dir)
	want := fill(t, l, 200)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir) // nothing is in memory now
	defer func() { _ = l.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	next, stop := iter.Pull2(l.Read(ctx, 0))
	defer stop()
	e, err, _ := next()
	if err != nil {
		t.Fatal(err)
	}
	same(t, []queue.Entry{e}, want[:1])
	if err := l.Trim(t.Context(), want[len(want)-1].Pos); err != nil {
		t.Fatal(err)
	}
	want = append(want, fill(t, l, 200)...)
	for i := 1; e.Pos < want[len(want)-1].Pos; i++ {
		if e, err, _ = next(); err != nil {
			t.Fatal(err)
		}
		for i < len(want)-1 && want[i].Pos < e.Pos {
			i++
		}
		same(t, []queue.Entry{e}, want[i:i+1])
	}
	if d := l.Health().Damaged; d != 0 {
		t.Errorf("%d records counted as damaged that were trimmed", d)
	}
}

func testHealth(t *testing.T, open Open) {
	l := fresh(t, open)
	if h := l.Health(); h.First != 0 || h.Last != 0 || h.Refusing != nil || h.Damaged != 0 {
		t.Errorf("health of an empty log: %+v", h)
	}
	want := fill(t, l, 20)
	h := l.Health()
	if h.First != want[0].Pos || h.Last != want[19].Pos || h.Refusing != nil || h.Damaged != 0 {
		t.Errorf("health %+v, want first %d, last %d, nothing else amiss", h, want[0].Pos, want[19].Pos)
	}
	if h.Bytes <= 0 {
		t.Errorf("%d bytes", h.Bytes)
	}
}
