package rules

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules/lang"
	"github.com/hookrouter/hookrouter/verify"
)

// TestResult is the outcome of one test.
type TestResult struct {
	Name   string   `json:"name"`
	File   string   `json:"file"`
	Line   int      `json:"line"`
	Passed bool     `json:"passed"`
	Diffs  []string `json:"diffs,omitempty"` // what differs from what was expected; secrets are masked
}

// Test runs the tests of the file whose name matches run; nil runs all. It uses the very Match and Render of the
// server.
func (s *Set) Test(run *regexp.Regexp) []TestResult { return s.Suite().Run(run) }

// runTest runs one test, and tells covered of the walk.
func (s *Set) runTest(t *test, covered func(*trace)) []string {
	ev := t.given.make()
	walk := s.trace(t.given.source, ev, ev.ReceivedAt, !t.given.named)
	defer walk.done()
	covered(walk)
	got := map[string][]event.Delivery{}
	for _, d := range walk.matched.Deliveries {
		got[d.Destination] = append(got[d.Destination], d)
	}
	names := maps.Clone(t.expect)
	for name := range got {
		names[name] = t.expect[name]
	}
	var diffs []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		diffs = append(diffs, s.compare(ev, name, t.expect[name], got[name])...)
		if len(got[name]) < len(t.expect[name]) {
			diffs = append(diffs, walk.missing(name)...)
		}
	}
	if len(diffs) > 0 {
		for _, mark := range ev.Marks {
			diffs = append(diffs, "the event is marked: "+mark)
		}
	}
	return diffs
}

// make builds the event of a test.
func (g *given) make() *event.Event {
	if g.request != nil {
		return g.stored()
	}
	method, headers := g.method, map[string][]string{}
	if sample, err := verify.Sample(g.source.Preset, g.event); err == nil && g.source.Preset != "" && sample != nil {
		maps.Copy(headers, sample.Header)
		if method == "" {
			method = sample.Method
		}
	}
	if method == "" {
		method = g.source.Methods[0]
	}
	maps.Copy(headers, g.headers)
	ev := &event.Event{
		ID: g.id, Source: g.source.Name, Type: g.event, ReceivedAt: g.receivedAt, Method: method,
		Path: g.source.Path, Query: g.query, Header: headers, RemoteIP: "127.0.0.1",
	}
	ev.Body = g.encodeBody(headers)
	return ev
}

// stored is the event of a raw request.
func (g *given) stored() *event.Event {
	ev := g.source.event(g.request, g.receivedAt)
	ev.Type = g.event
	if !g.id.IsZero() {
		ev.ID = g.id
	}
	return ev
}

// encodeBody writes the body as the source will read it, and declares its kind when the test does not.
func (g *given) encodeBody(headers map[string][]string) []byte {
	const name = "Content-Type"
	if s, ok := g.body.(string); ok {
		return []byte(s)
	}
	if g.body == nil {
		return nil
	}
	m, isMap := g.body.(map[string]any)
	format := g.source.idents.format
	field, wrapped := strings.CutPrefix(format, "form.")
	kind := ""
	if len(headers[name]) > 0 {
		kind = headers[name][0]
	}
	const form = "application/x-www-form-urlencoded"
	switch {
	case wrapped:
		headers[name] = []string{form}
		return encodeForm(map[string]any{field: string(encode(g.body))})
	case isMap && (format == "form" || (format == "" && strings.HasPrefix(kind, form))):
		headers[name] = []string{form}
		return encodeForm(m)
	case !strings.Contains(kind, "json"):
		headers[name] = []string{"application/json"}
	}
	return encode(g.body)
}

