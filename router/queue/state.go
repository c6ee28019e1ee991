package queue

import (
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// state is the one state machine: what it holds is a function of the records applied to it, in order, and of nothing
// else. Beside that it keeps where rows stand between records (place), which a rebuild may see differently. It is
// not safe for concurrent use.
type state struct {
	applied Pos
	now     int64 // newest time of a record
	table   table
	keys    map[ref]*rowKeys
	names   []string // of routes and destinations; kept forever, they come from rules
	nameIDs map[string]uint32
	lanes   map[uint32]*laneRows
	windows map[windowKey]ref // the delivery that the next event of a coalesce window supersedes
	orders  map[orderKey]order
	dedupe  dedupe
	added   map[event.EventID]*added
	notes   map[string]string
	files   map[string]Pos // of bodies beside the log: the record that names it
	pending int
	dead    int
	soonest int64 // no row expires before; 0 when none does
	samples []sample
	amount
	saving *saving // a snapshot in the making; nil when there is none

	woken []*laneRows // lanes that have to look again; taken by who applies
	out   effect

	deaths map[group]int // no part of what is durable
}

// windowKey and orderKey name rows that concern each other.
type windowKey struct {
	route, dest uint32
	key         string
}

type orderKey struct {
	dest uint32
	key  string
}

// added are the deliveries that a duplicate or a replay added to an event, kept for its dedupe window.
type added struct {
	last  Pos // of the record that added the last one
	until int64
	pairs []pair
}

type pair struct {
	route, dest uint32
	id          event.DeliveryID
}

// effect is what one record did.
type effect struct {
	known  Pos // event: the first event with its key, 0 when this is it
	made   int // event: deliveries made
	result ChangeResult
	// hits counts the rows that a start, finish, cancel, drop or carried record found as it expected them.
	hits int
	rows []rowChange
}

// rowChange is a row after a record, in net form.
type rowChange struct {
	made      bool // new in memory
	gone      bool // left memory
	was       Pos  // carried: the position of its event before
	row       row
	keys      *rowKeys
	successor event.DeliveryID
}

func newState() *state {
	s := &state{
		keys:    map[ref]*rowKeys{},
		names:   []string{""},
		nameIDs: map[string]uint32{"": 0},
		lanes:   map[uint32]*laneRows{},
		windows: map[windowKey]ref{},
		orders:  map[orderKey]order{},
		added:   map[event.EventID]*added{},
		notes:   map[string]string{},
		files:   map[string]Pos{},
		deaths:  map[group]int{},
	}
	s.table.init()
	s.dedupe.init()
	return s
}

// free gives back the memory of rows and keys. The state is not used afterwards.
func (s *state) free() {
	s.table.rows.free()
	s.table.ids.free()
	s.dedupe.entries.free()
	s.dedupe.keys.free()
}

// apply is the only way that the durable state changes. The effect is valid until the next call.
func (s *state) apply(rec *record, pos Pos) *effect {
	s.out = effect{rows: s.out.rows[:0]}
	s.applied = pos
	s.now = max(s.now, nanos(rec.time))
	s.dedupe.purge(s.now)
	switch rec.kind {
	case kindEvent:
		s.applyEvent(rec, pos)
	case kindCarried:
		s.applyCarried(rec, pos)
	case kindStart:
		s.applyStart(rec, pos)
	case kindFinish:
		s.applyFinish(rec, pos)
	case kindChange:
		s.applyChange(rec, pos)
	case kindOwn:
		s.applyOwn(rec)
	case kindNote:
		s.applyNote(rec)
	}
	return &s.out
}

func (s *state) applyNote(rec *record) {
	if !rec.set {
		delete(s.notes, rec.key)
		return
	}
	s.notes[strings.Clone(rec.key)] = strings.Clone(rec.value)
}

func (s *state) name(text string) uint32 {
	if id, ok := s.nameIDs[text]; ok {
		return id
	}
	text = strings.Clone(text)
	id := uint32(len(s.names))
	s.names = append(s.names, text)
	s.nameIDs[text] = id
	return id
}

func (s *state) lane(name uint32) *laneRows {
	l := s.lanes[name]
	if l == nil {
		l = &laneRows{name: name, destination: s.names[name], started: map[ref]struct{}{}}
		s.lanes[name] = l
	}
	return l
}

// insert makes a row of d, as it is there: pending or dead.
func (s *state) insert(d *rowData, eventPos, pos Pos) ref {
	r := s.table.take()
	s.touch(r)
	w := s.table.put(r, d.ID)
	w.event, w.eventPos, w.last = d.Event, eventPos, pos
	w.created, w.since, w.updated = nanos(d.Created), nanos(d.Since), nanos(d.Updated)
	w.due, w.expires = nanos(d.Due), nanos(d.Expires)
	w.route, w.dest = s.name(d.Route), s.name(d.Destination)
	w.round, w.attempts = uint32(d.Round), uint32(d.Attempts)
	w.tries, w.lost = uint32(d.Tries), uint32(d.Lost)
	w.state, w.reason = d.State, d.Reason
	if d.OrderKey != "" || d.Coalesce.Key != "" || d.Merged != 0 || d.Claim != "" {
		w.flags |= rowKeyed
		c := d.Coalesce
		c.Key = strings.Clone(c.Key)
		s.keys[r] = &rowKeys{
			order: strings.Clone(d.OrderKey), coalesce: c, first: nanos(d.First),
			merged: uint32(d.Merged), claim: strings.Clone(d.Claim), turn: nanos(d.Turn),
		}
	}
	if d.Started && w.state == event.Pending {
		w.flags |= rowStarted
	}
	if d.Suspect && w.state == event.Pending {
		w.flags |= rowSuspect
	}
	s.admit(r, w, d.Latest)
	return r
}

// admit enters a row that is complete into all that follows from it.
func (s *state) admit(r ref, w *row, latest bool) {
	l := s.lane(w.dest)
	if w.state == event.Dead {
		l.dead++
		s.dead++
		return
	}
	if w.started() {
		l.started[r] = struct{}{}
	}
	s.enter(l, r)
	if !latest || w.flags&rowKeyed == 0 {
		return
	}
	if k := s.keys[r]; k.first != 0 {
		s.stand(s.window(w, k), r)
	}
}

// data is the inverse of insert.
func (s *state) data(r ref, w *row, k *rowKeys) rowData {
	d := rowData{
		Delivery: event.Delivery{
			ID: w.id, Event: w.event, Route: s.names[w.route], Destination: s.names[w.dest],
			Created: fromNanos(w.created), Due: fromNanos(w.due), Expires: fromNanos(w.expires),
			State: w.state, Reason: w.reason, Round: int(w.round), Attempts: int(w.attempts),
			Tries: int(w.tries), Lost: int(w.lost), Updated: fromNanos(w.updated),
		},
		Since: fromNanos(w.since), Started: w.started(), Suspect: w.suspect(), Prev: w.last,
	}
	if k != nil {
		d.OrderKey, d.Coalesce, d.Merged = k.order, k.coalesce, int(k.merged)
		d.First, d.Claim = fromNanos(k.first), k.claim
		d.Reply = claim(k.claim).reply()
		d.Latest = r != 0 && k.first != 0 && s.windows[s.window(w, k)] == r
	}
	return d
}

func (s *state) window(w *row, k *rowKeys) windowKey {
	return windowKey{w.route, w.dest, k.coalesce.Key}
}

// stand makes r the delivery that the next event of its window supersedes.
func (s *state) stand(key windowKey, r ref) {
	if old := s.windows[key]; old != 0 && old != r {
		s.touch(old)
	}
	s.windows[key] = r
}

// emit adds a row to the effect as it is now.
func (s *state) emit(r ref, c rowChange) {
	w := s.table.row(r)
	c.row = *w
	if w.flags&rowKeyed != 0 {
		k := *s.keys[r]
		c.keys = &k
	}
	s.out.rows = append(s.out.rows, c)
}

// enter counts a pending row, queues it behind the older ones of its order key and makes it leasable unless it is
// started or has to wait for its turn.
func (s *state) enter(l *laneRows, r ref) {
	w := s.table.row(r)
	s.link(l, r)
	s.pending++
	if w.expires != 0 && (s.soonest == 0 || w.expires < s.soonest) {
		s.soonest = w.expires
	}
	if s.claimed(r) != "" {
		if l.claimed == nil {
			l.claimed = map[ref]struct{}{}
		}
		l.claimed[r] = struct{}{}
		return
	}
	if w.flags&rowKeyed != 0 && s.keys[r].order != "" {
		s.enqueueOrder(l, r)
		return
	}
	if !w.started() {
		s.push(l, r)
	}
}

// exit takes a row out of all that concerns pending ones; its state is still Pending and set by the caller.
func (s *state) exit(l *laneRows, r ref) {
	w := s.table.row(r)
	s.pull(l, r)
	s.unlink(l, r)
	s.pending--
	delete(l.started, r)
	w.flags &^= rowStarted | rowSuspect
	if w.flags&rowKeyed == 0 {
		return
	}
	if _, claimed := l.claimed[r]; claimed {
		delete(l.claimed, r)
		return
	}
	k := s.keys[r]
	if k.first != 0 && s.windows[s.window(w, k)] == r {
		delete(s.windows, s.window(w, k))
	}
	if k.order != "" {
		s.leaveOrder(l, k)
	}
}

// retire takes a row out of memory for good: it is delivered or canceled and belongs to the history.
func (s *state) retire(r ref, to event.State, reason event.Reason, successor event.DeliveryID, at time.Time) {
	s.touch(r)
	w := s.table.row(r)
	l := s.lane(w.dest)
	if w.state == event.Pending {
		s.exit(l, r)
	} else {
		l.dead--
		s.dead--
	}
	w.state, w.reason, w.updated = to, reason, nanos(at)
	s.emit(r, rowChange{gone: true, successor: successor})
	delete(s.keys, r)
	s.table.remove(r)
}

// bury makes a pending row dead whose attempt ended.
func (s *state) bury(r ref, reason event.Reason, class uint32, at time.Time) {
	w := s.table.row(r)
	l := s.lane(w.dest)
	s.exit(l, r)
	w.at = class // it has no place any more
	l.dead++
	s.dead++
	w.state, w.reason, w.updated = event.Dead, reason, nanos(at)
	s.emit(r, rowChange{})
}
