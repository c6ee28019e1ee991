package queue

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookrouter/hookrouter/event"
)

// life is a random log with the state that it makes.
type life struct {
	t       *rapid.T
	s       *state
	records []Record
	now     time.Time
	owners  map[string]token
	events  []record
	made    map[event.DeliveryID]rowData // every delivery that ever came into being
	gone    map[event.DeliveryID]event.State
	ids     uint64
	slow    *slowSnapshot
}

func newLife(t *rapid.T) *life {
	return &life{
		t: t, s: newState(), now: at(0), owners: map[string]token{},
		made: map[event.DeliveryID]rowData{}, gone: map[event.DeliveryID]event.State{},
	}
}

func (h *life) newID() (id [16]byte) {
	h.ids++
	copy(id[:], fmt.Sprintf("%016d", h.ids))
	return id
}

func (h *life) pos() Pos { return Pos(len(h.records)*3 + 1) }

// add applies a record as it comes back from the log, and notes what the effect says.
func (h *life) add(r *record) *effect {
	h.now = h.now.Add(time.Duration(rapid.IntRange(0, 20_000).Draw(h.t, "ms")) * time.Millisecond)
	r.time = h.now
	b := r.encode()
	pos := h.pos()
	h.records = append(h.records, b)
	var back record
	if err := back.decode(b, false); err != nil {
		h.t.Fatal(err)
	}
	eff := h.s.apply(&back, pos)
	h.s.rest()
	for i := range eff.rows {
		c := &eff.rows[i]
		d := h.s.data(0, &c.row, c.keys)
		h.made[d.ID] = d
		delete(h.gone, d.ID)
		if c.gone {
			h.gone[d.ID] = d.State
		}
	}
	return eff
}

var destinations = []string{"build", "audit"}

func (h *life) row(ev event.EventID, route, destination string) rowData {
	d := rowData{Delivery: event.Delivery{
		ID: h.newID(), Event: ev, Route: route, Destination: destination, Created: h.now, Due: h.now,
		Expires: h.now.Add(time.Duration(rapid.IntRange(1, 3600).Draw(h.t, "expires")) * time.Second), State: event.Pending,
	}}
	if rapid.IntRange(0, 9).Draw(h.t, "dead") == 0 {
		d.State, d.Reason = event.Dead, event.ReasonMatch
	}
	if rapid.Bool().Draw(h.t, "ordered") {
		d.OrderKey = rapid.SampledFrom([]string{"a", "b"}).Draw(h.t, "order")
	}
	if rapid.Bool().Draw(h.t, "coalesced") {
		d.Coalesce = event.Coalesce{
			Key: rapid.SampledFrom([]string{"x", "y"}).Draw(h.t, "key"), Wait: 10 * time.Second, Max: time.Minute,
		}
	}
	if rapid.IntRange(0, 3).Draw(h.t, "claimed") == 0 {
		process := token{byte(rapid.IntRange(1, 2).Draw(h.t, "process")), '0', '0', '0', '0', '0', '0', '0'}
		d.Claim = rapid.SampledFrom([]string{claimOnce, claimRelease}).Draw(h.t, "reply") + string(process[:8]) + string(d.ID[:])
	}
	return d
}

func (h *life) rows(ev event.EventID) (rows []rowData) {
	for _, d := range destinations {
		if rapid.Bool().Draw(h.t, "to") {
			rows = append(rows, h.row(ev, "r", d))
		}
	}
	return rows
}

func (h *life) enqueue() {
	r := record{kind: kindEvent, event: event.Event{ID: h.newID(), Source: "cms", ReceivedAt: h.now, Body: []byte("b")}}
	if rapid.Bool().Draw(h.t, "keyed") {
		r.event.DedupeKey = rapid.StringMatching("k[1-9]").Draw(h.t, "dedupe")
		r.event.DedupeFor = time.Minute
	}
	r.rows = h.rows(r.event.ID)
	eff := h.add(&r)
	if eff.known == 0 {
		r.eventPos = h.pos() - 3
		h.events = append(h.events, r)
	}
}

// any picks a row in memory; 0 when there is none.
func (h *life) any() ref {
	var all []ref
	h.s.table.each(func(r ref, _ *row) { all = append(all, r) })
	if len(all) == 0 {
		return 0
	}
	return rapid.SampledFrom(all).Draw(h.t, "row")
}

