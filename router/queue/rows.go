package queue

import (
	"encoding/binary"

	"github.com/hookrouter/hookrouter/event"
)

// ref names a row; 0 is none. A freed ref is used again.
type ref uint32

// row is a pending or dead delivery in memory: 128 bytes without a pointer, so that a million of them cost the
// garbage collector nothing. What few deliveries have is in rowKeys.
type row struct {
	id            event.DeliveryID
	event         event.EventID
	eventPos      Pos // of the record that holds the event
	last          Pos // of the last record about it
	created       int64
	since         int64 // when this round began
	due           int64
	expires       int64 // 0: never
	updated       int64
	route, dest   uint32 // names
	round         uint32
	attempts      uint32
	tries         uint32
	lost          uint32
	at            uint32 // index in its lane's heap or aside list, by place
	before, after ref    // among its lane's pending rows, by since
	state         event.State
	reason        event.Reason
	place         place
	flags         rowFlags
}

// place is where a pending row stands; it is no part of the durable state.
type place uint8

const (
	placeNone  place = iota // dead, started, or behind another of its order key
	placeHeap               // leasable
	placeAside              // its route was not wanted
	placeHeld               // a record about it is on its way: leased, expiring or being carried
)

type rowFlags uint8

const (
	rowStarted rowFlags = 1 << iota // an attempt runs
	rowKeyed                        // it has rowKeys
)

func (r *row) started() bool { return r.flags&rowStarted != 0 }

// rowKeys is what only deliveries with an order key or coalescing have.
type rowKeys struct {
	order    string
	coalesce event.Coalesce
	first    int64 // when the first event of its window came; 0 outside a window
	merged   uint32
	claim    string
}

const chunkRows = 4096

// table holds rows in chunks and finds them by id.
type table struct {
	chunks []*[chunkRows]row
	free   ref // chained by after
	used   int // rows ever handed out
	count  int
	slots  []ref // open addressing, a power of two, at most 3/4 full
}

// row is only valid until the row is freed.
func (t *table) row(r ref) *row { return &t.chunks[(r-1)/chunkRows][(r-1)%chunkRows] }

// add makes a zero row with an id that is not in the table.
func (t *table) add(id event.DeliveryID) ref {
	r := t.free
	if r != 0 {
		t.free = t.row(r).after
	} else {
		if t.used%chunkRows == 0 {
			t.chunks = append(t.chunks, new([chunkRows]row))
		}
		t.used++
		r = ref(t.used)
	}
	*t.row(r) = row{id: id}
	t.count++
	if 4*t.count > 3*len(t.slots) {
		t.grow()
	}
	t.enter(r)
	return r
}

func (t *table) remove(r ref) {
	t.leave(r)
	*t.row(r) = row{after: t.free}
	t.free = r
	t.count--
}

// find is 0 when no row has the id.
func (t *table) find(id event.DeliveryID) ref {
	if len(t.slots) == 0 {
		return 0
	}
	for i := t.home(id); ; i = t.next(i) {
		r := t.slots[i]
		if r == 0 || t.row(r).id == id {
			return r
		}
	}
}

// each calls f with every row, in no useful order.
func (t *table) each(f func(ref, *row)) { t.span(0, t.used, f) }

// span is each for the rows from to to (exclusive), by number.
func (t *table) span(from, to int, f func(ref, *row)) {
	for i := from; i < min(to, t.used); i++ {
		if w := t.row(ref(i + 1)); w.state != 0 {
			f(ref(i+1), w)
		}
	}
}

// home spreads by the random end of an id; the time at its start is mixed in for ids that were not made at random.
func (t *table) home(id event.DeliveryID) int {
	h := binary.LittleEndian.Uint64(id[8:]) ^ binary.LittleEndian.Uint64(id[:8])
	return int((h * 0x9e3779b97f4a7c15) >> 32 & uint64(len(t.slots)-1))
}

func (t *table) next(i int) int { return (i + 1) & (len(t.slots) - 1) }

func (t *table) enter(r ref) {
	i := t.home(t.row(r).id)
	for t.slots[i] != 0 {
		i = t.next(i)
	}
	t.slots[i] = r
}

// leave closes the gap by moving back what stands behind its home.
func (t *table) leave(r ref) {
	i := t.home(t.row(r).id)
	for t.slots[i] != r {
		i = t.next(i)
	}
	for j := t.next(i); t.slots[j] != 0; j = t.next(j) {
		home := t.home(t.row(t.slots[j]).id)
		if (j-home)&(len(t.slots)-1) >= (j-i)&(len(t.slots)-1) {
			t.slots[i] = t.slots[j]
			i = j
		}
	}
	t.slots[i] = 0
}

func (t *table) grow() {
	old := t.slots
	t.slots = make([]ref, max(1024, 2*len(old)))
	for _, r := range old {
		if r != 0 {
			t.enter(r)
		}
	}
}

func (r *row) pending() bool { return r.state == event.Pending }
