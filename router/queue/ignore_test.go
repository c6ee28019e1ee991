package queue

import (
	"testing"

	"github.com/hookrouter/hookrouter/event"
)

// applyAll applies recs to a fresh state and returns it.
func applyAll(t *testing.T, recs ...record) *state {
	t.Helper()
	s := newState()
	var back record
	for i, r := range recs {
		if err := back.decode(r.encode(), false); err != nil {
			t.Fatal(err)
		}
		s.apply(&back, Pos(i+1))
	}
	return s
}

// TestStaleRecordsAreIgnored: what refers to an attempt, a round or an owner that is over changes nothing, whoever
// wrote it.
func TestStaleRecordsAreIgnored(t *testing.T) {
	row := rowData{Delivery: event.Delivery{ID: idOf(40), Route: "r", Destination: "build", State: event.Pending}}
	stored := record{kind: kindEvent, event: event.Event{ID: idOf(1)}, rows: []rowData{row}}
	own := record{kind: kindOwn, destination: "build", owner: idOf(80)}
	start := func(number int, owner token) record {
		a := about{delivery: row.ID, event: idOf(1), destination: "build", number: number}
		return record{kind: kindStart, about: a, owner: owner}
	}
	finish := func(number int, o event.Outcome) record {
		a := about{delivery: row.ID, event: idOf(1), destination: "build", number: number}
		return record{kind: kindFinish, about: a, owner: idOf(80), tried: true, outcome: o}
	}
	again, over := event.Outcome{State: event.Pending}, event.Outcome{State: event.Delivered}
	for name, c := range map[string]struct {
		recs    []record
		pending int
		tries   uint32
	}{
		"finish of the attempt":        {[]record{start(1, idOf(80)), finish(1, over)}, 0, 0},
		"finish of an older attempt":   {[]record{start(1, idOf(80)), finish(1, again), start(2, idOf(80)), finish(1, over)}, 1, 2},
		"finish of no attempt":         {[]record{finish(0, over)}, 1, 0},
		"start of another owner":       {[]record{start(1, idOf(81))}, 1, 0},
		"start twice":                  {[]record{start(1, idOf(80)), start(2, idOf(80))}, 1, 1},
		"start of an older attempt":    {[]record{start(1, idOf(80)), finish(1, again), start(1, idOf(80))}, 1, 1},
		"the event once more":          {[]record{stored}, 1, 0},
		"finish after another's own":   {[]record{start(1, idOf(80)), {kind: kindOwn, destination: "build", owner: idOf(82)}, finish(1, over)}, 1, 1},
		"start of an unknown delivery": {[]record{{kind: kindStart, about: about{delivery: idOf(99)}, owner: idOf(80)}}, 1, 0},
	} {
		s := applyAll(t, append([]record{own, stored}, c.recs...)...)
		if s.pending != c.pending {
			t.Errorf("%s: %d pending, want %d", name, s.pending, c.pending)
			continue
		}
		if r := s.table.find(row.ID); r != 0 && s.table.row(r).tries != c.tries {
			t.Errorf("%s: %d tries, want %d", name, s.table.row(r).tries, c.tries)
		}
	}
}

// TestPairIsMadeOnce: two changes that were composed without knowing of each other make one delivery.
func TestPairIsMadeOnce(t *testing.T) {
	change := func(id byte) record {
		d := rowData{Delivery: event.Delivery{ID: idOf(id), Route: "r", Destination: "build", State: event.Pending}}
		return record{kind: kindChange, time: at(1), verb: verbDuplicate, eventID: idOf(1), eventPos: 1, until: at(60), rows: []rowData{d}}
	}
	s := applyAll(t, record{kind: kindEvent, event: event.Event{ID: idOf(1)}}, change(40), change(70))
	if s.pending != 1 || s.table.find(idOf(40)) == 0 {
		t.Errorf("%d deliveries of one pair", s.pending)
	}
}
