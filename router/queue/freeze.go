package queue

import (
	"bufio"
	"bytes"
	"cmp"
	"crypto/sha256"
	"maps"
	"slices"

	"github.com/hookrouter/hookrouter/event"
)

// freeze copies what a snapshot or a hash needs, so that it can be written while the state goes on.
func (s *state) freeze() *state {
	f := newState()
	f.applied, f.now, f.bytes = s.applied, s.now, s.bytes
	f.pending, f.dead = s.pending, s.dead
	f.names = slices.Clone(s.names)
	f.table.used, f.table.count = s.table.used, s.table.count
	for _, c := range s.table.chunks {
		same := *c
		f.table.chunks = append(f.table.chunks, &same)
	}
	for r, k := range s.keys {
		same := *k
		f.keys[r] = &same
	}
	f.windows = maps.Clone(s.windows)
	f.notes = maps.Clone(s.notes)
	f.dedupe.known = maps.Clone(s.dedupe.known)
	for id, a := range s.added {
		f.added[id] = &added{last: a.last, until: a.until, pairs: slices.Clone(a.pairs)}
	}
	for id, l := range s.lanes {
		f.lanes[id] = &laneRows{name: l.name, destination: l.destination, owner: l.owner}
	}
	f.samples = slices.Clone(s.samples)
	return f
}

// hash is over the durable state as of the first record that the log keeps: what only an earlier record could tell
// is left out, a rebuild does not know it.
func (s *state) hash(first Pos) (sum [32]byte) {
	h := sha256.New()
	var b buffer
	s.write(&b, first, func() {
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

// write appends the durable state to b, in an order that depends on nothing but the state, and calls spill whenever
// b may be emptied.
func (s *state) write(b *buffer, first Pos, spill func()) {
	b.pos(s.applied)
	b.time(fromNanos(s.now))
	s.writeRows(b, spill)
	b.int(len(s.notes))
	for _, key := range slices.Sorted(maps.Keys(s.notes)) {
		b.string(key)
		b.string(s.notes[key])
	}
	s.writeOwners(b)
	s.writeDedupe(b, first, spill)
	s.writeAdded(b, first, spill)
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
	keys := make([]dedupeKey, 0, len(s.dedupe.known))
	for k, e := range s.dedupe.known {
		if e.until >= s.now && e.pos >= first {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(x, y dedupeKey) int { return bytes.Compare(x[:], y[:]) })
	b.int(len(keys))
	for _, k := range keys {
		b.id(k)
		b.pos(s.dedupe.known[k].pos)
		b.time(fromNanos(s.dedupe.known[k].until))
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
		spill()
	}
}

// writeState writes the body of a snapshot.
func writeState(w *bufio.Writer, s *state, print uint32) (err error) {
	if _, err = w.WriteString(snapshotMagic); err != nil {
		return err
	}
	var b buffer
	spill := func() {
		if len(b) > 1<<16 && err == nil {
			_, err = w.Write(b)
			b = b[:0]
		}
	}
	b.uint(uint64(print))
	b.uint(uint64(s.bytes))
	b.int(len(s.samples))
	for _, x := range s.samples {
		b.pos(x.pos)
		b.time(fromNanos(x.time))
		b.uint(uint64(x.bytes))
	}
	s.write(&b, 0, spill)
	if err == nil {
		_, err = w.Write(b)
	}
	return err
}
