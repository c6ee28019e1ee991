package queue

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// encode gives the bytes of r; records.go has the format.
func (r *record) encode() Record {
	b := buffer(make([]byte, 0, r.sizeHint()))
	b.byte(byte(r.kind))
	b.byte(r.version())
	b.time(r.time)
	switch r.kind {
	case kindEvent, kindCarried:
		b.event(r)
	case kindStart:
		b.about(&r.about)
		b.id(r.owner)
	case kindFinish:
		b.finish(r)
	case kindChange:
		b.change(r)
	case kindOwn:
		b.id(r.wait)
		b.string(r.destination)
		b.id(r.owner)
		b.string(r.claim)
	case kindNote:
		b.id(r.wait)
		b.string(r.key)
		b.bool(r.set)
		b.string(r.value)
	}
	return Record(b)
}

// sizeHint is enough for most records, so that encoding one allocates once.
func (r *record) sizeHint() int {
	n := 384 + len(r.event.Body) + 224*len(r.rows)
	for name, values := range r.event.Header {
		n += len(name) + 4
		for _, v := range values {
			n += len(v) + 2
		}
	}
	return n + len(r.event.Path) + len(r.event.Query) + len(r.attempt.Answer) + len(r.value)
}

type buffer []byte

func (b *buffer) byte(v byte)         { *b = append(*b, v) }
func (b *buffer) id(v [16]byte)       { *b = append(*b, v[:]...) }
func (b *buffer) uint(v uint64)       { *b = binary.AppendUvarint(*b, v) }
func (b *buffer) int(v int)           { b.uint(uint64(max(v, 0))) }
func (b *buffer) pos(v Pos)           { b.uint(uint64(v)) }
func (b *buffer) time(t time.Time)    { *b = binary.LittleEndian.AppendUint64(*b, uint64(nanos(t))) }
func (b *buffer) dur(d time.Duration) { b.uint(uint64(max(d, 0))) }

func (b *buffer) string(s string) {
	b.uint(uint64(len(s)))
	*b = append(*b, s...)
}

func (b *buffer) bytes(s []byte) {
	b.uint(uint64(len(s)))
	*b = append(*b, s...)
}

func (b *buffer) strings(list []string) {
	b.int(len(list))
	for _, s := range list {
		b.string(s)
	}
}

func (b *buffer) bool(v bool) {
	if v {
		b.byte(1)
		return
	}
	b.byte(0)
}

func (b *buffer) event(r *record) {
	e := &r.event
	b.id(e.ID)
	b.pos(r.distinct)
	b.string(e.Source)
	b.string(e.Type)
	b.string(e.SenderID)
	b.time(e.ReceivedAt)
	b.string(e.Method)
	b.string(e.Path)
	b.string(e.Query)
	b.string(e.RemoteIP)
	b.string(e.DedupeKey)
	b.dur(e.DedupeFor)
	b.string(e.RulesHash)
	b.strings(e.Marks)
	b.int(len(r.rows))
	for i := range r.rows {
		b.row(&r.rows[i])
	}
	b.header(e.Header)
	b.body(r)
	if r.version() == formatTold {
		b.id(e.Parent)
		b.told(r.told)
	}
}

func (b *buffer) told(all []told) {
	b.int(len(all))
	for i := range all {
		t := &all[i]
		b.string(t.class)
		b.bool(t.has)
		if t.has {
			b.attempt(&t.attempt)
		}
		b.string(t.detail)
	}
}

func (b *buffer) header(h map[string][]string) {
	b.int(len(h))
	var most [32]string
	names := most[:0]
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		b.string(name)
		b.strings(h[name])
	}
}

func (b *buffer) body(r *record) {
	if r.body.File == "" {
		b.byte(0)
		b.bytes(r.event.Body)
		return
	}
	b.byte(1)
	b.string(r.body.File)
	b.int(r.body.Length)
	*b = append(*b, r.body.Sum[:]...)
}

func (b *buffer) row(d *rowData) {
	b.id(d.ID)
	b.string(d.Route)
	b.string(d.Destination)
	b.string(d.OrderKey)
	b.string(d.Coalesce.Key)
	b.dur(d.Coalesce.Wait)
	b.dur(d.Coalesce.Max)
	b.time(d.Created)
	b.time(d.Due)
	b.time(d.Expires)
	b.byte(byte(d.State))
	b.byte(byte(d.Reason))
	b.int(d.Round)
	b.int(d.Attempts)
	b.int(d.Tries)
	b.int(d.Lost)
	b.int(d.Merged)
	b.id(d.Successor)
	b.time(d.Updated)
	b.time(d.Since)
	b.time(d.First)
	b.byte(d.flags())
	b.pos(d.Prev)
	b.string(d.Claim)
}

func (d *rowData) flags() (f byte) {
	if d.Started {
		f |= flagStarted
	}
	if d.Latest {
		f |= flagLatest
	}
	if d.Suspect {
		f |= flagSuspect
	}
	return f
}

func (b *buffer) about(a *about) {
	b.id(a.delivery)
	b.id(a.event)
	b.pos(a.eventPos)
	b.string(a.route)
	b.string(a.destination)
	b.int(a.round)
	b.int(a.number)
	b.pos(a.prev)
}

func (b *buffer) finish(r *record) {
	b.about(&r.about)
	b.id(r.owner)
	b.byte(byte(r.how))
	b.bool(r.tried)
	if r.tried {
		b.attempt(&r.attempt)
	}
	b.byte(byte(r.outcome.State))
	b.time(r.outcome.Due)
	b.byte(byte(r.outcome.Reason))
	b.string(r.outcome.Detail)
	b.bool(r.outcome.Counted)
}

func (b *buffer) attempt(a *event.Attempt) {
	b.int(a.Number)
	b.int(a.Round)
	b.time(a.Started)
	b.dur(a.Duration)
	b.int(a.Status)
	b.string(a.Error)
	b.string(a.RulesHash)
	b.string(a.SentHash)
	b.string(a.URL)
	b.string(a.Answer)
	b.string(a.Result)
}

func (b *buffer) change(r *record) {
	b.id(r.wait)
	b.byte(byte(r.verb))
	b.id(r.eventID)
	b.pos(r.eventPos)
	b.pos(r.prevAdded)
	b.time(r.until)
	b.bool(r.again)
	if r.again {
		b.id(r.duplicate.id)
		b.time(r.duplicate.received)
		b.string(r.duplicate.senderID)
		b.string(r.duplicate.remoteIP)
	}
	b.int(len(r.rows))
	for i := range r.rows {
		b.id(r.rows[i].Known)
		b.row(&r.rows[i])
	}
}

// nanos is a time as records and rows hold it; 0 is the zero time.
func nanos(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

// fromNanos is the inverse of nanos, in UTC.
func fromNanos(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
