package queue

import "github.com/hookrouter/hookrouter/event"

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
	at            uint32 // pending: index in its lane's heap or aside list, by place; dead: name of its last attempt's class
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
	rowSuspect                      // an attempt ran when its process died, and none has ended since
)

func (r *row) started() bool { return r.flags&rowStarted != 0 }
func (r *row) suspect() bool { return r.flags&rowSuspect != 0 }

// rowKeys is what only deliveries with an order key or coalescing have.
type rowKeys struct {
	order    string
	turn     int64 // among the pending ones of its order key: when its round began, and behind whoever was there then
	coalesce event.Coalesce
	first    int64 // when the first event of its window came; 0 outside a window
	merged   uint32
	claim    string // see claim

	ahead, behind ref // in its order
}

// table holds rows and finds them by id.
type table struct {
	rows  chunks[row]
	ids   index
	free  ref // chained by after
	count int
}

func (t *table) init() {
	t.ids.key = func(r ref) *[16]byte { return (*[16]byte)(&t.rows.at(r).id) }
}

// row is only valid until the row is freed.
func (t *table) row(r ref) *row { return t.rows.at(r) }

// take finds room for a row, which put must fill.
func (t *table) take() ref {
	r := t.free
	if r == 0 {
		return t.rows.next()
	}
	t.free = t.row(r).after
	return r
}

// put makes a zero row with an id that is not in the table.
func (t *table) put(r ref, id event.DeliveryID) *row {
	w := t.row(r)
	*w = row{id: id}
	t.count++
	t.ids.enter(r)
	return w
}

func (t *table) remove(r ref) {
	t.ids.leave(r)
	*t.row(r) = row{after: t.free}
	t.free = r
	t.count--
}

// find is 0 when no row has the id.
func (t *table) find(id event.DeliveryID) ref { return t.ids.find((*[16]byte)(&id)) }

// each calls f with every row, in no useful order.
func (t *table) each(f func(ref, *row)) { t.span(0, t.rows.used, f) }

// span is each for the rows from to to (exclusive), by number.
func (t *table) span(from, to int, f func(ref, *row)) {
	for i := from; i < min(to, t.rows.used); i++ {
		if w := t.row(ref(i + 1)); w.state != 0 {
			f(ref(i+1), w)
		}
	}
}

func (r *row) pending() bool { return r.state == event.Pending }
