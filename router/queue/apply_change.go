package queue

import (
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// applyChange does what a person or a sender asked for: replay, cancel, drop, or the pairs of a duplicate.
func (s *state) applyChange(rec *record, pos Pos) {
	for i := range rec.rows {
		d := &rec.rows[i]
		switch rec.verb {
		case verbCancel:
			s.end(d, event.ReasonCanceled, rec.time)
		case verbDrop:
			s.end(d, event.ReasonDropped, rec.time)
		default:
			s.pair(rec, d, pos)
		}
	}
}

// end cancels a row if it is still in the round that was meant; only dead ones are dropped.
func (s *state) end(d *rowData, reason event.Reason, at time.Time) {
	r := s.table.find(d.ID)
	if r == 0 {
		return
	}
	w := s.table.row(r)
	if w.round != uint32(d.Round) || reason == event.ReasonDropped && w.state != event.Dead {
		return
	}
	s.out.hits++
	s.retire(r, event.Canceled, reason, event.DeliveryID{}, at)
}

// pair makes, reopens or leaves one (route, destination) of an event.
func (s *state) pair(rec *record, d *rowData, pos Pos) {
	id := d.Known
	if id.IsZero() {
		id = s.addedPair(rec.eventID, d)
	}
	if id.IsZero() {
		if s.table.find(d.ID) == 0 && s.makeRow(d, rec.eventPos, pos, rec.time, false) {
			s.addPair(rec, d, pos)
			s.out.result.Created++
		}
		return
	}
	r := s.table.find(id)
	switch {
	case r != 0 && s.table.row(r).state == event.Pending:
		s.out.result.Pending++
	case r != 0:
		s.reopen(r, d, rec.time, pos)
	case rec.verb == verbReplay && d.ID == id:
		if s.makeRow(d, rec.eventPos, pos, rec.time, false) {
			s.out.result.Reopened++
		}
	}
}

// reopen begins a new round of a dead row, unless that round began already. It stands outside of any window.
func (s *state) reopen(r ref, d *rowData, at time.Time, pos Pos) {
	w := s.table.row(r)
	if d.ID == w.id && w.round >= uint32(d.Round) {
		return
	}
	s.touch(r)
	l := s.lane(w.dest)
	l.dead--
	s.dead--
	w.state, w.reason = event.Pending, event.NoReason
	w.round++
	w.attempts = 0
	w.flags &^= rowSuspect
	w.due, w.expires = nanos(d.Due), nanos(d.Expires)
	w.since, w.updated, w.last = nanos(at), nanos(at), pos
	if w.flags&rowKeyed != 0 {
		s.keys[r].first, s.keys[r].turn = 0, 0
	}
	s.setClaim(r, claim(d.Claim))
	s.enter(l, r)
	s.out.result.Reopened++
	s.emit(r, rowChange{})
}

func (s *state) addedPair(id event.EventID, d *rowData) event.DeliveryID {
	a := s.added[id]
	if a == nil || a.until < s.now {
		return event.DeliveryID{}
	}
	for _, p := range a.pairs {
		if s.names[p.route] == d.Route && s.names[p.dest] == d.Destination {
			return p.id
		}
	}
	return event.DeliveryID{}
}

func (s *state) addPair(rec *record, d *rowData, pos Pos) {
	a := s.added[rec.eventID]
	if a == nil || a.until < s.now {
		s.purgeAdded()
		a = &added{until: nanos(rec.until)}
		s.added[rec.eventID] = a
	}
	a.last = pos
	a.pairs = append(a.pairs, pair{s.name(d.Route), s.name(d.Destination), d.ID})
}

// purgeAdded drops what is over, when there is much: what is left is not part of the state, addedPair looks at the
// time.
func (s *state) purgeAdded() {
	if len(s.added) < 1024 || len(s.added)&(len(s.added)-1) != 0 {
		return
	}
	for id, a := range s.added {
		if a.until < s.now {
			delete(s.added, id)
		}
	}
}
