package history

import (
	"encoding/binary"

	"github.com/hookrouter/hookrouter/event"
)

const rowSize = 96

// What a row is about.
const (
	rowEvent    = 1
	rowDelivery = 2
)

// Flags of a row.
const (
	flagHidden    = 1 << iota // its event was carried to another position
	flagMarks                 // of an event
	flagUnmatched             // of an event
	flagSuccessor             // extra is Successor
)

// row is what is stored of an Event or a Delivery; fields named "a or b" are a of an event, b of a delivery.
type row struct {
	pos      uint64
	link     uint64 // Added or EventPos
	at       uint64 // record that changed it last
	last     uint64 // - or Last
	extra    uint64 // Sender or Previous or, when it is not 0, Successor: what was added never stands in a window
	id       [16]byte
	time     int64 // Received or Updated
	typ      uint64
	route    uint32 // Size or Route
	dest     uint32 // Duplicates or Destination
	source   uint32
	round    uint16 // Deliveries or Round
	attempts uint16
	tries    uint16
	merged   uint16 // - or Merged
	lost     uint8  // - or Lost
	kind     uint8
	state    uint8
	reason   uint8
	flags    uint8
}

// short is a Hash where a row has only four bytes for it; 0 only for "".
func short(h Hash) uint32 {
	s := uint32(h) ^ uint32(h>>32)
	if s == 0 && h != 0 {
		return 1
	}
	return s
}

func eventRow(e *Event, at uint64) row {
	r := row{
		pos: e.Pos, link: e.Added, at: at, extra: uint64(e.Sender), id: e.ID, time: e.Received,
		typ: uint64(e.Type), route: e.Size, dest: e.Duplicates, source: short(e.Source), round: e.Deliveries,
		kind: rowEvent,
	}
	if e.Marks {
		r.flags |= flagMarks
	}
	if e.Unmatched {
		r.flags |= flagUnmatched
	}
	return r
}

func deliveryRow(d *Delivery, at uint64) row {
	r := row{
		pos: d.Pos, link: d.EventPos, at: at, last: d.Last, extra: d.Previous, id: d.ID, time: d.Updated,
		typ: uint64(d.Type), route: short(d.Route), dest: short(d.Destination), source: short(d.Source),
		round: d.Round, attempts: d.Attempts, tries: d.Tries, merged: d.Merged, lost: d.Lost,
		kind: rowDelivery, state: uint8(d.State), reason: uint8(d.Reason),
	}
	if d.Successor != 0 {
		r.extra, r.flags = d.Successor, flagSuccessor
	}
	return r
}

func (r *row) event() Event {
	return Event{
		ID: r.id, Pos: r.pos, Added: r.link, Source: Hash(r.source), Type: Hash(r.typ), Sender: Hash(r.extra),
		Received: r.time, Size: r.route, Duplicates: r.dest, Deliveries: r.round,
		Marks: r.flags&flagMarks != 0, Unmatched: r.flags&flagUnmatched != 0,
	}
}

func (r *row) delivery() Delivery {
	d := Delivery{
		ID: r.id, Pos: r.pos, EventPos: r.link, Last: r.last, Source: Hash(r.source),
		Type: Hash(r.typ), Route: Hash(r.route), Destination: Hash(r.dest), Updated: r.time,
		State: event.State(r.state), Reason: event.Reason(r.reason),
		Round: r.round, Attempts: r.attempts, Tries: r.tries, Merged: r.merged, Lost: r.lost,
	}
	if r.flags&flagSuccessor != 0 {
		d.Successor = r.extra
	} else {
		d.Previous = r.extra
	}
	return d
}

// made is the time in the row's id, in milliseconds since 1970.
func (r *row) made() int64 { return idTime(r.id) }

func idTime(id [16]byte) int64 {
	return int64(binary.BigEndian.Uint64(id[:8]) >> 16)
}

func (r *row) encode(b []byte) {
	_ = b[rowSize-1]
	le := binary.LittleEndian
	le.PutUint64(b[0:], r.pos)
	le.PutUint64(b[8:], r.link)
	le.PutUint64(b[16:], r.at)
	le.PutUint64(b[24:], r.last)
	le.PutUint64(b[32:], r.extra)
	copy(b[40:56], r.id[:])
	le.PutUint64(b[56:], uint64(r.time))
	le.PutUint64(b[64:], r.typ)
	le.PutUint32(b[72:], r.route)
	le.PutUint32(b[76:], r.dest)
	le.PutUint32(b[80:], r.source)
	le.PutUint16(b[84:], r.round)
	le.PutUint16(b[86:], r.attempts)
	le.PutUint16(b[88:], r.tries)
	le.PutUint16(b[90:], r.merged)
	b[92], b[93], b[94], b[95] = r.lost, r.kind<<4|r.state, r.reason, r.flags
}

func (r *row) decode(b []byte) {
	_ = b[rowSize-1]
	le := binary.LittleEndian
	r.pos = le.Uint64(b[0:])
	r.link = le.Uint64(b[8:])
	r.at = le.Uint64(b[16:])
	r.last = le.Uint64(b[24:])
	r.extra = le.Uint64(b[32:])
	copy(r.id[:], b[40:56])
	r.time = int64(le.Uint64(b[56:]))
	r.typ = le.Uint64(b[64:])
	r.route = le.Uint32(b[72:])
	r.dest = le.Uint32(b[76:])
	r.source = le.Uint32(b[80:])
	r.round = le.Uint16(b[84:])
	r.attempts = le.Uint16(b[86:])
	r.tries = le.Uint16(b[88:])
	r.merged = le.Uint16(b[90:])
	r.lost, r.kind, r.state, r.reason, r.flags = b[92], b[93]>>4, b[93]&15, b[94], b[95]
}
