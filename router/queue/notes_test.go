package queue_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// steppedLog keeps what a process that is killed right behind a change would leave, but for events.
type steppedLog struct {
	*logtest.Memory
	mu    sync.Mutex
	left  []*logtest.Memory
	trims int // that freed something
}

func (s *steppedLog) keep() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left = append(s.left, s.Cut(s.Len()))
}

func (s *steppedLog) Append(ctx context.Context, recs ...queue.Record) (queue.Pos, error) {
	if recs[0][0] != eventRecord {
		defer s.keep()
	}
	return s.Memory.Append(ctx, recs...)
}

func (s *steppedLog) Trim(ctx context.Context, p queue.Pos) error {
	before := s.Len()
	err := s.Memory.Trim(ctx, p)
	if s.Len() < before {
		s.trims++
	}
	s.keep()
	return err
}

// TestNotesOutliveEachStep: wherever the process is killed while old records are let go, the log alone says what was
// noted, at its newest.
func TestNotesOutliveEachStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &steppedLog{Memory: logtest.NewMemory()}
		r, stop := startOver(t, log)
		set := func(key, value string) (from int) {
			if err := r.SetNote(t.Context(), key, value); err != nil {
				t.Fatal(err)
			}
			return len(log.left)
		}
		set("pause/x", "yes")
		from := set("pause/y", "0")
		since := []int{from} // since[i] is the first that must say i, or more
		for i := range 3 {
			r.age(t)
			since = append(since, set("pause/y", strconv.Itoa(i+1)))
		}
		stop()
		if log.trims < 2 {
			t.Fatalf("only %d trims", log.trims)
		}
		for at, l := range log.left[from:] {
			q, err := queue.Open(t.Context(), l, queue.Options{Dir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			x, _ := q.Note("pause/x")
			y, _ := q.Note("pause/y")
			least := 0
			for least+1 < len(since) && from+at >= since[least+1] {
				least++
			}
			if said, err := strconv.Atoi(y); x != "yes" || err != nil || said < least {
				t.Fatalf("killed after step %d: notes %v, want at least %d", from+at, q.Notes(""), least)
			}
		}
	})
}
