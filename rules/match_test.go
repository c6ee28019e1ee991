package rules_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
)

const matchFile = `
version: 1
presets:
  keyed: { verify: none, type: body.type, dedupe: body.id, sender_id: x-sender-id }
sources:
  s: { preset: keyed, verify: none }
  digest: { verify: none, dedupe: digest, type: header("x-type") }
  none: { verify: none, unmatched: reject }
defaults: { retry: { max_age: 2h } }
destinations:
  d: http://d/
  e: { url: http://e/, retry: { max_age: 30m } }
routes:
  - { name: plain, from: s, to: [d, e] }
  - { name: merged, from: s, to: d, coalesce: { key: body.key, wait: 10s, max: 2m } }
  - { name: rejecting, from: none, when: body.yes, to: d }
  - { name: erring, from: none, when: int(body.n) > 1, to: d }
  - { name: erring-filter, from: none, when: int(body.m) > 1 }
`

var now = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

func newEvent(source, body string) *event.Event {
	return &event.Event{
		ID: event.NewEventID(now), Source: source, ReceivedAt: now.Add(-time.Second), Method: "POST", Path: "/in/" + source,
		Header: map[string][]string{"Content-Type": {"application/json"}, "X-Sender-Id": {"their-id"}}, Body: []byte(body),
	}
}

func TestDeliveriesAreComplete(t *testing.T) {
	set := parse(t, matchFile)
	ev := newEvent("s", `{"id": "1", "key": 7}`)
	m := set.Match(ev, now)
	if !m.Matched || m.Reject || len(m.Deliveries) != 3 || ev.RulesHash != set.Hash() || len(ev.Marks) > 0 {
		t.Fatalf("%+v, %+v", m, ev)
	}
	ids := map[event.DeliveryID]bool{}
	for i, want := range []event.Delivery{
		{Route: "plain", Destination: "d", Due: now, Expires: now.Add(2 * time.Hour)},
		{Route: "plain", Destination: "e", Due: now, Expires: now.Add(30 * time.Minute)},
		{
			Route: "merged", Destination: "d", Due: now.Add(10 * time.Second), Expires: now.Add(2 * time.Hour),
			Coalesce: event.Coalesce{Key: "7", Wait: 10 * time.Second, Max: 2 * time.Minute},
		},
	} {
		got := m.Deliveries[i]
		want.ID, want.Event, want.Created, want.Updated, want.State = got.ID, ev.ID, now, now, event.Pending
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
		if got.ID.IsZero() || ids[got.ID] {
			t.Errorf("id %s is not new", got.ID)
		}
		ids[got.ID] = true
	}
}

func TestCoalesceNeedsAKey(t *testing.T) {
	set := parse(t, matchFile)
	for body, mark := range map[string]bool{`{}`: false, `{"key": null}`: false, `{"key": ""}`: false, `{"key": [1]}`: true} {
		ev := newEvent("s", body)
		m := set.Match(ev, now)
		if d := m.Deliveries[2]; d.Coalesce != (event.Coalesce{}) || !d.Due.Equal(now) {
			t.Errorf("%s: %+v, want no window and due now", body, d)
		}
		if got := m.Errors["merged"] == 1 && len(ev.Marks) == 1; got != mark {
			t.Errorf("%s: errors %v, marks %q", body, m.Errors, ev.Marks)
		}
	}
	long := set.Match(newEvent("s", `{"key": "`+strings.Repeat("k", 5000)+`"}`), now).Deliveries[2].Coalesce.Key
	if len(long) == 0 || len(long) > 256 {
		t.Errorf("a long key became %d bytes", len(long))
	}
}

