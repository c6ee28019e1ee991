package queue

import (
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue/bodies"
)

// The format of records, version 1 of every kind but where it says 2. It is final: a later version of a kind gets a new
// number beside the old one, and a golden file pins these bytes.
//
//	record   = kind:1 version:1 time:T body
//	T        = 8 bytes, little endian: nanoseconds since 1970 UTC, 0 for none
//	U        = unsigned varint        S = length:U bytes        ID = 16 bytes        B = 1 byte, 0 or 1
//
//	event    = head rows headers body                    an event that was accepted
//	carried  = head rows headers body                    the same again, with its rows as they are, before a trim
//	version 2 = head rows headers body parent:ID n:U told*n    of both, where there is something to tell
//	told     = class:S has:B [attempt] detail:S          how the last attempt of the row of this number ended
//	head     = ID distinct:U source:S type:S sender-id:S received:T method:S path:S query:S remote-ip:S
//	           dedupe-key:S dedupe-for:U rules-hash:S n:U mark:S*n
//	           distinct is the position of an event with the same hash of its key that this one is no duplicate of
//	rows     = n:U row*n
//	row      = ID route:S destination:S order-key:S key:S wait:U max:U created:T due:T expires:T state:1 reason:1
//	           round:U attempts:U tries:U lost:U merged:U successor:ID updated:T since:T first:T flags:1 prev:U claim:S
//	           prev is the position of the previous record about it; first the time of the first event of its
//	           coalesce window; since when this round began; flags: 1 = an attempt runs, 2 = the
//	           next event of its window supersedes it, 4 = it is a suspect; claim says
//	           who waits for its answer, see claim
//	headers  = n:U (name:S m:U value:S*m)*n              sorted by name
//	body     = 0 S, or 1 file:S length:U SHA-256:32      inline, or in a file beside the log
//
//	start    = about owner:ID                            an attempt is about to be made
//	finish   = about owner:ID how:1 has:B [attempt] outcome
//	about    = delivery:ID event:ID event-pos:U route:S destination:S round:U number:U prev:U
//	attempt  = number:U round:U started:T duration:U status:U error:S rules-hash:S sent-hash:S url:S answer:S result:S
//	outcome  = state:1 due:T reason:1 detail:S counted:B
//
//	change   = wait:ID verb:1 event:ID event-pos:U prev-addition:U until:T again:B [duplicate]
//	           n:U (known:ID row)*n      until is when the event's dedupe window ends
//	           rows as they shall be; round is the one that begins; known is the delivery that has this pair already
//	duplicate= ID received:T sender-id:S remote-ip:S
//	own      = wait:ID destination:S owner:ID claim:S    who leases a destination from here on
//	note     = wait:ID key:S set:B value:S
//
// wait names the caller that waits for the record to be applied. What refers to something unknown is ignored.

type kind uint8

const (
	kindEvent kind = iota + 1
	kindStart
	kindFinish
	kindChange
	kindOwn
	kindNote
	kindCarried
)

const (
	formatVersion = 1
	formatTold    = 2 // of kindEvent and kindCarried
	flagStarted   = 1 // of a row
	flagLatest    = 2
	flagSuspect   = 4
)

// how says what ended an attempt or a delivery's life.
type how uint8

const (
	howAttempt  how = iota // an attempt came to an end
	howExpired             // nobody tried: its time ran out, or who was to try gave up
	howRanOut              // the lease ran out, the outcome is unknown
	howReleased            // started, but given back untried
)

// verb says what a change record does to its rows.
type verb uint8

const (
	verbDuplicate verb = iota + 1 // make missing pairs, reopen dead ones
	verbReplay                    // make missing pairs, reopen final ones
	verbCancel
	verbDrop
)

// token names a caller that waits, or an owner of a lane.
type token [16]byte

// record is any record, decoded. Strings share the record's bytes, which are never written to: what is kept longer
// than the record must be cloned.
type record struct {
	kind kind
	time time.Time
	wait token // event, change, own, note: who waits

	event    event.Event // event, carried; Header and Body only when decoded in full
	distinct Pos
	body     bodies.Ref // File is "" when the body is inline
	rows     []rowData  // event, carried, change
	told     []told     // carried: as many as rows, or none

	about   about // start, finish
	owner   token // start, finish, own
	how     how
	tried   bool // finish: attempt is set
	attempt event.Attempt
	outcome event.Outcome

	verb      verb
	eventID   event.EventID // change
	eventPos  Pos
	prevAdded Pos
	until     time.Time
	again     bool // change: duplicate is set
	duplicate duplicate

	destination string // own
	claim       string
	key, value  string // note
	set         bool
}

// rowData is a delivery as records hold it.
type rowData struct {
	event.Delivery
	Since   time.Time // when this round began
	First   time.Time // when the first event of its coalesce window came; zero without a window
	Started bool      // an attempt runs
	Latest  bool      // the newest of its coalesce window
	Suspect bool      // see rowSuspect
	Prev    Pos
	Claim   string
	Turn    time.Time        // in its order; zero: at the end. No part of a record
	Known   event.DeliveryID // change: the delivery that already has this pair, zero when none is known
}

// told is how the last attempt of a delivery ended, where its own record is about to go.
type told struct {
	class   string // see classOf
	has     bool   // attempt is set
	attempt event.Attempt
	detail  string // beside the reason
}

// version is that of the record's format.
func (r *record) version() byte {
	if !r.event.Parent.IsZero() || len(r.told) > 0 {
		return formatTold
	}
	return formatVersion
}

// about is what starts and finishes say about their delivery.
type about struct {
	delivery    event.DeliveryID
	event       event.EventID
	eventPos    Pos
	route       string
	destination string
	round       int
	number      int // of the attempt
	prev        Pos
}

// duplicate notes an event that came again.
type duplicate struct {
	id       event.EventID
	received time.Time
	senderID string
	remoteIP string
}
