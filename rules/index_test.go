package rules_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/rules/lang"
)

// TestIndexChangesNothing holds random rules and documents against the same rules written so that no index can be
// made of them. Deliveries, marks, errors and their order must be the same. HOOKROUTER_LONG=1 takes a hundred times as
// many.
func TestIndexChangesNothing(t *testing.T) {
	const routes, events = 20, 50
	sets, seed := 100, uint64(1)
	if os.Getenv("HOOKROUTER_LONG") != "" {
		sets, seed = 100*sets, rand.Uint64()
	}
	t.Logf("seed %d: %d pairs of rule and document", seed, sets*routes*events)
	g := generator{rand.New(rand.NewPCG(seed, 1)), lang.NewCompiler()}
	matched, erred := 0, 0
	for range sets {
		conditions := make([]string, routes)
		for i := range conditions {
			conditions[i] = g.compiling()
		}
		indexed, plain := g.file(conditions)
		for range events {
			ev, again := g.event()
			got, want := indexed.Match(ev, now), plain.Match(again, now)
			if d := differ(ev, again, got, want); d != "" {
				t.Fatalf("%s\n%s\n%s\nevent %q, %v, %s", d, indexed.File().Data, plain.File().Data, ev.Type, ev.Header, ev.Body)
			}
			matched += len(got.Deliveries)
			erred += len(got.Errors)
		}
	}
	if pairs := sets * routes * events; matched < pairs/20 || matched > pairs/2 || erred < pairs/50 {
		t.Errorf("of %d pairs %d matched, %d erred: the generator shows too little", pairs, matched, erred)
	}
}

func differ(ev, again *event.Event, got, want rules.Matched) string {
	for i := range got.Deliveries {
		got.Deliveries[i].ID = event.DeliveryID{}
	}
	for i := range want.Deliveries {
		want.Deliveries[i].ID = event.DeliveryID{}
	}
	switch {
	case !reflect.DeepEqual(got, want):
		return fmt.Sprintf("indexed %+v\nplain %+v", got, want)
	case !reflect.DeepEqual(ev.Marks, again.Marks):
		return fmt.Sprintf("indexed %q\nplain %q", ev.Marks, again.Marks)
	}
	return ""
}

// generator makes conditions and events of few places and values, so that they meet often.
type generator struct {
	*rand.Rand
	*lang.Compiler
}

func (g generator) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g generator) place() string {
	return g.pick("event", `header("x-a")`, `headers["X-B"]`, "headers.a", "source", "method", "body.a", "body.a.b", "body.c", `body["d e"]`,
		"body.l[0]", "body.l[-1]", "body?.a", "body", "query.q", "body.long")
}

// literal is a value of which several are nearly the same.
func (g generator) literal() string {
	return g.pick(`"a"`, `"b"`, `"1"`, `""`, `"A"`, `"s"`, "1", "1.0", "1.5", "0", "-1", "-0.0", "true", "false", "nil", `"true"`, `"é"`,
		"9223372036854775807", `"9223372036854775808"`, "9223372036854775807.0", "0.1")
}

func (g generator) text() string { return g.pick(`"a"`, `"b"`, `"1"`, `""`, `"é"`) }

// compiling is a condition without a fault: kinds that never fit are one.
func (g generator) compiling() string {
	for {
		src := g.condition(3)
		if _, err := g.Compile(src, lang.When); err == nil {
			return src
		}
	}
}

func (g generator) condition(depth int) string {
	if depth == 0 || g.IntN(4) == 0 {
		return g.leaf()
	}
	x, y := g.condition(depth-1), g.condition(depth-1)
	switch g.IntN(8) {
	case 0, 1, 2:
		return "(" + x + " and " + y + ")"
	case 3, 4:
		return "(" + x + " or " + y + ")"
	case 5:
		return "(" + x + " && " + y + " || " + g.leaf() + ")"
	case 6:
		return "not (" + x + ")"
	}
	return "(" + x + " ? " + y + " : " + g.leaf() + ")"
}

