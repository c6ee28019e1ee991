package history_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue/history"
)

// busy is a life with every kind of row, over several files.
func busy(seed uint64) *model {
	rnd := rand.New(rand.NewPCG(seed, 1))
	m := &model{clock: 1_000_000}
	for i := range 300 {
		m.clock += rnd.Int64N(20)
		e := m.store(names[i%3], names[i%2], names[rnd.IntN(3)], make([]event.State, rnd.IntN(3))...)
		for _, d := range e.deliveries {
			m.set(d, event.State(1+rnd.IntN(4)))
		}
		if i%7 == 0 {
			m.again(m.events[rnd.IntN(len(m.events))], rnd.IntN(3))
		}
	}
	m.carry(100)
	for _, e := range m.all() {
		if rnd.IntN(4) == 0 && len(e.deliveries) > 0 {
			m.set(e.deliveries[0], event.Dead)
		}
	}
	return m
}

// written makes the files of m in a new directory, old ones of half its life among them.
func written(t *testing.T, m *model) (dir string, old map[string][]byte) {
	t.Helper()
	dir = t.TempDir()
	h := open(t, dir, small)
	half := *m
	half.changes = m.changes[:len(m.changes)/2]
	half.feed(h)
	syncNow(t, h)
	old = contents(t, dir)
	m.feed(h)
	if err := h.Drop(m.dropped); err != nil {
		t.Fatal(err)
	}
	syncNow(t, h)
	h.Close()
	return dir, old
}

func syncNow(t *testing.T, h *history.History) {
	t.Helper()
	if err := h.Sync(); err != nil {
		t.Fatal(err)
	}
}

func contents(t *testing.T, dir string) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = b
	}
	return files
}

// everything lists all there is, as the owner does it: what is damaged is reset and applied again.
func everything(t *testing.T, m *model, dir string) (rebuilt bool) {
	t.Helper()
	h := open(t, dir, small)
	defer func() { h.Close() }()
	rebuilt = h.Applied() == 0
	for {
		m.feed(h)
		err := h.Drop(m.dropped)
		if err == nil {
			err = readAll(h)
		}
		if err == nil {
			break
		}
		if rebuilt || !errors.Is(err, history.ErrDamaged) {
			t.Fatalf("rebuilt %v, then: %v", rebuilt, err)
		}
		if err := h.Reset(); err != nil {
			t.Fatal(err)
		}
		rebuilt = true
	}
	m.check(t, h, history.Filter{}, 100)
	m.check(t, h, history.Filter{State: event.Dead, Route: "a"}, 100)
	return rebuilt
}

// readAll lists all events, then those with a filter that looks at every block.
func readAll(h *history.History) error {
	for _, f := range []history.Filter{{}, {State: event.Dead}} {
		for cursor := ""; ; {
			p, err := h.Events(f, cursor, 100)
			if err != nil {
				return err
			}
			if p.Next == "" {
				break
			}
			cursor = p.Next
		}
	}
	return nil
}

// TestDamage spoils each file in each way: lists are complete afterwards, at the price of a rebuild.
func TestDamage(t *testing.T) {
	m := busy(1)
	dir, old := written(t, m)
	good := contents(t, dir)
	if everything(t, m, dir) {
		t.Fatal("undamaged files were not used")
	}
	if len(good) < 6 {
		t.Fatalf("only %d files", len(good))
	}
	for name, b := range good {
		for what, bad := range spoiled(b, old[name]) {
			t.Run(name+"/"+what, func(t *testing.T) {
				dir := t.TempDir()
				restore(t, dir, good)
				if err := os.WriteFile(filepath.Join(dir, name), bad, 0o600); err != nil {
					t.Fatal(err)
				}
				if !everything(t, m, dir) {
					t.Error("the damage was not noticed")
				}
			})
		}
		t.Run(name+"/missing", func(t *testing.T) {
			dir := t.TempDir()
			restore(t, dir, good)
			if err := os.Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
			if !everything(t, m, dir) {
				t.Error("the damage was not noticed")
			}
		})
	}
}

func restore(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// spoiled are bad versions of a file with the bytes b, of which old is an earlier version.
func spoiled(b, old []byte) map[string][]byte {
	rnd := rand.New(rand.NewPCG(uint64(len(b)), 2))
	bad := map[string][]byte{"empty": nil, "cut": b[:len(b)-1], "half": b[:len(b)/2]}
	if old != nil && !bytes.Equal(old, b) {
		bad["old"] = old
	}
	for i := range 3 {
		garbled := bytes.Clone(b)
		at := rnd.IntN(len(b) - 64)
		for j := range 64 {
			garbled[at+j] ^= byte(1 + rnd.IntN(255))
		}
		bad[fmt.Sprintf("garbled %d", i)] = garbled
	}
	return bad
}
