package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"
	"unsafe"

	"github.com/hookrouter/hookrouter/event"
)

var (
	errShort    = errors.New("ends too early")
	errNumber   = errors.New("holds a number out of range")
	errTrailing = errors.New("has bytes behind its end")
)

// decode reads b into r, reusing its rows. Of an event, headers and an inline body are passed over unless full. Whatever the
// bytes are, the answer is a record or an error, and no more is allocated than a small multiple of them.
func (r *record) decode(b Record, full bool) error {
	*r = record{rows: r.rows[:0], told: r.told[:0]}
	d := reader{rest: b}
	r.kind = kind(d.byte())
	version := d.byte()
	r.time = d.time()
	if d.err == nil && version != formatVersion && !r.mayTell(version) {
		return fmt.Errorf("record of kind %d has version %d, not known here", r.kind, version)
	}
	d.body(r, full)
	if version == formatTold {
		d.told(r)
	}
	if d.err == nil && len(d.rest) > 0 {
		d.err = errTrailing
	}
	if d.err != nil {
		return fmt.Errorf("record of kind %d %w", r.kind, d.err)
	}
	return nil
}

// mayTell reports whether there is this version of the record's kind.
func (r *record) mayTell(version byte) bool {
	return version == formatTold && (r.kind == kindEvent || r.kind == kindCarried)
}

// reader takes one thing after the other from rest. After the first error it yields zeros.
type reader struct {
	rest []byte
	err  error
}

func (d *reader) body(r *record, full bool) {
	switch r.kind {
	case kindEvent, kindCarried:
		d.event(r, full)
	case kindStart:
		d.about(&r.about)
		r.owner = d.id()
	case kindFinish:
		d.finish(r)
	case kindChange:
		d.change(r)
	case kindOwn:
		r.wait = d.id()
		r.destination = d.string()
		r.owner = d.id()
		r.claim = d.string()
	case kindNote:
		r.wait = d.id()
		r.key = d.string()
		r.set = d.bool()
		r.value = d.string()
	default:
		d.fail(errors.New("is not known here"))
	}
}

func (d *reader) fail(err error) {
	if d.err == nil {
		d.err = err
	}
	d.rest = nil
}

func (d *reader) take(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.fail(errShort)
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *reader) byte() byte {
	if b := d.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (d *reader) bool() bool {
	v := d.byte()
	if v > 1 {
		d.fail(errNumber)
	}
	return v == 1
}

func (d *reader) id() (id [16]byte) {
	copy(id[:], d.take(16))
	return id
}

func (d *reader) uint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail(errShort)
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *reader) int() int {
	v := d.uint()
	if v > math.MaxInt32 {
		d.fail(errNumber)
		return 0
	}
	return int(v)
}

func (d *reader) pos() Pos { return Pos(d.uint()) }

func (d *reader) dur() time.Duration {
	v := d.uint()
	if v > math.MaxInt64 {
		d.fail(errNumber)
		return 0
	}
	return time.Duration(v)
}

func (d *reader) time() time.Time {
	b := d.take(8)
	if b == nil {
		return time.Time{}
	}
	return fromNanos(int64(binary.LittleEndian.Uint64(b)))
}

// string shares the record's bytes, which nobody writes to (see Record).
func (d *reader) string() string {
	b := d.take(d.uint())
	return unsafe.String(unsafe.SliceData(b), len(b))
}

// count is a number of things of at least size bytes each, so that garbage cannot ask for more than there is.
func (d *reader) count(size int) int {
	n := d.int()
	if n > len(d.rest)/size {
		d.fail(errShort)
		return 0
	}
	return n
}

func (d *reader) strings() []string {
	n := d.count(1)
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = d.string()
	}
	return list
}

func (d *reader) event(r *record, full bool) {
	e := &r.event
	e.ID = d.id()
	r.distinct = d.pos()
	e.Source = d.string()
	e.Type = d.string()
	e.SenderID = d.string()
	e.ReceivedAt = d.time()
	e.Method = d.string()
	e.Path = d.string()
	e.Query = d.string()
	e.RemoteIP = d.string()
	e.DedupeKey = d.string()
	e.DedupeFor = d.dur()
	e.RulesHash = d.string()
	e.Marks = d.strings()
	for range d.count(minRow) {
		d.row(r, event.DeliveryID{})
	}
	if full {
		e.Header = d.header()
	} else {
		d.skipHeader()
	}
	d.eventBody(r, full)
}

// skipHeader reads headers for what is behind them.
func (d *reader) skipHeader() {
	for range d.count(2) {
		d.take(d.uint())
		for range d.count(1) {
			d.take(d.uint())
		}
	}
}