// TestOrderAndDelay: they are those of each destination; a window waits at least as long as the delay.
func TestOrderAndDelay(t *testing.T) {
	set := parse(t, `
version: 1
sources: { s: { verify: none, body: json } }
destinations:
  plain: http://d/
  line: { url: http://d/, order_by: body.key }
  late: { url: http://d/, order_by: "body.key + 1", delay: 1m }
routes:
  - { name: a, from: s, to: [plain, line, late] }
  - { name: b, from: s, to: [line, late], coalesce: { key: '"k"', wait: 10s } }
`)
	for body, want := range map[string]string{
		`{"key": 7}`:   "plain  0s, line 7 0s, late 8 1m0s, line 7 10s, late 8 1m0s",
		`{"key": "x"}`: "plain  0s, line x 0s, late  1m0s, line x 10s, late  1m0s",
		`{"key": ""}`:  "plain  0s, line  0s, late  1m0s, line  10s, late  1m0s",
		`{}`:           "plain  0s, line  0s, late  1m0s, line  10s, late  1m0s",
	} {
		ev := newEvent("s", body)
		m := set.Match(ev, now)
		var got []string
		for _, d := range m.Deliveries {
			got = append(got, fmt.Sprintf("%s %s %s", d.Destination, d.OrderKey, d.Due.Sub(now)))
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%s:\ngot  %s\nwant %s", body, strings.Join(got, ", "), want)
		}
		if marked := len(ev.Marks) > 0; marked == (body == `{"key": 7}`) {
			t.Errorf("%s is marked %q", body, ev.Marks)
		}
	}
}

func TestUnmatched(t *testing.T) {
	set := parse(t, matchFile)
	for name, c := range map[string]struct {
		body       string
		reject     bool
		matched    bool
		deliveries []event.State
		errors     map[string]int
	}{
		"matched":               {`{"yes": true, "n": 1, "m": 1}`, false, true, []event.State{event.Pending}, nil},
		"nothing":               {`{"n": 1, "m": 1}`, true, false, nil, nil},
		"error":                 {`{"n": "x", "m": 1}`, false, false, []event.State{event.Dead}, map[string]int{"erring": 1}},
		"error without to":      {`{"n": 1, "m": "x"}`, true, false, nil, map[string]int{"erring-filter": 1}},
		"matched beside errors": {`{"yes": true, "n": "x", "m": 1}`, false, true, []event.State{event.Pending}, map[string]int{"erring": 1}},
	} {
		ev := newEvent("none", c.body)
		m := set.Match(ev, now)
		var states []event.State
		for _, d := range m.Deliveries {
			states = append(states, d.State)
			if (d.State == event.Dead) != (d.Reason == event.ReasonMatch) {
				t.Errorf("%s: %+v", name, d)
			}
		}
		if m.Reject != c.reject || m.Matched != c.matched || !slices.Equal(states, c.deliveries) || !reflect.DeepEqual(m.Errors, c.errors) {
			t.Errorf("%s: %+v, states %v", name, m, states)
		}
		if len(ev.Marks) != len(c.errors) {
			t.Errorf("%s: marks %q", name, ev.Marks)
		}
	}
	if m := set.Match(newEvent("gone", "{}"), now); m.Matched || m.Reject || m.Deliveries != nil {
		t.Errorf("an unknown source: %+v", m)
	}
}

