package queue

import (
	"encoding/binary"
	"io"
	"maps"
	"slices"

	"github.com/hookrouter/hookrouter/event"
)

// saving is a snapshot in the making: what the state was when that began, as far as it has changed since. So the
// state goes on while it is written bit by bit, and only what changes meanwhile is copied.
type saving struct {
	applied Pos
	amount  amount
	rows    map[ref]image

	rowsDone, rowsEnd ref // rows up to the one are written, behind the other there were none
	keysDone, keysEnd ref // dedupe entries likewise
}

// image is a row as it was; state 0 means there was none.
type image struct {
	row    row
	keys   *rowKeys
	latest bool
}

// save begins a snapshot and gives its head. There is one at a time, until saved is called.
func (s *state) save() (head buffer) {
	s.saving = &saving{
		applied: s.applied, amount: s.amount, rows: map[ref]image{},
		rowsEnd: ref(s.table.rows.used), keysEnd: ref(s.dedupe.entries.used),
	}
	s.dedupe.saved = map[ref]dedupeEntry{}
	s.writeHead(&head)
	return head
}

func (s *state) saved() {
	s.saving, s.dedupe.saved = nil, nil
}

// touch keeps a row as it is for the snapshot in the making; it is called before what is durable of it changes.
func (s *state) touch(r ref) {
	v := s.saving
	if v == nil || r <= v.rowsDone || r > v.rowsEnd {
		return
	}
	if _, ok := v.rows[r]; !ok {
		v.rows[r] = s.image(r)
	}
}

func (s *state) image(r ref) image {
	im := image{row: *s.table.row(r)}
	if im.row.flags&rowKeyed != 0 {
		k := *s.keys[r]
		im.keys, im.latest = &k, k.first != 0 && s.windows[s.window(&im.row, &k)] == r
	}
	return im
}

// write writes the snapshot that save began, locking the state to fill one block at a time.
func (s *state) write(w io.Writer, head buffer, print uint32, locked func(func())) error {
	if _, err := io.WriteString(w, snapshotMagic); err != nil {
		return err
	}
	first := binary.AppendUvarint(newBlock(nil, blockHead), uint64(print))
	if err := writeBlock(w, append(first, head...)); err != nil {
		return err
	}
	var rows rowBlock
	for more := true; more; {
		locked(func() { more = s.saveRows(&rows, chunkLen) })
		if err := rows.writeFull(w, !more); err != nil {
			return err
		}
	}
	var keys keyBlock
	for more := true; more; {
		locked(func() { more = s.saveKeys(&keys, chunkLen) })
		if err := keys.writeFull(w, !more); err != nil {
			return err
		}
	}
	return writeBlock(w, newBlock(nil, blockEnd))
}

// saveRows adds rows to b until it is full or so many were looked at; false when there are no more.
func (s *state) saveRows(b *rowBlock, look int) bool {
	v := s.saving
	for ; look > 0 && v.rowsDone < v.rowsEnd && b.count < chunkLen; look-- {
		v.rowsDone++
		r := v.rowsDone
		im, changed := v.rows[r]
		delete(v.rows, r)
		w := s.table.row(r)
		if !changed && w.flags&rowKeyed != 0 {
			im, changed = s.image(r), true
		}
		if changed {
			w = &im.row
		}
		if w.state != 0 {
			b.add(w, im.keys, im.latest)
		}
	}
	return v.rowsDone < v.rowsEnd
}

// saveKeys is saveRows for the keys of the dedupe filter.
func (s *state) saveKeys(b *keyBlock, look int) bool {
	v := s.saving
	for ; look > 0 && v.keysDone < v.keysEnd && b.count < chunkLen; look-- {
		v.keysDone++
		e := s.dedupe.entries.at(v.keysDone)
		if was, changed := s.dedupe.saved[v.keysDone]; changed {
			e = &was
		}
		if e.pos != 0 {
			b.add(e)
		}
	}
	return v.keysDone < v.keysEnd
}

// writeHead appends all but rows and dedupe keys: there is little of it.
func (s *state) writeHead(b *buffer) {
	b.pos(s.applied)
	b.time(fromNanos(s.now))
	b.uint(uint64(s.bytes))
	b.int(s.table.count)
	b.int(s.dedupe.count)
	b.strings(s.names)
	b.int(len(s.samples))
	for _, x := range s.samples {
		b.pos(x.pos)
		b.time(fromNanos(x.time))
		b.uint(uint64(x.bytes))
	}
	s.writeNotes(b)
	s.writeOwners(b)
	b.int(len(s.added))
	for _, id := range slices.SortedFunc(maps.Keys(s.added), event.EventID.Compare) {
		s.writeAdditions(b, id)
	}
	s.writeFiles(b, 0)
}