func (g generator) leaf() string {
	p := g.place()
	switch g.IntN(16) {
	case 0, 1, 2, 3, 4:
		return p + " == " + g.literal()
	case 5:
		return g.literal() + " == " + p
	case 6, 7:
		return p + " in [" + g.literal() + ", " + g.literal() + ", " + g.literal() + "]"
	case 8:
		return p + g.pick(" != ", " < ", " >= ") + g.literal()
	case 9:
		return p + g.pick(" startsWith ", " contains ", " endsWith ", " matches ") + g.text()
	case 10:
		return g.pick("body.t", "body.a", "not body.t", "body") // an error when it is neither true nor false
	case 11:
		return g.pick("int(body.a) > 0", "len(body.l) == 1", "body.c % 2 == 1", "body.long matches '(b|c)+'")
	case 12:
		return p + " == " + g.place()
	case 13:
		return "(" + p + " ?? " + g.literal() + ") == " + g.literal()
	case 14:
		return "any(body.l, # == " + g.literal() + ")"
	}
	return "(let x = " + p + "; x == " + g.literal() + ")"
}

// file makes a file of routes with the conditions, and the same file with conditions of which no index can be made.
func (g generator) file(conditions []string) (indexed, plain *rules.Set) {
	ends := make([]string, len(conditions))
	for i := range ends {
		ends[i] = fmt.Sprintf("stop: %v, to: %s }\n", g.IntN(8) == 0, g.pick("d", "e", "[d, e]"))
	}
	without := make([]string, len(conditions))
	for i, c := range conditions {
		without[i] = "true ? (" + c + ") : false"
	}
	return g.parse(g.routes(conditions, ends)), g.parse(g.routes(without, ends))
}

// routes is a file of routes with conditions and what else they are.
func (g generator) routes(conditions, ends []string) string {
	var b strings.Builder
	b.WriteString("version: 1\nsources: { s: { verify: none, unmatched: reject } }\ndestinations: { d: http://d/, e: http://e/ }\nroutes:\n")
	for i, c := range conditions {
		fmt.Fprintf(&b, "  - { name: r%d, from: s, when: %q, %s", i, c, ends[i])
	}
	return b.String()
}

func (g generator) parse(text string) *rules.Set {
	set, err := rules.Parse(rules.File{Name: "r.yaml", Data: []byte(text)}, rules.Options{PublicLoopback: true})
	if err != nil {
		panic(err)
	}
	return set
}

func (g generator) event() (ev, again *event.Event) {
	ev = newEvent("s", g.body())
	ev.Type = g.pick("a", "b", "1", "", "ab", "é")
	ev.Query = g.pick("", "q=a", "q=1")
	for _, name := range []string{"X-A", "X-B", "A"} {
		if g.IntN(2) == 0 {
			ev.Header[name] = []string{g.pick("a", "b", "1", "", "true", "é")}
		}
	}
	other := *ev
	return ev, &other
}

func (g generator) body() string {
	if g.IntN(20) == 0 {
		return g.pick("", "{", "[1", `"a"`, "1", "null", `{"a":1,"a":2}`, "a=1", "[]", "true")
	}
	var fields []string
	for _, name := range []string{"a", "c", "d e", "l", "t", "long"} {
		if g.IntN(4) > 0 {
			fields = append(fields, quoteJSON(name)+":"+g.value(name))
		}
	}
	return "{" + strings.Join(fields, ", ") + "}"
}

func (g generator) value(name string) string {
	scalar := g.pick(`"a"`, `"b"`, `"1"`, `""`, `"s"`, "1", "1.0", "1e0", "1.5", "0", "-0", "-1", "true", "false", "null", `"\u0061"`, `"\u00e9"`,
		"9223372036854775807", "9223372036854775808", "1.0000000000000001", "0.1")
	switch {
	case name == "t" && g.IntN(3) > 0:
		return g.pick("true", "false")
	case name == "l" && g.IntN(3) > 0:
		return "[" + scalar + "]"
	case name == "a" && g.IntN(3) == 0:
		return `{"b":` + scalar + "}"
	case name == "long" && g.IntN(200) == 0:
		return quoteJSON(strings.Repeat("a", 300<<10))
	}
	return scalar
}

func quoteJSON(s string) string {
	text, _ := json.Marshal(s)
	return string(text)
}
