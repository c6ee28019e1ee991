package queue

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"

	"github.com/hookrouter/hookrouter/event"
)

// hash is over the durable state as of the first record that the log keeps: what only an earlier record could tell
// is left out, a rebuild does not know it.
func (s *state) hash(first Pos) (sum [32]byte) {
	h := sha256.New()
	var b buffer
	s.canonical(&b, first, func() {
		h.Write(b)
		b = b[:0]
	})
	h.Write(b)
	return [32]byte(h.Sum(nil))
}

// Hash is over the whole durable state in a canonical form: that of a rebuild from the log is equal. For tests.
func (q *Queue) Hash() [32]byte {
	first := q.log.Health().First
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.state.hash(first)
}

// canonical appends the durable state to b, in an order that depends on nothing but the state, and calls spill whenever
// b may be emptied.
func (s *state) canonical(b *buffer, first Pos, spill func()) {
	b.pos(s.applied)
	b.time(fromNanos(s.now))
	s.writeRows(b, spill)
	s.writeNotes(b)
	s.writeOwners(b)
	s.writeDedupe(b, first, spill)
	s.writeAdded(b, first, spill)
	s.writeFiles(b, first)
}

func (s *state) writeRows(b *buffer, spill func()) {
	refs := make([]ref, 0, s.table.count)
	s.table.each(func(r ref, _ *row) { refs = append(refs, r) })
	slices.SortFunc(refs, func(x, y ref) int {
		v, w := s.table.row(x), s.table.row(y)
		return cmp.Or(cmp.Compare(v.since, w.since), bytes.Compare(v.id[:], w.id[:]))
	})
	b.int(len(refs))
	for _, r := range refs {
		w := s.table.row(r)
		d := s.data(r, w, s.keys[r])
		b.id(d.Event)
		b.pos(w.eventPos)
		b.row(&d)
		spill()
	}
}

func (s *state) writeNotes(b *buffer) {
	b.int(len(s.notes))
	for _, key := range slices.Sorted(maps.Keys(s.notes)) {
		b.string(key)
		b.string(s.notes[key])
	}
}

func (s *state) writeOwners(b *buffer) {
	owners := map[string]token{}
	for _, l := range s.lanes {
		if l.owner != (token{}) {
			owners[l.destination] = l.owner
		}
	}
	b.int(len(owners))
	for _, name := range slices.Sorted(maps.Keys(owners)) {
		b.string(name)
		b.id(owners[name])
	}
}

func (s *state) writeDedupe(b *buffer, first Pos, spill func()) {
	var live []dedupeEntry
	for i := range s.dedupe.entries.used {
		if e := s.dedupe.entries.at(ref(i + 1)); e.pos != 0 && e.until >= second(s.now) && e.pos >= first {
			live = append(live, *e)
		}
	}
	slices.SortFunc(live, func(x, y dedupeEntry) int { return bytes.Compare(x.key[:], y.key[:]) })
	b.int(len(live))
	for _, e := range live {
		b.id(e.key)
		b.pos(e.pos)
		b.uint(uint64(e.until))
		spill()
	}
}

func (s *state) writeAdded(b *buffer, first Pos, spill func()) {
	ids := make([]event.EventID, 0, len(s.added))
	for id, a := range s.added {
		if a.until >= s.now && a.last >= first {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, event.EventID.Compare)
	b.int(len(ids))
	for _, id := range ids {
		s.writeAdditions(b, id)
		spill()
	}
}

func (s *state) writeFiles(b *buffer, first Pos) {
	names := make([]string, 0, len(s.files))
	for name, pos := range s.files {
		if pos >= first {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	b.int(len(names))
	for _, name := range names {
		b.string(name)
		b.pos(s.files[name])
	}
}

func (s *state) writeAdditions(b *buffer, id event.EventID) {
	a := s.added[id]
	b.id(id)
	b.pos(a.last)
	b.time(fromNanos(a.until))
	b.int(len(a.pairs))
	for _, p := range a.pairs {
		b.string(s.names[p.route])
		b.string(s.names[p.dest])
		b.id(p.id)
	}
}
