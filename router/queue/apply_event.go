package queue

import (
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// applyEvent stores an event's deliveries, unless one with its key came first: two that were on their way at once.
func (s *state) applyEvent(rec *record, pos Pos) {
	e := &rec.event
	if e.DedupeKey != "" {
		k := hashKey(e.Source, e.DedupeKey)
		old, first := s.dedupe.find(k, s.now)
		if first != 0 && rec.distinct != first {
			s.out.known = first
			return
		}
		s.dedupe.remember(old, k, pos, second(nanos(e.ReceivedAt.Add(e.DedupeFor))))
	}
	s.keepFile(rec, pos)
	for i := range rec.rows {
		d := &rec.rows[i]
		if s.table.find(d.ID) == 0 && s.makeRow(d, pos, pos, rec.time, true) {
			s.out.made++
		}
	}
}

// keepFile notes that the record at pos names the file of a body.
func (s *state) keepFile(rec *record, pos Pos) {
	if rec.body.File != "" {
		s.files[strings.Clone(rec.body.File)] = pos
	}
}

// makeRow inserts a delivery that just came into being, in a coalesce window when it is new and window is true.
func (s *state) makeRow(d *rowData, eventPos, pos Pos, at time.Time, window bool) bool {
	if d.State != event.Pending && d.State != event.Dead {
		return false
	}
	fresh := *d
	if d.Claim != "" {
		fresh.OrderKey, fresh.Coalesce, window = "", event.Coalesce{}, false
	}
	fresh.Since, fresh.Updated, fresh.Started, fresh.Latest, fresh.First = at, at, false, false, time.Time{}
	r := s.insert(&fresh, eventPos, pos)
	if window && d.State == event.Pending && d.Coalesce.Key != "" {
		s.coalesce(r, at)
	}
	s.emit(r, rowChange{made: true})
	return true
}

// applyCarried takes over the rows of an event whose record is about to be trimmed. Rows that are here get the new
// position; after the trim, a rebuild makes them from this record.
func (s *state) applyCarried(rec *record, pos Pos) {
	for i := range rec.rows {
		d := &rec.rows[i]
		r := s.table.find(d.ID)
		if r == 0 {
			if d.State == event.Pending || d.State == event.Dead {
				d.Turn = d.Since
				r := s.insert(d, pos, pos)
				s.retell(r, rec, i)
				s.emit(r, rowChange{made: true})
				s.out.hits++
			}
			continue
		}
		w := s.table.row(r)
		if w.round != uint32(d.Round) || w.tries != uint32(d.Tries) || w.state != d.State {
			continue
		}
		s.touch(r)
		was := w.eventPos
		w.eventPos, w.last = pos, pos
		s.emit(r, rowChange{was: was})
		s.out.hits++
	}
	if s.out.hits > 0 {
		s.keepFile(rec, pos)
	}
}
