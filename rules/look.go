package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// look is a delivery as a person sees it: a request without secrets, or why there is none.
type look struct {
	outcome     string // "a request", "skipped: …", "dead: …"
	method, url string
	header      map[string][]string
	body        []byte
	coalesce    event.Coalesce
	order       string
	delay       time.Duration // from accept, with the quiet time of coalesce
}

// look renders a delivery at its first attempt.
func (t *trace) look(d *event.Delivery) look {
	req, skipped, dead := t.set.outcome(t.ev, d)
	l := look{outcome: "a request", coalesce: d.Coalesce, order: d.OrderKey, delay: d.Due.Sub(d.Created)}
	switch {
	case skipped != nil:
		l.outcome = "skipped: " + *skipped
	case dead != nil:
		l.outcome = "dead: " + *dead
	default:
		l.method, l.url, l.header, l.body = req.Method, req.shownURL(), req.shownHeader(t.src.secretHeaders), req.Body
	}
	return l
}

// unlike says by path how two looks differ.
func unlike(was, is look) (diffs []string) {
	note := func(what string, a, b any) {
		if a != b {
			diffs = append(diffs, fmt.Sprintf("%s: was %v, would be %v", what, a, b))
		}
	}
	if was.outcome != is.outcome {
		return []string{fmt.Sprintf("was %s, would be %s", was.outcome, is.outcome)}
	}
	note("method", was.method, is.method)
	note("url", was.url, is.url)
	note("order_by", quoted(was.order), quoted(is.order))
	note("delay", was.delay, is.delay)
	note("coalesce.key", quoted(was.coalesce.Key), quoted(is.coalesce.Key))
	note("coalesce.max", was.coalesce.Max, is.coalesce.Max)
	for _, name := range slices.Sorted(maps.Keys(union(was.header, is.header))) {
		note("header "+name, quoted(strings.Join(was.header[name], ", ")), quoted(strings.Join(is.header[name], ", ")))
	}
	return append(diffs, unlikeBody(was.body, is.body)...)
}

func union(a, b map[string][]string) map[string][]string {
	all := maps.Clone(a)
	if all == nil {
		return b
	}
	maps.Copy(all, b)
	return all
}

func quoted(s string) string {
	if s == "" {
		return "nothing"
	}
	return clipLong(encode(s))
}

func unlikeBody(was, is []byte) []string {
	if bytes.Equal(was, is) {
		return nil
	}
	a, wasJSON := decoded(was)
	b, isJSON := decoded(is)
	if !wasJSON || !isJSON {
		return []string{fmt.Sprintf("body: was %s, would be %s", quoted(string(was)), quoted(string(is)))}
	}
	diffs := comparison{"was", "would be", true}.diff("body", a, b)
	if len(diffs) == 0 {
		return []string{"body: the same data in other bytes"}
	}
	return diffs
}

func decoded(body []byte) (v any, ok bool) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	return v, d.Decode(&v) == nil
}
