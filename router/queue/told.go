package queue

import (
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue/history"
)

// told appends to out what the history has to know of a record that was just applied.
func (s *state) told(rec *record, eff *effect, out []history.Change) []history.Change {
	at := uint64(s.applied)
	switch {
	case rec.kind == kindStart:
		return out
	case rec.kind == kindEvent && eff.known != 0:
		note := history.Event{Pos: uint64(eff.known), Duplicates: 1}
		return append(out, history.Change{Kind: history.NoteEvent, At: at, Event: note})
	case rec.kind == kindEvent:
		out = append(out, history.Change{Kind: history.NewEvent, At: at, Event: toldEvent(rec, eff.made)})
	case rec.kind == kindCarried && len(eff.rows) > 0:
		out = append(out, history.Change{
			Kind: history.NewEvent, At: at, Event: toldEvent(rec, len(eff.rows)),
			Carried: true, Was: uint64(eff.rows[0].was),
		})
	}
	for i := range eff.rows {
		if c := &eff.rows[i]; news(rec, c) {
			out = append(out, s.toldRow(rec, c))
		}
	}
	if rec.kind == kindChange && (rec.again || eff.result.Created > 0) {
		out = append(out, history.Change{Kind: history.NoteEvent, At: at, Event: toldNote(rec, eff, at)})
	}
	return out
}

// news reports whether a row of the history changes: while a delivery stays pending, memory has what is new.
func news(rec *record, c *rowChange) bool {
	return c.row.state != event.Pending || c.made || rec.kind == kindChange || rec.kind == kindCarried
}

func toldEvent(rec *record, deliveries int) history.Event {
	e := &rec.event
	return history.Event{
		ID: e.ID, Source: history.HashOf(e.Source), Type: history.HashOf(e.Type), Sender: history.HashOf(e.SenderID),
		Received: e.ReceivedAt.UnixMilli(), Deliveries: history.Count(deliveries),
		Marks: len(e.Marks) > 0, Unmatched: len(rec.rows) == 0,
	}
}

func toldNote(rec *record, eff *effect, at uint64) history.Event {
	note := history.Event{Pos: uint64(rec.eventPos)}
	if rec.again {
		note.Duplicates = 1
	}
	if eff.result.Created > 0 {
		note.Added = at
	}
	return note
}

func (s *state) toldRow(rec *record, c *rowChange) history.Change {
	w := &c.row
	d := history.Delivery{
		ID: w.id, EventPos: uint64(w.eventPos), Last: uint64(w.last), Updated: w.updated / 1e6,
		Route: history.HashOf(s.names[w.route]), Destination: history.HashOf(s.names[w.dest]),
		State: w.state, Reason: w.reason, Round: history.Count(int(w.round)),
		Attempts: history.Count(int(w.attempts)), Tries: history.Count(int(w.tries)), Lost: uint8(min(w.lost, 255)),
	}
	if c.keys != nil {
		d.Merged = history.Count(int(c.keys.merged))
	}
	if !c.successor.IsZero() {
		if r := s.table.find(c.successor); r != 0 {
			d.Successor = uint64(s.table.row(r).eventPos)
		}
	}
	change := history.Change{Kind: history.SetDelivery, At: uint64(s.applied), Delivery: d}
	switch {
	case rec.kind == kindCarried:
		change.Kind, change.Carried, change.Was = history.NewDelivery, true, uint64(c.was)
	case c.made && (rec.kind == kindEvent || rec.adds(w.id)):
		change.Kind = history.NewDelivery
	default:
		return change
	}
	if rec.kind == kindChange {
		change.Delivery.Previous = uint64(rec.prevAdded)
		return change
	}
	change.Delivery.Source, change.Delivery.Type = history.HashOf(rec.event.Source), history.HashOf(rec.event.Type)
	return change
}

// adds reports whether a change asked for a new delivery of this id, and not for an old one again.
func (r *record) adds(id event.DeliveryID) bool {
	for i := range r.rows {
		if r.rows[i].ID == id {
			return r.rows[i].Known.IsZero()
		}
	}
	return false
}
