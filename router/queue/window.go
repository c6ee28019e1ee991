package queue

import (
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// coalesce opens the window of a new row or takes over the one of its key: what stood there is superseded, unless
// its attempt runs.
func (s *state) coalesce(r ref, at time.Time) {
	w, k := s.table.row(r), s.keys[r]
	key := s.window(w, k)
	k.first = w.since
	due := max(w.due, w.since+int64(k.coalesce.Wait))
	retry := int64(0)
	if old := s.windows[key]; old != 0 && !s.table.row(old).started() {
		retry = s.absorb(r, old, at)
	}
	if k.coalesce.Max > 0 {
		due = min(due, k.first+int64(k.coalesce.Max))
	}
	s.stand(key, r)
	s.setDue(r, max(due, retry))
}

// absorb ends old in favor of r and returns when old wanted to be retried, 0 when it had not been tried.
func (s *state) absorb(r, old ref, at time.Time) (retry int64) {
	s.touch(r)
	w, k := s.table.row(r), s.keys[r]
	o, ok := s.table.row(old), s.keys[old]
	k.first = min(k.first, ok.first)
	k.merged += ok.merged + 1
	if o.tries > 0 {
		retry = o.due
	}
	s.retire(old, event.Canceled, event.ReasonCoalesced, w.id, at)
	return retry
}

// returned is called for a row whose attempt ended without an end of its delivery: it stands in its window again,
// unless a newer event of its key came meanwhile, which then stands for both.
func (s *state) returned(r ref, at time.Time) {
	w := s.table.row(r)
	if w.flags&rowKeyed == 0 || s.keys[r].first == 0 {
		s.backToHeap(r)
		return
	}
	key := s.window(w, s.keys[r])
	other := s.windows[key]
	switch {
	case other == 0 || other == r:
		s.stand(key, r)
		s.backToHeap(r)
	case w.eventPos < s.table.row(other).eventPos:
		s.yield(other, r, at)
	default:
		s.yieldTo(r, other, at)
	}
}

// yield ends a row whose attempt came to nothing for the newer one of its window.
func (s *state) yield(newer, r ref, at time.Time) {
	retry := s.absorb(newer, r, at)
	if n := s.table.row(newer); !n.started() {
		s.setDue(newer, max(n.due, retry))
	}
	s.emit(newer, rowChange{})
}

// yieldTo puts r in the place of an older row of its window, which ends unless its attempt runs.
func (s *state) yieldTo(r, older ref, at time.Time) {
	if o := s.table.row(older); !o.started() {
		retry := s.absorb(r, older, at)
		s.setDue(r, max(s.table.row(r).due, retry))
		s.emit(r, rowChange{})
	}
	w := s.table.row(r)
	s.stand(s.window(w, s.keys[r]), r)
	s.backToHeap(r)
}

// backToHeap makes a row leasable whose attempt ended, if it is its turn.
func (s *state) backToHeap(r ref) {
	w := s.table.row(r)
	if w.place == placeNone && s.turn(r) && s.claimed(r) == "" {
		s.push(s.lane(w.dest), r)
	}
}

// setDue moves a row within its heap.
func (s *state) setDue(r ref, due int64) {
	w := s.table.row(r)
	if w.due == due {
		return
	}
	if w.place != placeHeap {
		w.due = due
		return
	}
	l := s.lane(w.dest)
	s.pull(l, r)
	w.due = due
	s.push(l, r)
}
