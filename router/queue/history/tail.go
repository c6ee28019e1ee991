package history

import (
	"cmp"
	"slices"
	"sort"
)

// tail is what was applied and is not written yet: new rows, kept up to date in place, and changes to rows that are
// written already.
type tail struct {
	rows    []row // of the main stream, in order of pos
	carried []row // of the carried stream, likewise
	patches []patch
	applied uint64
}

// patch is a change to the row of id that the record at pos made, or of the delivery id whose event is at pos.
type patch struct {
	pos  uint64
	kind patchKind
	row  row // id, at and the fields that the kind takes over
}

type patchKind uint8

const (
	patchDelivery patchKind = iota + 1
	patchNote
	patchHide
)

func (t *tail) empty() bool { return len(t.rows)+len(t.carried)+len(t.patches) == 0 }

func (t *tail) size() int { return len(t.rows) + len(t.carried) + len(t.patches) }

// reset empties t and keeps at most room for keep of each.
func (t *tail) reset(keep int) {
	t.rows, t.carried, t.patches = emptied(t.rows, keep), emptied(t.carried, keep), emptied(t.patches, keep)
}

func emptied[T any](s []T, keep int) []T {
	if cap(s) > keep {
		return nil
	}
	return s[:0]
}

func (t *tail) add(c *Change) {
	switch c.Kind {
	case NewEvent:
		t.insert(c, eventRow(&c.Event, c.At))
	case NewDelivery:
		t.insert(c, deliveryRow(&c.Delivery, c.At))
	case SetDelivery:
		t.change(&patch{pos: c.Delivery.EventPos, kind: patchDelivery, row: deliveryRow(&c.Delivery, c.At)})
	case NoteEvent:
		t.change(&patch{pos: c.Event.Pos, kind: patchNote, row: eventRow(&c.Event, c.At)})
	}
}

func (t *tail) insert(c *Change, r row) {
	r.pos = c.At
	if r.kind == rowDelivery && r.link == 0 {
		r.link = c.At
	}
	if !c.Carried {
		t.rows = append(t.rows, r)
		return
	}
	if c.Was != 0 {
		t.change(&patch{pos: c.Was, kind: patchHide, row: row{id: r.id, at: c.At}})
	}
	t.carried = append(t.carried, r)
}

// change applies p to a row of the tail, or keeps it for one that is written.
func (t *tail) change(p *patch) {
	r := findRow(t.rows, p)
	if r == nil {
		r = findRow(t.carried, p)
	}
	if r == nil || p.carriedAgain(r) {
		t.patches = append(t.patches, *p)
		return
	}
	p.apply(r)
}

// fits reports whether p changes r, which the record at p.pos made.
func (p *patch) fits(r *row) bool {
	return r.id == p.row.id || p.kind == patchNote && r.kind == rowEvent
}

// carriedAgain reports whether r was hidden before p hides it: some of the event's deliveries were carried already,
// and the row of the event that came with them is to be hidden, too.
func (p *patch) carriedAgain(r *row) bool {
	return p.kind == patchHide && r.kind == rowEvent && r.flags&flagHidden != 0
}

// findRow finds what p changes among rows made by the record at p.pos; a delivery that was added later is not found
// so, and changed after it is written.
func findRow(rows []row, p *patch) *row {
	if len(rows) == 0 || p.pos < rows[0].pos {
		return nil
	}
	i := sort.Search(len(rows), func(i int) bool { return rows[i].pos >= p.pos })
	for ; i < len(rows) && rows[i].pos == p.pos; i++ {
		if p.fits(&rows[i]) {
			return &rows[i]
		}
	}
	return nil
}

// apply changes r, unless r is from a later record already; it is idempotent.
func (p *patch) apply(r *row) {
	if p.row.at < r.at {
		return
	}
	switch p.kind {
	case patchDelivery:
		r.set(&p.row)
	case patchNote:
		if p.row.at > r.at {
			r.dest += p.row.dest
		}
		if p.row.link != 0 {
			r.link = p.row.link
		}
	case patchHide:
		r.flags |= flagHidden
	}
	r.at = p.row.at
}

// set takes over what can change in a delivery's row.
func (r *row) set(from *row) {
	r.last, r.time, r.state, r.reason = from.last, from.time, from.state, from.reason
	r.round, r.attempts, r.tries, r.merged = from.round, from.attempts, from.tries, from.merged
	r.lost = from.lost
	if r.link != r.pos {
		return
	}
	r.flags &^= flagSuccessor
	r.flags |= from.flags & flagSuccessor
	r.extra = 0
	if from.flags&flagSuccessor != 0 {
		r.extra = from.extra
	}
}

// sorted puts the patches in the order of what they change, those of one row in the order they came.
func (t *tail) sorted() []patch {
	slices.SortStableFunc(t.patches, func(a, b patch) int { return cmp.Compare(a.pos, b.pos) })
	return t.patches
}
