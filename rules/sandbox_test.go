package rules_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/rules/lang"
)

// atFullSize is n, or a hundred times n with HOOKROUTER_LONG=1.
func atFullSize(n int) int {
	if os.Getenv("HOOKROUTER_LONG") != "" {
		return 100 * n
	}
	return n
}

// TestErrorsOfConditionsAreCounted: each run error in a condition is counted for its route, and no route that errs is
// taken for one that says no when nothing else matched.
func TestErrorsOfConditionsAreCounted(t *testing.T) {
	const routes = 200
	g := generator{rand.New(rand.NewPCG(2, 2)), lang.NewCompiler()}
	conditions, programs := make([]string, routes), make([]*lang.Program, routes)
	for i := range conditions {
		conditions[i] = g.compiling()
		programs[i], _ = g.Compile(conditions[i], lang.When)
	}
	set := parse(t, g.routes(conditions, slices.Repeat([]string{"to: d }\n"}, routes)))
	total := 0
	for range atFullSize(100) {
		ev, _ := g.event()
		env := &lang.Env{Source: ev.Source, Event: ev.Type, Method: ev.Method, Header: ev.Header, Raw: ev.Body, Query: map[string][]string{}}
		if _, value, is := strings.Cut(ev.Query, "q="); is {
			env.Query["q"] = []string{value}
		}
		env.SetBody("", ev.Header, ev.Body, ev.Method)
		want, matched := map[string]int{}, 0
		for i, p := range programs {
			yes, err := p.Bool(env)
			if err != nil {
				want[fmt.Sprintf("r%d", i)] = 1
			}
			if yes {
				matched++
			}
		}
		m := set.Match(ev, now)
		if matched == 0 {
			matched = len(want) // dead, one for each
		}
		if fmt.Sprint(m.Errors) != fmt.Sprint(want) && len(want) > 0 || len(m.Deliveries) != matched || len(ev.Marks) < min(len(want), 20) {
			t.Fatalf("errors %v, want %v; %d deliveries, want %d; marks %q; %s", m.Errors, want, len(m.Deliveries), matched, ev.Marks, ev.Body)
		}
		total += len(want)
	}
	if t.Logf("%d errors", total); total == 0 {
		t.Error("no condition errs")
	}
}

const canary = "canary-e7f1b2"

// TestTransformsSeeTheEventOnly: whatever an expression is made of, nothing of the machine or of the rules' secrets comes
// out of it.
func TestTransformsSeeTheEventOnly(t *testing.T) {
	t.Setenv("CANARY", canary)
	if err := os.WriteFile(t.TempDir()+"/canary", []byte(canary), 0o600); err != nil {
		t.Fatal(err)
	}
	g := generator{rand.New(rand.NewPCG(3, 3)), lang.NewCompiler()}
	made := 0
	for range atFullSize(4) {
		var text strings.Builder
		text.WriteString("version: 1\nsources: { s: { verify: { kind: token, token: { header: X-Token } }, secret: \"${CANARY}\" } }\n" +
			"destinations: { d: { url: \"http://d/${CANARY}\", headers: { X-Secret: \"${CANARY}\" } } }\nroutes:\n")
		for i := range 250 {
			fmt.Fprintf(&text, "  - { name: r%d, from: s, to: d, transform: %q }\n", i, g.transform())
		}
		set, err := rules.Parse(rules.File{Name: "r.yaml", Data: []byte(text.String())}, rules.Options{
			Env: os.LookupEnv, ReadFile: os.ReadFile, PublicLoopback: true,
		})
		if err != nil {
			t.Fatal(err)
		}
		ev, _ := g.event()
		for _, d := range set.Match(ev, now).Deliveries {
			req, err := set.Render(ev, &d, 1)
			if err != nil {
				if strings.Contains(err.Error(), canary) {
					t.Fatal(err)
				}
				continue
			}
			if made++; bytes.Contains(req.Body, []byte(canary)) || req.Header["X-Secret"][0] != canary {
				t.Fatalf("%s, %v", req.Body, req.Header)
			}
		}
	}
	if t.Logf("%d outputs", made); made < 100 {
		t.Errorf("only %d outputs", made)
	}
}

// transform is an expression of anything that has a name.
func (g generator) transform() string {
	names := lang.Names()
	names = append(names, "os", "env", "getenv", "secret", "file", "exec", "$env", "self", "this", "Env", "request")
	for {
		src := g.any(names, 3)
		if _, err := g.Compile(src, lang.Transform); err == nil {
			return src
		}
	}
}

func (g generator) any(names []string, depth int) string {
	name := names[g.IntN(len(names))]
	if depth == 0 || g.IntN(5) == 0 {
		return g.pick("raw", "body", "headers", "query", `"CANARY"`, `"canary"`, "body.a", "id", "2")
	}
	inner := g.any(names, depth-1)
	switch f, is := strings.CutSuffix(name, "()"); {
	case strings.HasPrefix(name, "."):
		return inner + name
	case is && g.IntN(2) == 0:
		return f + "(" + inner + ")"
	case is:
		return f + "(" + inner + ", " + g.any(names, depth-1) + ")"
	}
	return g.pick(name, "["+name+", "+inner+"]", "{a: "+name+"}", name+"."+g.pick("Env", "env", "CANARY", "a"))
}

