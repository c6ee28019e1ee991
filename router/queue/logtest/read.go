package logtest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/hookrouter/hookrouter/router/queue"
)

func testReadFrom(t *testing.T, open Open) {
	dir := t.TempDir()
	l := open(t, dir)
	want := fill(t, l, 150)
	last := want[len(want)-1].Pos
	check := func() {
		for i := range want {
			same(t, readUntil(t, l, want[i].Pos, last), want[i:])
			if i > 0 {
				same(t, readUntil(t, l, want[i-1].Pos+1, last), want[i:])
			}
		}
	}
	check()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = open(t, dir)
	defer func() { _ = l.Close() }()
	check()
}

func testReadWaits(t *testing.T, open Open) {
	l := fresh(t, open)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	turn := make(chan queue.Entry)
	go func() {
		defer close(turn)
		for e, err := range l.Read(ctx, 0) {
			if err != nil {
				t.Errorf("Read: %v", err)
				return
			}
			turn <- e
		}
	}()
	for i := range 100 { // each is read before the next is there
		r := record(1, i)
		p := appendAll(t, l, r)
		if e := <-turn; e.Pos != p || !bytes.Equal(e.Record, r) {
			t.Fatalf("read %d after append %d at %d", e.Pos, i, p)
		}
	}
	cancel()
	if _, more := <-turn; more {
		t.Error("a record that was never appended")
	}
}

func testReadEnds(t *testing.T, open Open) {
	l := fresh(t, open)
	fill(t, l, 3)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range l.Read(ctx, 0) {
		if err != nil {
			t.Fatalf("Read: %v", err)
		}
		if n++; n == 2 {
			cancel()
		}
	}
	if n != 2 {
		t.Errorf("%d records after ctx ended with the second", n)
	}
	for e, err := range l.Read(ctx, 0) {
		t.Errorf("record %d, error %v under an ended ctx", e.Pos, err)
	}
}

func testAt(t *testing.T, open Open) {
	l := fresh(t, open)
	if _, err := l.At(t.Context(), 1); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("At(1) of an empty log: %v, want %v", err, queue.ErrNotFound)
	}
	want := fill(t, l, 100)
	for _, e := range want {
		got, err := l.At(t.Context(), e.Pos)
		if err != nil || got.Pos != e.Pos || !bytes.Equal(got.Record, e.Record) {
			t.Fatalf("At(%d) = %d, %v", e.Pos, got.Pos, err)
		}
	}
	known := map[queue.Pos]bool{}
	for _, e := range want {
		known[e.Pos] = true
	}
	for _, e := range want {
		for _, p := range []queue.Pos{e.Pos - 1, e.Pos + 1, e.Pos + 8, e.Pos + 24} {
			if _, err := l.At(t.Context(), p); !known[p] && !errors.Is(err, queue.ErrNotFound) {
				t.Fatalf("At(%d), where no record begins: %v, want %v", p, err, queue.ErrNotFound)
			}
		}
	}
	if _, err := l.At(t.Context(), 0); !errors.Is(err, queue.ErrNotFound) {
		t.Errorf("At(0): %v, want %v", err, queue.ErrNotFound)
	}
	if d := l.Health().Damaged; d != 0 {
		t.Errorf("%d records counted as damaged by asking for what is none", d)
	}
}

func testManyReaders(t *testing.T, open Open) {
	const readers, n = 8, 300
	l := fresh(t, open)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := make([][]queue.Entry, readers)
	var todo sync.WaitGroup
	for i := range readers {
		todo.Go(func() {
			for e, err := range l.Read(ctx, 0) {
				if err != nil {
					t.Errorf("Read: %v", err)
					return
				}
				if got[i] = append(got[i], e); len(got[i]) == n {
					return
				}
			}
		})
	}
	want := fill(t, l, n)
	todo.Wait()
	for i := range readers {
		same(t, got[i], want)
	}
}

func testClose(t *testing.T, open Open) {
	l := open(t, t.TempDir())
	want := fill(t, l, 2)
	reading, ended := make(chan struct{}), make(chan error, 1)
	go func() {
		for e, err := range l.Read(context.Background(), 0) {
			if err != nil {
				ended <- err
				return
			}
			if e.Pos == want[1].Pos {
				close(reading)
			}
		}
		ended <- nil
	}()
	<-reading
	for range 2 {
		if err := l.Close(); err != nil {
			t.Fatalf("Close: %v", err)
		}
	}
	if err := <-ended; !errors.Is(err, queue.ErrClosed) {
		t.Errorf("Read at Close: %v, want %v", err, queue.ErrClosed)
	}
	_, appendErr := l.Append(t.Context(), record(1, 1))
	_, atErr := l.At(t.Context(), want[0].Pos)
	for call, err := range map[string]error{
		"Append": appendErr, "At": atErr, "Trim": l.Trim(t.Context(), want[1].Pos),
	} {
		if !errors.Is(err, queue.ErrClosed) {
			t.Errorf("%s after Close: %v, want %v", call, err, queue.ErrClosed)
		}
	}
	for _, err := range l.Read(t.Context(), 0) {
		if !errors.Is(err, queue.ErrClosed) {
			t.Fatalf("Read after Close: %v, want %v", err, queue.ErrClosed)
		}
	}
}
