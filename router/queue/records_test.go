package queue

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue/bodies"
)

var update = flag.Bool("update", false, "write the golden file anew; only for a new version of a kind")

func at(sec int) time.Time { return time.Unix(1_700_000_000+int64(sec), 123_456_789).UTC() }

func idOf(n byte) (id [16]byte) {
	for i := range id {
		id[i] = n + byte(i)
	}
	return id
}

func aRow(n byte) rowData {
	return rowData{
		Delivery: event.Delivery{
			ID: idOf(n), Event: idOf(1), Route: "publish", Destination: "build", OrderKey: "ord", Created: at(1), Due: at(2),
			Expires: at(3), State: event.Pending, Round: 1, Attempts: 2, Tries: 300, Lost: 4, Merged: 5,
			Coalesce: event.Coalesce{Key: "s1", Wait: 10 * time.Second, Max: 2 * time.Minute}, Updated: at(4),
		},
		Since: at(5), First: at(6), Started: true, Latest: true, Prev: 1<<32 | 77, Claim: "c",
	}
}

// goldenRecords has one record of every kind, each field set, and the smallest ones.
func goldenRecords() map[string]record {
	row, bare := aRow(40), rowData{Delivery: event.Delivery{ID: idOf(60), Event: idOf(1), State: event.Dead, Reason: event.ReasonMatch}}
	ev := event.Event{
		ID: idOf(1), Source: "cms", Type: "Entry.publish", SenderID: "s-9", ReceivedAt: at(0), Method: "POST",
		Path: "/in/cms", Query: "a=1", RemoteIP: "192.0.2.7", DedupeKey: "k", DedupeFor: time.Hour, RulesHash: "abc",
		Marks: []string{"body: invalid JSON", "x"}, Body: []byte(`{"a":"ü"}`),
		Header: map[string][]string{"Content-Type": {"application/json"}, "X-Two": {"1", "2"}},
	}
	changed := row
	changed.Known = idOf(40)
	ab := about{
		delivery: idOf(40), event: idOf(1), eventPos: 1<<32 | 5, route: "publish", destination: "build", round: 1,
		number: 301, prev: 99,
	}
	attempt := event.Attempt{
		Number: 301, Round: 1, Started: at(7), Duration: 1500 * time.Millisecond, Status: 503, Error: "e", RulesHash: "abc",
		SentHash: strings.Repeat("0f", 32), URL: "http://ci/jobs", Answer: "busy", Result: "status",
	}
	length := bodies.Ref{Length: len(ev.Body)}
	child := ev
	child.Parent = idOf(3)
	last := []told{{class: "503", has: true, attempt: attempt, detail: "d"}, {class: "timeout"}}
	return map[string]record{
		"event":         {kind: kindEvent, time: at(9), event: ev, distinct: 7, rows: []rowData{row, bare}, body: length},
		"event-least":   {kind: kindEvent, event: event.Event{ID: idOf(1)}},
		"event-file":    {kind: kindEvent, event: event.Event{ID: idOf(1)}, body: bodies.Ref{File: "b1", Length: 5 << 20, Sum: [32]byte{1, 2}}},
		"carried":       {kind: kindCarried, time: at(9), event: ev, rows: []rowData{row}, body: length},
		"event-child":   {kind: kindEvent, time: at(9), event: child, rows: []rowData{row}, body: length},
		"carried-told":  {kind: kindCarried, time: at(9), event: child, rows: []rowData{row, bare}, body: length, told: last},
		"start":         {kind: kindStart, time: at(9), about: ab, owner: idOf(80)},
		"finish":        {kind: kindFinish, time: at(9), about: ab, owner: idOf(80), how: howRanOut, tried: true, attempt: attempt, outcome: event.Outcome{State: event.Pending, Due: at(10), Detail: "d", Counted: true}},
		"finish-swept":  {kind: kindFinish, time: at(9), about: ab, how: howExpired, outcome: event.Outcome{State: event.Dead, Reason: event.ReasonExpired}},
		"change":        {kind: kindChange, time: at(9), wait: idOf(90), verb: verbDuplicate, eventID: idOf(1), eventPos: 5, prevAdded: 3, until: at(11), again: true, duplicate: duplicate{id: idOf(2), received: at(12), senderID: "s-10", remoteIP: "192.0.2.8"}, rows: []rowData{changed, bare}},
		"change-cancel": {kind: kindChange, time: at(9), wait: idOf(90), verb: verbCancel, eventID: idOf(1), eventPos: 5},
		"own":           {kind: kindOwn, time: at(9), wait: idOf(90), destination: "build", owner: idOf(80), claim: "c"},
		"note":          {kind: kindNote, time: at(9), wait: idOf(90), key: "pause/build", value: "by hand", set: true},
		"note-gone":     {kind: kindNote, time: at(9), wait: idOf(90), key: "pause/build"},
	}
}

