package logtest

import (
	"bytes"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"

	"github.com/hookrouter/hookrouter/router/queue"
)

// Engine is a Log in files, as the crash suite needs it.
type Engine struct {
	Open Open
	// Copy copies the files in one directory, whose Log is open and may be appending, to another as a crash at this
	// moment would leave them: what was acknowledged before the call is in the copy.
	Copy func(t *testing.T, from, to string)
	// Newest names the file in dir that holds the newest records, and where in it the first of them begins and the
	// last ends.
	Newest func(t *testing.T, dir string) (file string, first, end int64)
}

// Crash is the crash suite: what a Log must keep, whatever became of its files' end. Damage is done at so many
// offsets, each in four ways.
func Crash(t *testing.T, e Engine, offsets int) {
	t.Run("copy while idle", func(t *testing.T) { testCopyIdle(t, e) })
	t.Run("copy while appending", func(t *testing.T) { testCopyBusy(t, e) })
	t.Run("damaged end", func(t *testing.T) { testDamagedEnd(t, e, offsets) })
}

func testCopyIdle(t *testing.T, e Engine) {
	dir, copied := t.TempDir(), t.TempDir()
	l := e.Open(t, dir)
	defer func() { _ = l.Close() }()
	want := fill(t, l, 200)
	e.Copy(t, dir, copied)
	c := e.Open(t, copied)
	defer func() { _ = c.Close() }()
	same(t, readUntil(t, c, 0, want[len(want)-1].Pos), want)
	if d := c.Health().Damaged; d != 0 {
		t.Errorf("%d records counted as damaged in a sound copy", d)
	}
	more := fill(t, c, 20)
	same(t, readUntil(t, c, more[0].Pos, more[19].Pos), more)
}

func testCopyBusy(t *testing.T, e Engine) {
	const writers, rounds = 8, 5
	dir := t.TempDir()
	l := e.Open(t, dir)
	stop := make(chan struct{})
	var todo sync.WaitGroup
	var mu sync.Mutex
	var acked []queue.Entry
	for w := range writers {
		todo.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				r := record(w, i)
				p, err := l.Append(t.Context(), r)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				acked = append(acked, queue.Entry{Pos: p, Record: r})
				mu.Unlock()
			}
		})
	}
	for range rounds {
		mu.Lock()
		before := slices.Clone(acked)
		mu.Unlock()
		copied := t.TempDir()
		e.Copy(t, dir, copied)
		checkKept(t, e.Open(t, copied), before)
	}
	close(stop)
	todo.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// checkKept looks for each record at its place, and closes the Log.
func checkKept(t *testing.T, l queue.Log, want []queue.Entry) {
	t.Helper()
	for _, w := range want {
		got, err := l.At(t.Context(), w.Pos)
		if err != nil || !bytes.Equal(got.Record, w.Record) {
			t.Fatalf("At(%d) of an acknowledged record: %d bytes, %v", w.Pos, len(got.Record), err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// damage is a way to harm a file from an offset on.
type damage struct {
	name   string
	prefix bool // only what was appended before the offset may be left
	do     func(b []byte, off int64) []byte
}

func damages() []damage {
	return []damage{
		{"truncated", true, func(b []byte, off int64) []byte { return b[:off] }},
		{"zeroed", true, func(b []byte, off int64) []byte { clear(b[off:]); return b }},
		{"garbled", true, func(b []byte, off int64) []byte {
			rnd := rand.New(rand.NewPCG(uint64(off), 1))
			for i := range b[off:] {
				b[off+int64(i)] ^= byte(1 + rnd.IntN(255))
			}
			return b
		}},
		{"one byte flipped", false, func(b []byte, off int64) []byte { b[off] ^= 0x10; return b }},
	}
}

func testDamagedEnd(t *testing.T, e Engine, offsets int) {
	dir, base := t.TempDir(), t.TempDir()
	l := e.Open(t, dir)
	defer func() { _ = l.Close() }()
	want := fill(t, l, 100)
	e.Copy(t, dir, base)
	file, first, end := e.Newest(t, base)
	sound, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	ways := damages()
	kept := make([]int, len(ways)) // records left with the damage at the offset before
	for n := range offsets {
		off := first + (end-first)*int64(n)/int64(offsets)
		for i, d := range ways {
			if err := os.WriteFile(file, d.do(bytes.Clone(sound), off), 0o600); err != nil {
				t.Fatal(err)
			}
			got := checkDamaged(t, e, base, want, d, off)
			if got < kept[i] && d.prefix {
				t.Errorf("%s at %d: %d records left, %d when it began earlier", d.name, off, got, kept[i])
			}
			kept[i] = got
		}
	}
}

// checkDamaged opens a damaged Log, looks for what must be left, appends, and opens it once more.
func checkDamaged(t *testing.T, e Engine, dir string, want []queue.Entry, d damage, off int64) int {
	t.Helper()
	copied := t.TempDir()
	if err := os.CopyFS(copied, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	l := e.Open(t, copied)
	got := readAll(t, l)
	switch {
	case d.prefix && len(got) <= len(want):
		same(t, got, want[:len(got)])
	case !d.prefix && len(got) >= len(want)-1: // one byte costs one record at most
		i := 0
		for i < len(got) && got[i].Pos == want[i].Pos {
			i++
		}
		same(t, got, slices.Concat(want[:i], want[i+len(want)-len(got):]))
	default:
		t.Fatalf("%s at %d: %d of %d records left", d.name, off, len(got), len(want))
	}
	all := append(got, fill(t, l, 3)...)
	same(t, readAll(t, l), all)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	l = e.Open(t, copied)
	same(t, readAll(t, l), all)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return len(got)
}

func readAll(t *testing.T, l queue.Log) []queue.Entry {
	t.Helper()
	last := l.Health().Last
	if last == 0 {
		return nil
	}
	return readUntil(t, l, 0, last)
}