func TestIdentify(t *testing.T) {
	set := parse(t, matchFile)
	for name, c := range map[string]struct {
		source, body, header string
		typ, key, sender     string
		keep                 time.Duration
		marks                int
	}{
		"declared":        {"s", `{"type": "a.b", "id": "7"}`, "", "a.b", "7", "their-id", 24 * time.Hour, 0},
		"missing":         {"s", `{}`, "", "", "", "their-id", 0, 2},
		"not text":        {"s", `{"type": [1], "id": {}}`, "", "", "", "their-id", 0, 2},
		"broken":          {"s", `{`, "", "", "", "their-id", 0, 2},
		"control":         {"s", `{"type": "a\nb", "id": 7}`, "", "", "7", "their-id", 24 * time.Hour, 1},
		"digest":          {"digest", "{}", "x", "x", "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "", 10 * time.Minute, 0},
		"digest, no type": {"digest", "{}", "", "", "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", "", 10 * time.Minute, 1},
		"none":            {"none", "{}", "", "", "", "", 0, 0},
	} {
		ev := newEvent(c.source, c.body)
		if c.header != "" {
			ev.Header["X-Type"] = []string{c.header}
		}
		if err := set.Identify(ev); err != nil {
			t.Fatal(err)
		}
		if ev.Type != c.typ || ev.DedupeKey != c.key || ev.SenderID != c.sender || ev.DedupeFor != c.keep || len(ev.Marks) != c.marks {
			t.Errorf("%s: type %q, key %q, sender %q, for %s, marks %q", name, ev.Type, ev.DedupeKey, ev.SenderID, ev.DedupeFor, ev.Marks)
		}
	}
	if err := set.Identify(newEvent("gone", "")); err == nil {
		t.Error("an unknown source must be an error")
	}
}

// TestAcceptIsIdentifyAndMatch compares the two ways.
func TestAcceptIsIdentifyAndMatch(t *testing.T) {
	set := parse(t, matchFile)
	for _, body := range []string{`{"type": "a", "id": 1, "key": 2}`, `{`, `{"key": []}`} {
		one, two := newEvent("s", body), newEvent("s", body)
		two.ID = one.ID
		if err := set.Identify(one); err != nil {
			t.Fatal(err)
		}
		first := set.Match(one, now)
		second, err := set.Accept(two, now)
		if err != nil {
			t.Fatal(err)
		}
		for i := range second.Deliveries {
			second.Deliveries[i].ID = first.Deliveries[i].ID
		}
		if !reflect.DeepEqual(one, two) || !reflect.DeepEqual(first, second) {
			t.Errorf("%s:\n%+v %+v\n%+v %+v", body, one, first, two, second)
		}
	}
}

// TestBodyIsOnlyCheckedWhenRead keeps a broken body unmarked for routes that don't look at it.
func TestBodyIsOnlyCheckedWhenRead(t *testing.T) {
	head := "version: 1\nsources: { s: { verify: none }, other: { verify: none } }\ndestinations: { d: http://d/ }\nroutes:\n" +
		"  - { name: a, from: s, when: method == 'POST', to: d }\n"
	for text, want := range map[string]int{
		head: 0,
		head + "  - { name: b, from: other, when: body.x, to: d }\n":                                  0,
		head + "  - { name: b, from: s, when: body.x, to: d }\n":                                      1,
		head + "  - { name: b, from: s, to: d, transform: body.x }\n":                                 1,
		head + "  - { name: b, from: s, to: d, headers: { x: $(body.x) } }\n":                         1,
		head + "  - { name: b, from: s, to: d, enabled: false, coalesce: { key: body, wait: 1s } }\n": 0,
	} {
		ev := newEvent("s", "{broken")
		m := parse(t, text).Match(ev, now)
		if len(ev.Marks) != want || !m.Matched {
			t.Errorf("%s\nmarks %q, want %d; matched %t", text, ev.Marks, want, m.Matched)
		}
	}
}

func TestParked(t *testing.T) {
	set := parse(t, matchFile+"  - { name: off, from: s, to: d, enabled: false }\n")
	for _, c := range []struct {
		route, destination string
		want               bool
	}{
		{"plain", "d", true}, {"plain", "e", true}, {"merged", "e", false}, {"gone", "d", false}, {"plain", "gone", false},
		{"off", "d", false}, {"erring-filter", "d", false},
	} {
		if got := set.Has(c.route, c.destination); got != c.want {
			t.Errorf("Has(%q, %q) = %t", c.route, c.destination, got)
		}
		_, err := set.Render(newEvent("s", "{}"), &event.Delivery{Route: c.route, Destination: c.destination}, 1)
		if errors.Is(err, rules.ErrParked) == c.want {
			t.Errorf("Render to %q, %q: %v", c.route, c.destination, err)
		}
	}
}