// compare looks at all deliveries to one destination.
func (s *Set) compare(ev *event.Event, name string, want []expectation, got []event.Delivery) []string {
	if len(want) != len(got) {
		var routes []string
		for _, d := range got {
			routes = append(routes, fmt.Sprintf("%q", d.Route))
		}
		by := ""
		if len(routes) > 0 {
			by = " by route " + strings.Join(routes, ", ")
		}
		return []string{fmt.Sprintf("%s: want %s, got %s%s", name, count(len(want)), count(len(got)), by)}
	}
	var diffs []string
	for i, d := range got {
		label := name
		if len(got) > 1 {
			label = fmt.Sprintf("%s[%d]", name, i)
		}
		for _, x := range s.compareOne(ev, &d, want[i]) {
			diffs = append(diffs, label+": "+x)
		}
	}
	return diffs
}

func count(n int) string {
	switch n {
	case 0:
		return "no delivery"
	case 1:
		return "1 delivery"
	}
	return fmt.Sprintf("%d deliveries", n)
}

// compareOne looks at one delivery.
func (s *Set) compareOne(ev *event.Event, d *event.Delivery, want expectation) []string {
	req, skipped, dead := s.outcome(ev, d)
	var diffs []string
	diffs = append(diffs, compareReason("skipped", want.skip, skipped)...)
	diffs = append(diffs, compareReason("dead", want.dead, dead)...)
	if req == nil || len(diffs) > 0 {
		return diffs
	}
	if want.url != nil && *want.url != req.URL && *want.url != req.MaskedURL {
		diffs = append(diffs, fmt.Sprintf("url: want %s, got %s", *want.url, req.MaskedURL))
	}
	diffs = append(diffs, compareHeaders(want.headers, req)...)
	if want.hasBody {
		diffs = append(diffs, compareBody(want.body, req.Body)...)
	}
	return diffs
}

// outcome says what becomes of a delivery at its first attempt: a request, or why there is none.
func (s *Set) outcome(ev *event.Event, d *event.Delivery) (req *Request, skipped, dead *string) {
	if d.State == event.Dead {
		reason := d.Reason.String()
		return nil, nil, &reason
	}
	req, err := s.Render(ev, d, 1)
	var skip *lang.Skip
	switch {
	case errors.As(err, &skip):
		return nil, &skip.Reason, nil
	case err != nil:
		reason := event.ReasonRule.String() + ": " + err.Error()
		return nil, nil, &reason
	}
	return req, nil, nil
}

func compareReason(what string, want, got *string) []string {
	switch {
	case want == nil && got == nil:
		return nil
	case want == nil:
		return []string{fmt.Sprintf("want a request, got %s: %s", what, *got)}
	case got == nil:
		return []string{fmt.Sprintf("want %s, got a request", what)}
	case !strings.Contains(*got, *want):
		return []string{fmt.Sprintf("%s: want %q, got %q", what, *want, *got)}
	}
	return nil
}

func compareHeaders(want map[string]*string, req *Request) (diffs []string) {
	masked := req.Masked()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		w, got, show := want[name], req.Header[name], masked[name]
		switch {
		case w == nil && len(got) > 0:
			diffs = append(diffs, fmt.Sprintf("header %s: want none, got %q", name, strings.Join(show, ", ")))
		case w != nil && len(got) == 0:
			diffs = append(diffs, fmt.Sprintf("header %s: want %q, got none", name, *w))
		case w != nil && *w != strings.Join(got, ", ") && *w != strings.Join(show, ", "):
			diffs = append(diffs, fmt.Sprintf("header %s: want %q, got %q", name, *w, strings.Join(show, ", ")))
		}
	}
	return diffs
}

// compareBody compares text with text, and everything else as JSON.
func compareBody(want any, body []byte) []string {
	if s, ok := want.(string); ok {
		if s == string(body) {
			return nil
		}
		return []string{fmt.Sprintf("body: want %q, got %q", clipLong([]byte(s)), clipLong(body))}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var got any
	if err := d.Decode(&got); err != nil {
		return []string{fmt.Sprintf("body: want %s, got %q", clipLong(encode(want)), clipLong(body))}
	}
	return comparison{a: "want", b: "got"}.diff("body", want, got)
}