func (h *life) own() {
	d := rapid.SampledFrom(destinations).Draw(h.t, "destination")
	if rapid.IntRange(0, 3).Draw(h.t, "anew") > 0 || h.owners[d] == (token{}) {
		owner := token(h.newID())
		owner[0] = byte(rapid.IntRange(1, 2).Draw(h.t, "process"))
		if rapid.Bool().Draw(h.t, "alone") {
			owner = owner.inRehearsal()
		}
		if rapid.Bool().Draw(h.t, "at rest") {
			owner[8] |= acquitting
		}
		h.owners[d] = owner
	}
	h.add(&record{kind: kindOwn, wait: h.newID(), destination: d, owner: h.owners[d]})
}

// start begins an attempt of the row that is due, sometimes of any: such a start may have to be ignored.
func (h *life) start() {
	d := rapid.SampledFrom(destinations).Draw(h.t, "destination")
	l := h.s.lane(h.s.name(d))
	r := h.any()
	if len(l.heap) > 0 && rapid.IntRange(0, 4).Draw(h.t, "due") > 0 {
		r = l.heap[0]
	}
	if r == 0 {
		return
	}
	a := h.s.about(h.s.table.row(r))
	a.number += rapid.SampledFrom([]int{1, 1, 1, 1, 0}).Draw(h.t, "number")
	h.add(&record{kind: kindStart, about: a, owner: h.owners[a.destination]})
}

func (h *life) finish() {
	r := h.any()
	if r == 0 {
		return
	}
	a := h.s.about(h.s.table.row(r))
	f := record{kind: kindFinish, about: a, owner: h.owners[a.destination], tried: true}
	f.how = how(rapid.IntRange(0, 3).Draw(h.t, "how"))
	f.outcome.State = event.State(rapid.IntRange(1, 4).Draw(h.t, "state"))
	f.outcome.Due = h.now.Add(time.Duration(rapid.IntRange(0, 60).Draw(h.t, "retry")) * time.Second)
	f.outcome.Counted = rapid.Bool().Draw(h.t, "counted")
	if f.how == howExpired {
		f.outcome = event.Outcome{State: event.Dead, Reason: event.ReasonExpired}
	}
	h.add(&f)
}

func (h *life) change() {
	if len(h.events) == 0 {
		return
	}
	e := rapid.SampledFrom(h.events).Draw(h.t, "event")
	c := record{
		kind: kindChange, wait: h.newID(), eventID: e.event.ID, eventPos: e.eventPos, until: e.event.ReceivedAt.Add(time.Minute),
		verb: rapid.SampledFrom([]verb{verbDuplicate, verbReplay}).Draw(h.t, "verb"),
	}
	for _, d := range append(h.rows(e.event.ID), h.row(e.event.ID, "new", "audit")) {
		if d.Known = h.s.knownPair(e.event.ID, &d, e.rows); !d.Known.IsZero() {
			d = reopened(h.made[d.Known], d.Due, d.Expires)
			d.Known = d.ID
		}
		c.rows = append(c.rows, d)
	}
	h.add(&c)
}

func (h *life) end() {
	if r := h.any(); r != 0 {
		d := h.s.data(r, h.s.table.row(r), h.s.keys[r])
		d.Round -= rapid.SampledFrom([]int{0, 0, 0, 1}).Draw(h.t, "stale")
		v := rapid.SampledFrom([]verb{verbCancel, verbDrop}).Draw(h.t, "verb")
		h.add(&record{kind: kindChange, wait: h.newID(), verb: v, eventID: d.Event, rows: []rowData{d}})
	}
}

// carry says of an event again what is in memory of it and cannot be superseded.
func (h *life) carry() {
	if len(h.events) == 0 {
		return
	}
	e := rapid.SampledFrom(h.events).Draw(h.t, "event")
	r := record{kind: kindCarried, event: e.event}
	h.s.table.each(func(at ref, w *row) {
		k := h.s.keys[at]
		if w.event == e.event.ID && !w.started() && (!w.pending() || k == nil || k.first == 0) {
			r.rows = append(r.rows, h.s.data(at, w, k))
		}
	})
	if len(r.rows) > 0 {
		h.add(&r)
	}
}

func (h *life) note() {
	r := record{kind: kindNote, wait: h.newID(), key: rapid.StringMatching("n[12]").Draw(h.t, "note")}
	r.set = rapid.Bool().Draw(h.t, "set")
	if r.set {
		r.value = rapid.StringMatching("[ab]").Draw(h.t, "value")
	}
	h.add(&r)
}

// restart writes and reads a snapshot, as a restart does.
func (h *life) restart() {
	h.s.saved()
	h.slow = nil
	h.s = thawed(h.t, h.s)
}

