package logtest

import (
	"errors"
	"testing"

	"github.com/hookrouter/hookrouter/router/queue"
)

func TestMemory(t *testing.T) {
	kept := map[string]*Memory{}
	Run(t, func(t *testing.T, dir string) queue.Log {
		m := NewMemory()
		if old := kept[dir]; old != nil {
			m = old.Cut(old.Len())
		}
		kept[dir] = m
		return m
	})
}

func TestMemoryFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault Fault
		kept  int // of the three records of the failed append
	}{"lost": {Lose, 0}, "kept": {Keep, 3}, "half": {Half, 2}} {
		t.Run(name, func(t *testing.T) {
			m := NewMemory()
			m.FailAppend(2, c.fault)
			fill(t, m, 1)
			three := []queue.Record{record(2, 0), record(2, 1), record(2, 2)}
			if _, err := m.Append(t.Context(), three...); !errors.Is(err, ErrInjected) {
				t.Fatalf("second append: %v, want %v", err, ErrInjected)
			}
			fill(t, m, 1)
			if got := len(readUntil(t, m, 0, m.Health().Last)); got != 2+c.kept {
				t.Errorf("%d records, want %d", got, 2+c.kept)
			}
		})
	}
}

func TestMemoryFailsOneInK(t *testing.T) {
	m := NewMemory()
	m.FailEvery(10, Lose)
	failed := 0
	for i := range 100 {
		if _, err := m.Append(t.Context(), record(1, i)); err != nil {
			failed++
		}
	}
	if failed != 10 || m.Len() != 90 {
		t.Errorf("%d failed, %d kept; want 10 and 90", failed, m.Len())
	}
}

func TestMemoryRefusesAndIsCut(t *testing.T) {
	m := NewMemory()
	want := fill(t, m, 10)
	m.Refuse(errors.New("disk full"))
	if _, err := m.Append(t.Context(), record(1, 1)); err == nil || m.Health().Refusing == nil {
		t.Errorf("append while refusing: %v, health %+v", err, m.Health())
	}
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	c := m.Cut(4)
	same(t, readUntil(t, c, 0, want[3].Pos), want[:4])
	if p := appendAll(t, c, record(1, 4)); p != want[4].Pos {
		t.Errorf("position %d after the cut, want %d", p, want[4].Pos)
	}
}
