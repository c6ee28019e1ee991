package queue

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookrouter/hookrouter/event"
)

// ordered is what a person expects of an ordered destination: a line of deliveries for each key.
type ordered struct {
	*life
	lines map[string][]event.DeliveryID
	key   map[event.DeliveryID]string
	runs  map[event.DeliveryID]bool
	dead  []event.DeliveryID
}

func (m *ordered) leave(id event.DeliveryID) {
	delete(m.runs, id)
	k := m.key[id]
	m.lines[k] = slices.DeleteFunc(m.lines[k], func(x event.DeliveryID) bool { return x == id })
}

func (m *ordered) enqueue() {
	if rapid.IntRange(0, 3).Draw(m.t, "set back") == 0 {
		m.now = m.now.Add(-time.Duration(rapid.IntRange(1, 3600).Draw(m.t, "seconds")) * time.Second)
	}
	r := record{kind: kindEvent, event: event.Event{ID: m.newID(), Source: "in", ReceivedAt: m.now, Body: []byte("b")}}
	d := rowData{Delivery: event.Delivery{
		ID: m.newID(), Event: r.event.ID, Route: "r", Destination: "build", Created: m.now, Due: m.now, State: event.Pending,
		OrderKey: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(m.t, "key"),
	}}
	r.rows = []rowData{d}
	r.eventPos = m.pos()
	m.add(&r)
	m.events = append(m.events, r)
	m.key[d.ID] = d.OrderKey
	m.lines[d.OrderKey] = append(m.lines[d.OrderKey], d.ID)
}

// start begins an attempt of any row that may be leased: whether it is due is for the lane to know.
func (m *ordered) start() {
	l := m.s.lane(m.s.name("build"))
	if len(l.heap) == 0 {
		return
	}
	w := m.s.table.row(rapid.SampledFrom(l.heap).Draw(m.t, "row"))
	id, line := w.id, m.lines[m.key[w.id]]
	if line[0] != id || m.runs[id] {
		m.t.Fatalf("%x may be leased; its line is %x, %v runs", id, line, m.runs)
	}
	a := m.s.about(w)
	a.number++
	m.add(&record{kind: kindStart, about: a, owner: m.owners["build"]})
	m.runs[id] = true
}

func (m *ordered) one(of map[event.DeliveryID]bool) (id event.DeliveryID, ok bool) {
	var all []event.DeliveryID
	for id := range of {
		all = append(all, id)
	}
	if len(all) == 0 {
		return id, false
	}
	slices.SortFunc(all, func(a, b event.DeliveryID) int { return bytes.Compare(a[:], b[:]) })
	return rapid.SampledFrom(all).Draw(m.t, "which"), true
}

func (m *ordered) finish() {
	id, ok := m.one(m.runs)
	if !ok {
		return
	}
	f := record{kind: kindFinish, about: m.s.about(m.s.table.row(m.s.table.find(id))), owner: m.owners["build"], tried: true}
	f.outcome.State = rapid.SampledFrom([]event.State{event.Pending, event.Delivered, event.Dead}).Draw(m.t, "state")
	f.outcome.Due = m.now.Add(time.Duration(rapid.IntRange(0, 60).Draw(m.t, "retry")) * time.Second)
	m.add(&f)
	if f.outcome.State == event.Pending {
		delete(m.runs, id)
		return
	}
	m.leave(id)
	if f.outcome.State == event.Dead {
		m.dead = append(m.dead, id)
	}
}

func (m *ordered) replay() {
	if len(m.dead) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.dead)-1).Draw(m.t, "dead")
	id := m.dead[i]
	m.dead = slices.Delete(m.dead, i, i+1)
	d := reopened(m.made[id], m.now, time.Time{})
	d.Known = id
	m.add(&record{kind: kindChange, wait: m.newID(), verb: verbReplay, eventID: d.Event, rows: []rowData{d}})
	m.lines[m.key[id]] = append(m.lines[m.key[id]], id)
}

