package event_test

import (
	"slices"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

func TestIDsSortByTimeAndRoundTrip(t *testing.T) {
	start := time.UnixMilli(1_700_000_000_123).UTC()
	var texts []string
	for i := range 300 {
		at := start.Add(time.Duration(i) * time.Millisecond)
		id := event.NewEventID(at)
		if !id.Time().Equal(at) {
			t.Fatalf("time of %s = %v, want %v", id, id.Time(), at)
		}
		back, err := event.ParseEventID(id.String())
		if err != nil || back != id {
			t.Fatalf("parse %s = %v, %v", id, back, err)
		}
		texts = append(texts, id.String())
	}
	if !slices.IsSorted(texts) {
		t.Error("ids made later must sort later")
	}
}

func TestParseRefusesForeignIDs(t *testing.T) {
	for _, bad := range []string{"", "evt_", "dlv_00000000000000000000000000", "evt_0000000000000000000000000!", "evt_000000000000000000000000000"} {
		if id, err := event.ParseEventID(bad); err == nil {
			t.Errorf("ParseEventID(%q) = %v, want an error", bad, id)
		}
	}
}

func TestStatesRoundTrip(t *testing.T) {
	for s := event.Pending; s <= event.Canceled; s++ {
		back, err := event.ParseState(s.String())
		if err != nil || back != s {
			t.Errorf("ParseState(%q) = %v, %v", s.String(), back, err)
		}
	}
	if _, err := event.ParseState(""); err == nil {
		t.Error("the empty state must be refused")
	}
}