func thawed(t *rapid.T, s *state) *state {
	head := s.save()
	defer s.saved()
	return thawedFrom(t, func(w io.Writer) error { return s.write(w, head, 9, func(f func()) { f() }) })
}

func thawedFrom(t *rapid.T, fill func(io.Writer) error) *state {
	dir, err := os.MkdirTemp("", "thaw")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	name := filepath.Join(dir, "snapshot")
	if err := writeSnapshot(name, fill); err != nil {
		t.Fatal(err)
	}
	back, print, err := readSnapshot(name)
	if err != nil || print != 9 {
		t.Fatal(print, err)
	}
	return back
}

// TestRebuildEqualsLive: after any history, the state is the one that its records make, snapshot or not, and what
// holds between its parts holds.
func TestRebuildEqualsLive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := newLife(t)
		steps := map[string]func(){
			"enqueue": h.enqueue, "enqueue2": h.enqueue, "own": h.own, "start": h.start, "start2": h.start, "finish": h.finish,
			"finish2": h.finish, "change": h.change, "end": h.end, "note": h.note, "restart": h.restart, "save": h.save, "carry": h.carry,
		}
		names := []string{"enqueue", "enqueue2", "own", "start", "start2", "finish", "finish2", "change", "end", "note", "restart", "save", "save", "carry"}
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			steps[rapid.SampledFrom(names).Draw(t, "step")]()
			h.check()
		}
		rebuilt := newState()
		var r record
		for i, b := range h.records {
			if err := r.decode(b, false); err != nil {
				t.Fatal(err)
			}
			rebuilt.apply(&r, Pos(i*3+1))
		}
		if rebuilt.hash(0) != h.s.hash(0) {
			t.Fatalf("live and rebuilt differ:\n%s\n%s", dump(h.s), dump(rebuilt))
		}
	})
}

func dump(s *state) string {
	var out []string
	s.table.each(func(r ref, w *row) { out = append(out, fmt.Sprintf("%+v", s.data(r, w, s.keys[r]))) })
	slices.Sort(out)
	return fmt.Sprintf("%d %v\n%v\n%v", s.applied, s.now, out, s.notes)
}

// check holds the state against the effects that were seen, and its parts against each other.
func (h *life) check() {
	s := h.s
	pending, deadRows := 0, 0
	for id, d := range h.made {
		r := s.table.find(id)
		_, left := h.gone[id]
		if left == (r != 0) {
			h.t.Fatalf("delivery %x left memory: %v, is in memory: %v", id, left, r != 0)
		}
		if r == 0 {
			continue
		}
		w := s.table.row(r)
		if w.pending() {
			pending++
			h.checkPending(r, w)
		} else {
			deadRows++
			if w.class() != 0 { // no attempt of these histories has one
				h.t.Fatalf("delivery %x is dead of %d, its place", id, w.class())
			}
		}
		if !w.pending() && w.state != event.Dead || d.Event != w.event {
			h.t.Fatalf("delivery %x is in memory as %v", id, w.state)
		}
	}
	if pending != s.pending || deadRows != s.dead || s.table.count != pending+deadRows {
		h.t.Fatalf("counts %d+%d, table %d; rows say %d+%d", s.pending, s.dead, s.table.count, pending, deadRows)
	}
	for _, l := range s.lanes {
		h.checkLane(l)
	}
}

func (h *life) checkPending(r ref, w *row) {
	s := h.s
	leasable := !w.started() && s.turn(r) && s.claimed(r) == ""
	if (w.place == placeHeap) != leasable && !w.started() {
		h.t.Fatalf("row %x: place %d, leasable %v", w.id, w.place, leasable)
	}
	if w.place == placeHeap && s.lane(w.dest).heap[w.at] != r {
		h.t.Fatalf("row %x does not stand where it says", w.id)
	}
	k := s.keys[r]
	if k == nil || k.first == 0 {
		return
	}
	latest := s.windows[s.window(w, k)]
	if latest != r && !w.started() {
		h.t.Fatalf("row %x waits in a window where another one is the latest", w.id)
	}
}

func (h *life) checkLane(l *laneRows) {
	s := h.s
	for i := 1; i < len(l.heap); i++ {
		if s.before(l.heap[i], l.heap[(i-1)/2]) {
			h.t.Fatal("heap is out of order")
		}
	}
	n := 0
	for r := l.oldest; r != 0; r = s.table.row(r).after {
		n++
	}
	if n != l.pending || len(l.started) > l.pending {
		h.t.Fatalf("lane %s: %d pending, %d in its list, %d started", l.destination, l.pending, n, len(l.started))
	}
}