func (m *ordered) cancel() {
	waiting := map[event.DeliveryID]bool{}
	for _, line := range m.lines {
		for _, id := range line {
			waiting[id] = true
		}
	}
	id, ok := m.one(waiting)
	if !ok {
		return
	}
	r := m.s.table.find(id)
	d := m.s.data(r, m.s.table.row(r), m.s.keys[r])
	m.add(&record{kind: kindChange, wait: m.newID(), verb: verbCancel, eventID: d.Event, rows: []rowData{d}})
	m.leave(id)
}

// crash gives the lane to another process: nothing runs any more.
func (m *ordered) crash() {
	m.owners["build"] = m.newID()
	m.add(&record{kind: kindOwn, wait: m.newID(), destination: "build", owner: m.owners["build"]})
	clear(m.runs)
}

// agree holds a state to the lines: who stands in them, who may be leased.
func (m *ordered) agree(s *state) {
	leasable := 0
	for key, line := range m.lines {
		var got []event.DeliveryID
		for r := s.orders[orderKey{s.name("build"), key}].first; r != 0; r = s.keys[r].behind {
			got = append(got, s.table.row(r).id)
		}
		if !slices.Equal(got, line) {
			m.t.Fatalf("key %s has the line\n%s, want\n%s", key, got, line)
		}
		if len(line) == 0 {
			continue
		}
		for i, id := range line {
			if in := s.table.row(s.table.find(id)).place == placeHeap; in != (i == 0 && !m.runs[id]) {
				m.t.Fatalf("key %s, %d in its line may be leased: %v", key, i, in)
			}
		}
		if !m.runs[line[0]] {
			leasable++
		}
	}
	if got := len(s.lane(s.name("build")).heap); got != leasable {
		m.t.Fatalf("%d may be leased, want %d", got, leasable)
	}
}

// TestOrder: after any history, clocks set back included, each key is a line of its own: who came first is tried first,
// alone, until it is over; a replay is at the end. So it is after a restart, with and without a snapshot.
func TestOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &ordered{
			life: newLife(t), lines: map[string][]event.DeliveryID{}, key: map[event.DeliveryID]string{},
			runs: map[event.DeliveryID]bool{},
		}
		m.crash()
		steps := []func(){
			m.enqueue, m.enqueue, m.enqueue, m.start, m.start, m.finish, m.finish, m.replay, m.cancel, m.crash, m.restart, m.carry,
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			steps[rapid.IntRange(0, len(steps)-1).Draw(t, "step")]()
			m.agree(m.s)
		}
		rebuilt := newState()
		var r record
		for i, b := range m.records {
			if err := r.decode(b, false); err != nil {
				t.Fatal(err)
			}
			rebuilt.apply(&r, Pos(i*3+1))
		}
		m.agree(rebuilt)
	})
}

// TestOrderAfterTrim: carried records come behind newer ones, and their rows go back to where they stood.
func TestOrderAfterTrim(t *testing.T) {
	s := newState()
	add := func(kind kind, n int) {
		d := rowData{Delivery: event.Delivery{
			ID: event.DeliveryID(newTestID(n)), Event: event.EventID(newTestID(n)), Route: "r", Destination: "d", OrderKey: "k",
			Created: at(n), Due: at(n), State: event.Pending,
		}, Since: at(n)}
		s.apply(&record{kind: kind, time: at(n), event: event.Event{ID: d.Event, ReceivedAt: at(n)}, rows: []rowData{d}}, Pos(len(s.keys)+1))
	}
	add(kindEvent, 7)
	add(kindEvent, 9)
	add(kindCarried, 1)
	add(kindCarried, 3)
	add(kindEvent, 11)
	var got []int64
	for r := s.orders[orderKey{s.name("d"), "k"}].first; r != 0; r = s.keys[r].behind {
		got = append(got, fromNanos(s.table.row(r).created).Unix()-at(0).Unix())
	}
	if fmt.Sprint(got) != "[1 3 7 9 11]" {
		t.Errorf("the line is %v", got)
	}
	if l := s.lane(s.name("d")); len(l.heap) != 1 || fromNanos(s.table.row(l.heap[0]).created) != at(1) {
		t.Errorf("%d may be leased", len(l.heap))
	}
}

func newTestID(n int) (id [16]byte) {
	copy(id[:], fmt.Sprintf("%016d", n))
	return id
}