// TestPayloadIsNeverAnExpression: what looks like code in a payload stays text, in a body, a header and a URL.
func TestPayloadIsNeverAnExpression(t *testing.T) {
	t.Setenv("CANARY", canary)
	set, err := rules.Parse(rules.File{Name: "r.yaml", Data: []byte(`
version: 1
sources: { s: { verify: none } }
destinations: { d: { url: "http://d/$(body.s)", headers: { X-Text: "<$(body.s)>" }, query: { q: "$(body.s)" } } }
routes:
  - { name: r, from: s, to: d, transform: '{s: body.s, twice: toJSON([body.s]), t: "<" + body.s + ">"}', coalesce: { key: body.s, wait: 1s } }
`)}, rules.Options{Env: os.LookupEnv, ReadFile: os.ReadFile, PublicLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	parts := []string{
		"${CANARY}", "$CANARY", "$(CANARY)", "$(env.CANARY)", "$env", "{{CANARY}}", "{{.Env.CANARY}}", "%{CANARY}", "${file:/etc/passwd}", "$$", "${", "$(", ")",
		"!!python/object", "&a", "*a", "`id`", `"`, `\u0024{CANARY}`, "#{1+1}", "<%= 1 %>", "body.s", `" + raw + "`, "é", "\\", "%24%7BCANARY%7D",
	}
	g := rand.New(rand.NewPCG(4, 4))
	for range 1000 {
		s := parts[g.IntN(len(parts))] + parts[g.IntN(len(parts))] + parts[g.IntN(len(parts))]
		ev := newEvent("s", `{"s":`+quoteJSON(s)+`}`)
		m := set.Match(ev, now)
		req, err := set.Render(ev, &m.Deliveries[0], 1)
		if err != nil {
			t.Fatal(s, err)
		}
		var body struct{ S, Twice, T string }
		if err := json.Unmarshal(req.Body, &body); err != nil {
			t.Fatal(err)
		}
		var twice []string
		_ = json.Unmarshal([]byte(body.Twice), &twice)
		if body.S != s || body.T != "<"+s+">" || len(twice) != 1 || twice[0] != s || req.Header["X-Text"][0] != "<"+s+">" ||
			m.Deliveries[0].Coalesce.Key != s || strings.Contains(req.URL, canary) {
			t.Fatalf("%q: %s, %v, %s", s, req.Body, req.Header, req.URL)
		}
	}
}

// TestSetIsShared: many goroutines match and render by a Set while others put new ones in its place.
func TestSetIsShared(t *testing.T) {
	text := string(manyRoutes(50)) + "  - { name: all, from: s, to: d, transform: '{n: body.n, m: map(1..body.n, # * 2), h: headers, k: keys(body)}' }\n"
	var current atomic.Pointer[rules.Set]
	current.Store(parse(t, text))
	var left atomic.Int64
	left.Store(int64(atFullSize(6400)))
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			for left.Add(-1) > 0 && !t.Failed() {
				set, ev := current.Load(), newEvent("s", fmt.Sprintf(`{"n": %d, "repository": {"full_name": "team/repo-%d"}}`, i%7, i%50))
				ev.Type, ev.Header = "push", map[string][]string{"X": {fmt.Sprint(i)}}
				m := set.Match(ev, now)
				req, err := set.Render(ev, &m.Deliveries[len(m.Deliveries)-1], 1)
				want := fmt.Sprintf(`{"h":{"x":"%d"},"k":["n","repository"],"m":[`, i)
				if err != nil || !strings.HasPrefix(string(req.Body), want) || len(m.Deliveries) != 2-b2i(i%10 == 9) {
					t.Errorf("%v: %v, %d deliveries", err, req, len(m.Deliveries))
				}
			}
		})
	}
	for left.Load() > 0 && !t.Failed() {
		current.Store(parse(t, text))
	}
	all.Wait()
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestOutputBombs: what a transform must not make is an error of the rule, so that its delivery is dead.
func TestOutputBombs(t *testing.T) {
	for src, want := range map[string]string{
		`repeat(body.s, 100000)`:                      "more than 8 MiB",
		`map(1..9, body.s)`:                           "longer than 8388608 bytes",
		`reduce(1..60, [#acc, #acc], body.s)`:         "longer than 8388608 bytes",
		`reduce(1..250, [#acc], 1)`:                   "nested deeper than 200",
		`reduce(1..250, {{a: #acc}}, 1)`:              "nested deeper than 200",
		`0.0 / 0`:                                     "division by zero",
		`2.0 ** 5000`:                                 "no number",
		`float("NaN")`:                                "no number",
		`{x: float("1e400")}`:                         "no number",
		`{x: fromBase64("//8=")}`:                     "not UTF-8",
		`{x: bytes("a")}`:                             "holds bytes",
		`nil`:                                         "nil",
		`{x: 9223372036854775807 + 1}`:                "overflow",
		`toJSON(reduce(1..60, [#acc, #acc], body.s))`: "longer than",
		`body + 1`:                                    "cannot use +",
		`map(1..60000, [#, #, #, #, #, #, #])`:        "too long",
	} {
		set := parse(t, fmt.Sprintf("version: 1\nsources: { s: { verify: none } }\ndestinations: { d: http://d/ }\nroutes:\n  - { name: r, from: s, to: d, transform: %q }\n", src))
		ev := newEvent("s", `{"s": "`+strings.Repeat("a", 1<<20)+`"}`)
		m := set.Match(ev, now)
		_, err := set.Render(ev, &m.Deliveries[0], 1)
		var rule *rules.RuleError
		if !errors.As(err, &rule) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", src, err, want)
		}
	}
	for _, name := range []string{"chan", "func", "make", "go", "new"} {
		if _, err := lang.Compile(name+"(1)", lang.Transform); err == nil || slices.Contains(lang.Names(), name+"()") {
			t.Errorf("%s can be called", name)
		}
	}
}
