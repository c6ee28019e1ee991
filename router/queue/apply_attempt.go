package queue

import (
	"bytes"
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// applyStart begins an attempt if the row is still to be tried and the lane still belongs to who wants to.
func (s *state) applyStart(rec *record, pos Pos) {
	r := s.table.find(rec.about.delivery)
	if r == 0 {
		return
	}
	w := s.table.row(r)
	l := s.lane(w.dest)
	if w.state != event.Pending || w.started() || w.round != uint32(rec.about.round) ||
		w.tries+1 != uint32(rec.about.number) || rec.owner == (token{}) {
		return
	}
	if l.owner == (token{}) {
		l.owner = rec.owner // the record that said so was trimmed; it is said again further on
	}
	if l.owner != rec.owner {
		return
	}
	s.touch(r)
	s.pull(l, r)
	w.tries++
	w.flags |= rowStarted
	w.last, w.updated = pos, nanos(rec.time)
	l.started[r] = struct{}{}
	s.out.hits++
	s.emit(r, rowChange{})
}

// applyFinish ends an attempt, or the life of a delivery that nobody tries.
func (s *state) applyFinish(rec *record, pos Pos) {
	r := s.table.find(rec.about.delivery)
	if r == 0 {
		return
	}
	w := s.table.row(r)
	if w.state != event.Pending || w.round != uint32(rec.about.round) || w.tries != uint32(rec.about.number) {
		return
	}
	l := s.lane(w.dest)
	if rec.how != howExpired && (!w.started() || l.owner != rec.owner) {
		return
	}
	s.touch(r)
	s.out.hits++
	w.last, w.updated = pos, nanos(rec.time)
	if w.started() && (rec.how == howExpired || rec.how == howRanOut) {
		w.lost++
	}
	if rec.outcome.Counted {
		w.attempts++
	}
	w.flags &^= rowStarted
	if rec.how == howAttempt {
		w.flags &^= rowSuspect
	}
	delete(l.started, r)
	class := uint32(0)
	if rec.tried && rec.outcome.State == event.Dead {
		class = s.name(classOf(&rec.attempt))
	}
	s.settle(r, &rec.outcome, class, rec.time)
}

// settle does what an outcome says to a row that is pending and not started; class is of the attempt that it died of.
func (s *state) settle(r ref, o *event.Outcome, class uint32, at time.Time) {
	state, reason := o.State, o.Reason
	if c := s.claimed(r); c != "" && state == event.Pending {
		if c.reply() == event.ReplyOnce {
			state, reason = event.Dead, event.ReasonUnanswered
		} else {
			s.unclaim(r)
		}
	}
	switch state {
	case event.Pending:
		w := s.table.row(r)
		if w.place == placeHeld {
			w.place = placeNone
		}
		s.setDue(r, nanos(o.Due))
		s.emit(r, rowChange{})
		s.returned(r, at)
	case event.Dead:
		s.bury(r, reason, class, at)
	default:
		s.retire(r, state, reason, event.DeliveryID{}, at)
	}
}

// applyOwn gives a lane to an owner. What its last one started is pending again, due at once, its outcome unknown.
func (s *state) applyOwn(rec *record) {
	l := s.lane(s.name(rec.destination))
	if l.owner == rec.owner {
		return // said again, so that a trim cannot lose it
	}
	before := l.owner
	l.owner = rec.owner
	cut := slices.SortedFunc(maps.Keys(l.started), func(a, b ref) int {
		x, y := s.table.row(a), s.table.row(b)
		return cmp.Or(cmp.Compare(x.created, y.created), bytes.Compare(x.id[:], y.id[:]))
	})
	clear(l.started)
	for _, r := range cut {
		s.touch(r)
		w := s.table.row(r)
		w.flags &^= rowStarted
		w.lost++
		w.updated = nanos(rec.time)
	}
	s.accuse(cut, before, rec)
	for _, r := range append(cut, s.orphans(l)...) {
		if !s.table.row(r).pending() {
			continue // quarantined, or another one of its coalesce window stands for it
		}
		s.touch(r)
		s.settle(r, &event.Outcome{State: event.Pending, Due: rec.time}, 0, rec.time)
	}
}
