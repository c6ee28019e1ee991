package history_test

import (
	"cmp"
	"encoding/binary"
	"slices"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue/history"
)

// model is the simplest thing that lists as a History should: it makes changes, remembers them, and keeps all rows.
type model struct {
	changes []history.Change
	pos     uint64
	dropped uint64
	clock   int64 // milliseconds
	serial  uint64
	events  []*modelEvent // in order of position
	carried []*modelEvent
}

type modelEvent struct {
	history.Event
	source, typ, sender string
	carried             bool
	deliveries          []*modelDelivery // those it still has
}

type modelDelivery struct {
	history.Delivery
	route, destination string
	event              *modelEvent
}

// tb is what testing.T and rapid.T share.
type tb interface {
	Helper()
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}

var names = []string{"a", "b", "c"}

func (m *model) id() (id [16]byte) {
	m.serial++
	binary.BigEndian.PutUint64(id[:], uint64(m.clock)<<16)
	binary.BigEndian.PutUint64(id[8:], m.serial*0x9e3779b97f4a7c15)
	return id
}

func (m *model) record() uint64 {
	m.pos += 8 + m.serial%3
	return m.pos
}

func (m *model) add(kind history.Kind, c history.Change) {
	c.Kind, c.At = kind, m.pos
	m.changes = append(m.changes, c)
}

// store makes an event with a delivery for each of states.
func (m *model) store(source, typ, sender string, states ...event.State) *modelEvent {
	at := m.record()
	e := &modelEvent{source: source, typ: typ, sender: sender}
	e.Event = history.Event{
		ID: m.id(), Pos: at, Source: history.HashOf(source), Type: history.HashOf(typ), Sender: history.HashOf(sender),
		Received: m.clock, Size: uint32(m.serial), Deliveries: uint16(len(states)), Unmatched: len(states) == 0,
		Marks: m.serial%5 == 0,
	}
	m.events = append(m.events, e)
	m.add(history.NewEvent, history.Change{Event: e.Event})
	for _, s := range states {
		m.deliver(e, s)
	}
	return e
}

// deliver gives e a delivery made by the record at m.pos.
func (m *model) deliver(e *modelEvent, state event.State) *modelDelivery {
	d := &modelDelivery{route: names[m.serial%3], destination: names[m.serial%2], event: e}
	d.Delivery = history.Delivery{
		ID: m.id(), Pos: m.pos, EventPos: e.Pos, Last: m.pos, Updated: m.clock, State: state,
		Route: history.HashOf(d.route), Destination: history.HashOf(d.destination),
	}
	if m.pos == e.Pos {
		d.Source, d.Type = e.Source, e.Type
	} else {
		d.Previous = e.Added
	}
	e.deliveries = append(e.deliveries, d)
	m.add(history.NewDelivery, history.Change{Delivery: d.Delivery})
	return d
}

func (m *model) set(d *modelDelivery, state event.State) {
	d.Last, d.State, d.Updated = m.record(), state, m.clock
	d.Tries++
	d.Attempts++
	d.Merged, d.Lost, d.Successor = uint16(m.serial), uint8(m.pos), 0
	if d.Pos == d.EventPos && state == event.Canceled {
		d.Successor = m.pos - 1
	}
	m.add(history.SetDelivery, history.Change{Delivery: d.Delivery})
}

// again notes a duplicate of e that adds n deliveries.
func (m *model) again(e *modelEvent, n int) {
	at := m.record()
	for range n {
		m.deliver(e, event.Pending)
	}
	note := history.Event{Pos: e.Pos, Duplicates: 1}
	if n > 0 {
		note.Added, e.Added = at, at
	}
	e.Duplicates++
	m.add(history.NoteEvent, history.Change{Event: note})
}

// carry moves the oldest n events to the end of the log, those without open deliveries to oblivion.
func (m *model) carry(n int) {
	old := m.events[:min(n, len(m.events))]
	m.events = m.events[len(old):]
	for _, e := range old {
		m.carryOne(e)
	}
	bound := m.pos + 1
	if len(m.events) > 0 {
		bound = m.events[0].Pos
	}
	m.dropped = bound
	var again []*modelEvent
	m.carried = slices.DeleteFunc(m.carried, func(e *modelEvent) bool {
		if e.Pos < bound {
			again = append(again, e)
		}
		return e.Pos < bound
	})
	for _, e := range again {
		m.carryOne(e)
	}
}

func (m *model) carryOne(e *modelEvent) {
	open := func(d *modelDelivery) bool { return d.State == event.Pending || d.State == event.Dead }
	if !slices.ContainsFunc(e.deliveries, open) {
		e.deliveries = nil
		return
	}
	was := e.Pos
	e.Pos, e.Added, e.carried = m.record(), 0, true
	e.deliveries = slices.DeleteFunc(e.deliveries, func(d *modelDelivery) bool { return !open(d) })
	e.Deliveries = uint16(len(e.deliveries))
	m.add(history.NewEvent, history.Change{Event: e.Event, Carried: true, Was: was})
	for _, d := range e.deliveries {
		d.Pos, d.EventPos, d.Previous, d.Last = e.Pos, e.Pos, 0, e.Pos
		d.Source, d.Type = e.Source, e.Type
		m.add(history.NewDelivery, history.Change{Delivery: d.Delivery, Carried: true, Was: was})
	}
	m.carried = append(m.carried, e)
}

