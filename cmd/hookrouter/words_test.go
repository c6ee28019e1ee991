package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
)

func TestStatesInWords(t *testing.T) {
	past, soon := time.Now().Add(-time.Second), time.Now().Add(time.Hour+time.Minute)
	for want, d := range map[string]client.Delivery{
		"retrying, next now":                                {State: event.Pending, Tries: 1, Due: past},
		"retrying, next in 1h":                              {State: event.Pending, Tries: 1, Due: soon},
		"parked (route or destination is not in the rules)": {State: event.Pending, Tries: 1, Due: past, Parked: true},
		"dead (rule_error)":                                 {State: event.Dead, Tries: 1, Reason: "rule_error"},
	} {
		if got := deliveryState(d); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := destState(client.Destination{Breaker: "open", NextProbe: past}); got != "breaker open, probe now" {
		t.Errorf("got %q", got)
	}
}

// TestFaultsOfTheServer: a place that is not known is not shown as 0, and the hint is.
func TestFaultsOfTheServer(t *testing.T) {
	var out bytes.Buffer
	writeFaults(&out, client.Rules{Faults: []client.Fault{
		{File: "r.yaml", Message: "the file is empty", Hint: "begin it"},
		{File: "r.yaml", Line: 71, Message: "a test"},
		{File: "r.yaml", Line: 7, Col: 13, Message: "unknown"},
	}})
	want := "  r.yaml: the file is empty\n    hint: begin it\n  r.yaml:71: a test\n  r.yaml:7:13: unknown\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// TestDeadTellsWhy: the row has the event, and the error on one line whatever a destination answered.
func TestDeadTellsWhy(t *testing.T) {
	var out bytes.Buffer
	id := event.NewEventID(time.Now())
	writeDeliveries(&out, []client.Delivery{{Event: id, State: event.Dead, Reason: "refused", LastError: "a\nb\x1b[31m\tc"}})
	text := out.String()
	if !strings.Contains(text, id.String()) || !strings.HasSuffix(text, "a b [31m c\n") {
		t.Errorf("%q", text)
	}
}
