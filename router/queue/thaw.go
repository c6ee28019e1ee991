package queue

import (
	"errors"
	"fmt"
	"strings"
)

// readState is the inverse of writeState.
func readState(b []byte) (*state, uint32, error) {
	s := newState()
	d := reader{rest: b}
	print := d.uint()
	bytes := d.uint()
	for range d.count(10) {
		s.samples = append(s.samples, sample{pos: d.pos(), time: nanos(d.time()), bytes: int64(d.uint())})
	}
	s.bytes = int64(bytes)
	s.applied = d.pos()
	s.now = nanos(d.time())
	s.readRows(&d)
	for range d.count(2) {
		key := strings.Clone(d.string())
		s.notes[key] = strings.Clone(d.string())
	}
	for range d.count(17) {
		name := d.string()
		s.lane(s.name(name)).owner = d.id()
	}
	for range d.count(25) {
		k := dedupeKey(d.id())
		pos := d.pos()
		s.dedupe.remember(k, pos, nanos(d.time()))
	}
	s.readAdded(&d)
	s.rest() // nobody waits yet
	s.out = effect{}
	if d.err == nil && len(d.rest) > 0 {
		d.err = errTrailing
	}
	if d.err != nil {
		return nil, 0, fmt.Errorf("snapshot %w", d.err)
	}
	return s, uint32(print), nil
}

func (s *state) readRows(d *reader) {
	var rec record
	for range d.count(16 + 1 + minRow) {
		rec.event.ID = d.id()
		pos := d.pos()
		rec.rows = rec.rows[:0]
		d.row(&rec, [16]byte{})
		w := &rec.rows[0]
		if d.err == nil && s.table.find(w.ID) != 0 {
			d.fail(errors.New("holds a delivery twice"))
		}
		if d.err != nil {
			return
		}
		s.insert(w, pos, w.Prev)
	}
}

func (s *state) readAdded(d *reader) {
	for range d.count(26) {
		id := d.id()
		a := &added{last: d.pos(), until: nanos(d.time())}
		for range d.count(18) {
			a.pairs = append(a.pairs, pair{s.name(d.string()), s.name(d.string()), d.id()})
		}
		s.added[id] = a
	}
}