func TestRecordsRoundTrip(t *testing.T) {
	for name, want := range goldenRecords() {
		var got record
		if err := got.decode(want.encode(), true); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(got.rows) == 0 {
			got.rows = nil
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s came back as\n%+v, want\n%+v", name, got, want)
		}
	}
}

// TestGoldenRecords pins the bytes of version 1: logs are kept, so they never change.
func TestGoldenRecords(t *testing.T) {
	name := filepath.Join("testdata", "records_v1.txt")
	if *update {
		var b strings.Builder
		for _, n := range slices.Sorted(maps.Keys(goldenRecords())) {
			r := goldenRecords()[n]
			fmt.Fprintf(&b, "%s %x\n", n, []byte(r.encode()))
		}
		if err := os.WriteFile(name, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	all := goldenRecords()
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for lines.Scan() {
		n, text, _ := strings.Cut(lines.Text(), " ")
		want, err := hex.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		r, ok := all[n]
		if got := r.encode(); !ok || !bytes.Equal(got, want) {
			t.Errorf("%s is written as\n%x, in logs it is\n%x", n, []byte(got), want)
		}
		delete(all, n)
	}
	for n := range all {
		t.Errorf("%s is not in %s", n, name)
	}
}

// TestEveryCutRecordIsAnError: a record that ends too early, or goes on behind its end, is never taken for one.
func TestEveryCutRecordIsAnError(t *testing.T) {
	for name, r := range goldenRecords() {
		whole := r.encode()
		var got record
		for n := range whole {
			if err := got.decode(whole[:n], true); err == nil {
				t.Errorf("%s: its first %d of %d bytes are taken for a record", name, n, len(whole))
			}
		}
		if err := got.decode(append(whole, 0), true); err == nil {
			t.Errorf("%s: a byte behind the end is not noticed", name)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range goldenRecords() {
		f.Add([]byte(r.encode()))
	}
	f.Add([]byte{1, 1, 0xff, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		var r, again record
		if r.decode(b, true) != nil {
			return
		}
		if err := again.decode(r.encode(), true); err != nil {
			t.Fatalf("what was decoded cannot be decoded again: %v", err)
		}
		s := newState()
		s.apply(&r, 1)
		s.apply(&again, 2)
		s.hash(0)
	})
}

// TestGarbageAllocatesLittle: a count that lies must not make the decoder ask for more than there is.
func TestGarbageAllocatesLittle(t *testing.T) {
	r := record{kind: kindEvent, event: event.Event{ID: idOf(1)}}
	b := r.encode()
	for at := 10; at < len(b); at++ {
		bad := append(append(Record{}, b[:at]...), 0xff, 0xff, 0xff, 0xff, 0x07)
		bad = append(bad, make([]byte, 64)...)
		var got record
		if n := testing.AllocsPerRun(1, func() { _ = got.decode(bad, true) }); n > 50 {
			t.Errorf("a large count at byte %d makes %v allocations", at, n)
		}
	}
}
