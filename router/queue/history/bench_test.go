package history_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue/history"
)

// traffic makes the changes of events with one delivery each; the delivery of the event lag events ago ends with
// each one.
type traffic struct {
	pos, serial uint64
	start       time.Time
	lag         int
	open        []history.Delivery
}

func (tr *traffic) id() (id [16]byte) {
	tr.serial++
	binary.BigEndian.PutUint64(id[:], uint64(tr.start.UnixMilli()+int64(tr.serial/20))<<16)
	binary.BigEndian.PutUint64(id[8:], tr.serial*0x9e3779b97f4a7c15)
	return id
}

// step applies one event: two rows made, one changed.
func (tr *traffic) step(h *history.History, changes []history.Change) {
	tr.pos += 64
	source, typ := history.HashOf("github"), history.HashOf("push")
	d := history.Delivery{
		ID: tr.id(), EventPos: tr.pos, Last: tr.pos, State: event.Pending, Source: source, Type: typ,
		Route: history.HashOf("everything"), Destination: history.HashOf("audit"),
	}
	changes = append(changes[:0],
		history.Change{Kind: history.NewEvent, At: tr.pos, Event: history.Event{
			ID: tr.id(), Source: source, Type: typ, Sender: history.Hash(tr.serial), Deliveries: 1,
		}},
		history.Change{Kind: history.NewDelivery, At: tr.pos, Delivery: d})
	h.Apply(tr.pos, changes)
	tr.open = append(tr.open, d)
	if len(tr.open) <= tr.lag {
		return
	}
	d, tr.open = tr.open[0], tr.open[1:]
	tr.pos += 64
	d.State, d.Last, d.Tries = event.Delivered, tr.pos, 1
	if tr.serial%2000 < 2 {
		d.State = event.Dead
	}
	h.Apply(tr.pos, append(changes[:0], history.Change{Kind: history.SetDelivery, At: tr.pos, Delivery: d}))
}

// BenchmarkApply is the cost of an event with a delivery, from two records to the page cache: at once, and with a
// backlog, so that rows change after they were written.
func BenchmarkApply(b *testing.B) {
	for name, lag := range map[string]int{"fresh": 100, "backlog": 100_000} {
		b.Run(name, func(b *testing.B) {
			h := open(b, b.TempDir(), history.Options{})
			defer h.Close()
			defer running(b, h)()
			tr := &traffic{start: time.Now(), lag: lag}
			buf := make([]history.Change, 0, 2)
			for range lag {
				tr.step(h, buf)
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				tr.step(h, buf)
			}
			if err := h.Flush(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkPage lists one page of 50 out of a million rows.
func BenchmarkPage(b *testing.B) {
	h := open(b, b.TempDir(), history.Options{})
	defer h.Close()
	tr := &traffic{start: time.Now(), lag: 100}
	buf := make([]history.Change, 0, 2)
	for range 500_000 {
		tr.step(h, buf)
	}
	oldest := time.UnixMilli(tr.start.UnixMilli() + 100)
	for name, f := range map[string]history.Filter{
		"newest": {}, "dead": {State: event.Dead}, "unmatched, none": {Unmatched: true}, "oldest": {Until: oldest},
		"no such type, a budget": {Type: "none"},
	} {
		b.Run(name, func(b *testing.B) {
			for range b.N {
				if _, err := h.Events(f, "", 50); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