func (d *reader) header() map[string][]string {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	h := make(map[string][]string, n)
	all := make([]string, 0, n) // few names have more than one value
	for range n {
		name, first := d.string(), len(all)
		for range d.count(1) {
			all = append(all, d.string())
		}
		h[name] = all[first:len(all):len(all)]
	}
	if len(h) != n {
		d.fail(errors.New("names a header twice"))
	}
	return h
}

func (d *reader) eventBody(r *record, full bool) {
	switch d.byte() {
	case 0:
		body := d.take(d.uint())
		if r.body.Length = len(body); full && len(body) > 0 {
			r.event.Body = body
		}
	case 1:
		r.body.File = d.string()
		r.body.Length = d.int()
		copy(r.body.Sum[:], d.take(32))
	default:
		d.fail(errNumber)
	}
}

func (d *reader) told(r *record) {
	r.event.Parent = d.id()
	for range d.count(3) {
		t := told{class: d.string(), has: d.bool()}
		if t.has {
			d.attempt(&t.attempt)
		}
		t.detail = d.string()
		r.told = append(r.told, t)
	}
	if len(r.told) > 0 && len(r.told) != len(r.rows) {
		d.fail(errNumber)
	}
}

// minRow is the size of a row whose strings are empty and whose numbers are small.
const minRow = 16 + 4 + 2 + 3*8 + 2 + 5 + 16 + 3*8 + 3

func (d *reader) row(r *record, known event.DeliveryID) {
	r.rows = append(r.rows, rowData{})
	w := &r.rows[len(r.rows)-1]
	w.Known = known
	w.Event = r.eventID
	if r.kind != kindChange {
		w.Event = r.event.ID
	}
	w.ID = d.id()
	w.Route = d.string()
	w.Destination = d.string()
	w.OrderKey = d.string()
	w.Coalesce.Key = d.string()
	w.Coalesce.Wait = d.dur()
	w.Coalesce.Max = d.dur()
	w.Created = d.time()
	w.Due = d.time()
	w.Expires = d.time()
	w.State = d.state()
	w.Reason = event.Reason(d.byte())
	w.Round = d.int()
	w.Attempts = d.int()
	w.Tries = d.int()
	w.Lost = d.int()
	w.Merged = d.int()
	w.Successor = d.id()
	w.Updated = d.time()
	w.Since = d.time()
	w.First = d.time()
	flags := d.byte()
	if flags > flagStarted|flagLatest|flagSuspect {
		d.fail(errNumber)
	}
	w.Started, w.Latest, w.Suspect = flags&flagStarted != 0, flags&flagLatest != 0, flags&flagSuspect != 0
	w.Prev = d.pos()
	w.Claim = d.string()
	w.Reply = claim(w.Claim).reply()
}

func (d *reader) state() event.State {
	s := event.State(d.byte())
	if s < event.Pending || s > event.Canceled {
		d.fail(errNumber)
	}
	return s
}

func (d *reader) about(a *about) {
	a.delivery = d.id()
	a.event = d.id()
	a.eventPos = d.pos()
	a.route = d.string()
	a.destination = d.string()
	a.round = d.int()
	a.number = d.int()
	a.prev = d.pos()
}

func (d *reader) finish(r *record) {
	d.about(&r.about)
	r.owner = d.id()
	r.how = how(d.byte())
	if r.how > howReleased {
		d.fail(errNumber)
	}
	r.tried = d.bool()
	if r.tried {
		d.attempt(&r.attempt)
	}
	r.outcome.State = d.state()
	r.outcome.Due = d.time()
	r.outcome.Reason = event.Reason(d.byte())
	r.outcome.Detail = d.string()
	r.outcome.Counted = d.bool()
}

func (d *reader) attempt(a *event.Attempt) {
	a.Number = d.int()
	a.Round = d.int()
	a.Started = d.time()
	a.Duration = d.dur()
	a.Status = d.int()
	a.Error = d.string()
	a.RulesHash = d.string()
	a.SentHash = d.string()
	a.URL = d.string()
	a.Answer = d.string()
	a.Result = d.string()
}

func (d *reader) change(r *record) {
	r.wait = d.id()
	r.verb = verb(d.byte())
	if r.verb < verbDuplicate || r.verb > verbDrop {
		d.fail(errNumber)
	}
	r.eventID = d.id()
	r.eventPos = d.pos()
	r.prevAdded = d.pos()
	r.until = d.time()
	r.again = d.bool()
	if r.again {
		r.duplicate.id = d.id()
		r.duplicate.received = d.time()
		r.duplicate.senderID = d.string()
		r.duplicate.remoteIP = d.string()
	}
	for range d.count(16 + minRow) {
		known := d.id()
		d.row(r, known)
	}
}