// all are the events in list order.
func (m *model) all() []*modelEvent {
	list := slices.Clone(m.events)
	slices.Reverse(list)
	carried := slices.Clone(m.carried)
	slices.SortFunc(carried, func(a, b *modelEvent) int { return b.ID.Compare(a.ID) })
	return append(list, carried...)
}

func (m *model) fits(d *modelDelivery, f history.Filter) bool {
	return (f.Route == "" || f.Route == d.route) && (f.Destination == "" || f.Destination == d.destination) &&
		(f.State == 0 || f.State == d.State)
}

func between(t time.Time, f history.Filter) bool {
	return (f.Since.IsZero() || !t.Before(f.Since)) && (f.Until.IsZero() || !t.After(f.Until))
}

// list is what f selects of the events.
func (m *model) list(f history.Filter) (items []history.EventItem) {
	for _, e := range m.all() {
		item := history.EventItem{Event: plainEvent(e.Event)}
		ok := f.Route == "" && f.Destination == "" && f.State == 0
		for _, d := range e.deliveries {
			ok = ok || m.fits(d, f)
			counts := map[event.State]*int{
				event.Pending: &item.Pending, event.Delivered: &item.Delivered,
				event.Dead: &item.Dead, event.Canceled: &item.Canceled,
			}
			*counts[d.State]++
		}
		if ok && between(e.ID.Time(), f) && (f.Source == "" || f.Source == e.source) &&
			(f.Type == "" || f.Type == e.typ) && (f.Sender == "" || f.Sender == e.sender) &&
			(!f.Unmatched || e.Unmatched && e.Added == 0) {
			items = append(items, item)
		}
	}
	return items
}

// deliveries is what f selects of them.
func (m *model) deliveries(f history.Filter) (list []history.Delivery) {
	if f.Unmatched {
		return nil
	}
	var main, carried []*modelDelivery
	for _, e := range m.all() {
		for _, d := range e.deliveries {
			if !m.fits(d, f) || !between(d.ID.Time(), f) || f.Source != "" && f.Source != e.source ||
				f.Type != "" && f.Type != e.typ {
				continue
			}
			if e.carried && d.Pos == e.Pos {
				carried = append(carried, d)
			} else {
				main = append(main, d)
			}
		}
	}
	slices.SortStableFunc(main, func(a, b *modelDelivery) int { return cmp.Compare(b.order(), a.order()) })
	slices.SortFunc(carried, func(a, b *modelDelivery) int { return event.EventID(b.ID).Compare(event.EventID(a.ID)) })
	for _, d := range append(main, carried...) {
		list = append(list, plainDelivery(d.Delivery))
	}
	return list
}

// order sorts deliveries as they were made.
func (d *modelDelivery) order() uint64 {
	return d.Pos<<16 | uint64(slices.Index(d.event.deliveries, d))
}

// plainEvent is e without the hash that a row shortens.
func plainEvent(e history.Event) history.Event {
	e.Source = 0
	return e
}

// plainDelivery is d without the hashes that a row shortens or takes from the event.
func plainDelivery(d history.Delivery) history.Delivery {
	d.Source, d.Route, d.Destination, d.Type = 0, 0, 0, 0
	return d
}

// check compares all that h lists under f with the model, in pages of limit.
func (m *model) check(t tb, h *history.History, f history.Filter, limit int) {
	t.Helper()
	events := pages(t, limit, func(c string, n int) (history.Page[history.EventItem], error) { return h.Events(f, c, n) })
	for i := range events {
		events[i].Event = plainEvent(events[i].Event)
	}
	equal(t, f, events, m.list(f))
	ds := pages(t, limit, func(c string, n int) (history.Page[history.Delivery], error) { return h.Deliveries(f, c, n) })
	for i := range ds {
		ds[i] = plainDelivery(ds[i])
	}
	equal(t, f, ds, m.deliveries(f))
}

// equal reports the first difference.
func equal[T comparable](t tb, f history.Filter, got, want []T) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		if i == len(got) || i == len(want) {
			t.Fatalf("%+v: %d items, want %d", f, len(got), len(want))
		}
		if got[i] != want[i] {
			t.Fatalf("%+v: item %d\n got %+v\nwant %+v", f, i, got[i], want[i])
		}
	}
}

// checkFind looks every row up by its id.
func (m *model) checkFind(t tb, h *history.History) {
	t.Helper()
	for _, e := range m.all() {
		got, ok, err := h.Event(e.ID)
		if err != nil || !ok || plainEvent(got) != plainEvent(e.Event) {
			t.Fatalf("event %v = %+v, %v, %v, want %+v", e.ID, got, ok, err, e.Event)
		}
		ds, err := h.EventDeliveries(e.ID)
		if err != nil || len(ds) != len(e.deliveries) {
			t.Fatalf("event %v has deliveries %+v, %v, want %d", e.ID, ds, err, len(e.deliveries))
		}
		for _, d := range e.deliveries {
			got, ok, err := h.Delivery(d.ID)
			if err != nil || !ok || plainDelivery(got) != plainDelivery(d.Delivery) {
				t.Fatalf("delivery %v = %+v, %v, %v, want %+v", d.ID, got, ok, err, d.Delivery)
			}
		}
	}
}

// pages reads a whole list in pages of limit.
func pages[T any](t tb, limit int, page func(cursor string, limit int) (history.Page[T], error)) (all []T) {
	t.Helper()
	for cursor := ""; ; {
		p, err := page(cursor, limit)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Items) > limit {
			t.Fatalf("%d items in a page of %d", len(p.Items), limit)
		}
		all = append(all, p.Items...)
		if p.Next == "" {
			return all
		}
		cursor = p.Next
	}
}
