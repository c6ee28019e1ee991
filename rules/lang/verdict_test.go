package lang

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// verdicts are conditions with what is known of them: never, always, or the part that is, after a colon.
var verdicts = []string{
	`event == "push" => `,
	`true => always`,
	`1 == 2 => never`,
	`len("abc") > 2 => always`,
	`not (1 == 1) => never`,
	`nil => never`,
	`event == "push" and event == "pull" => never`,
	`event == "push" and "pull" == event => never`,
	`event == "push" && event != "push" => never`,
	`event in ["a", "b"] and event in ["c"] => never`,
	`event in ["a", "b"] and event == "b" => `,
	`(event == "a" or event == "b") and event == "c" => never`,
	`event startsWith "pull" and event == "push" => never`,
	`event startsWith "pull" and event == "pull_request" => `,
	`event startsWith "a" and event startsWith "b" => never`,
	`event startsWith "a" and event startsWith "ab" => `,
	`event endsWith ".a" and event endsWith ".b" => never`,
	`event contains "x" and event in ["a", "b"] => never`,
	`not (event startsWith "p") and event == "push" => never`,
	`body.n > 5 and body.n < 3 => never`,
	`body.n >= 5 and body.n <= 5 => `,
	`body.n > 5 and body.n <= 5 => never`,
	`5 < body.n and body.n == 4 => never`,
	`body.n == 5 and body.n == "5" => never`,
	`body.n == 1 and body.n == 1.0 => `,
	`body.a.b == "x" and body["a"]["b"] == "y" => never`,
	`body.a?.b == "x" and body.a.b == "y" => never`,
	`body.list[0] == "x" and body.list[1] == "y" => `,
	`header("X-Kind") == "a" and headers["x-kind"] == "b" => never`,
	`body.x == nil and body.x == "a" => never`,
	`body.x == nil and body.x startsWith "a" => never`,
	`event != "a" or event != "b" => always`,
	`event == "a" or event != "a" => always`,
	`not (event == "a") or event == "a" => always`,
	`event != "a" and event != "b" => `,
	`event == "a" or body.x == 1 => `,
	`body.x == 1 and (event != "a" or event != "b") => always: event != "a" or event != "b"`,
	`event == "c" or event == "a" and event == "b" => never: event == "a" and event == "b"`,
	`body.x == 1 and true => always: true`,
	`event == "a" or true => always`,
	`let e = event; e == "a" and e == "b" => `,
	`all(body.list, # == 1 and # == 2) => `,
	`source == "in" => always`,
	`source == "out" => never`,
	`source != "in" or body.x => never: source != "in"`,
	`source in ["in", "x"] and body.y == 1 => always: source in ["in", "x"]`,
	`body.x < 3 or body.x >= 3 => `, // it may be missing
}

func TestVerdicts(t *testing.T) {
	for _, c := range verdicts {
		src, want, _ := strings.Cut(c, " => ")
		p, err := Compile(src, When)
		if err != nil {
			t.Errorf("%s: %v", src, err)
			continue
		}
		var got []string
		for _, v := range treeOf(p).Verdicts(map[string][]string{"source": {"in"}}) {
			text := map[bool]string{true: "always", false: "never"}[v.Always]
			if !v.Whole {
				text += ": " + v.Part
			}
			got = append(got, text)
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%s: %q, want %q", src, got, want)
		}
	}
}

// implications are pairs of conditions; those with => are such that the first implies the second.
var implications = []string{
	`event == "push" => event == "push"`,
	`event == "push" and body.x == 1 => event == "push"`,
	`event == "push" => event in ["push", "pull"]`,
	`event == "push" => event startsWith "pu"`,
	`event == "push" => event != "pull"`,
	`event == "push" and body.ref == "main" => body.ref == "main" and event == "push"`,
	`body.n > 5 => body.n > 5`,
	`event == "push" =/ event == "pull"`,
	`event == "push" =/ event == "push" and body.x == 1`,
	`body.n == 6 =/ body.n > 5`, // true, but not looked for
	`let e = event; e == "push" =/ event == "push"`,
}

func TestImplies(t *testing.T) {
	for _, c := range implications {
		a, b, want := strings.Cut(c, " => ")
		if !want {
			a, b, _ = strings.Cut(c, " =/ ")
		}
		if got := treeOf(compiled(t, a)).Implies(treeOf(compiled(t, b))); got != want {
			t.Errorf("%s: %v", c, got)
		}
	}
}

func compiled(t interface{ Fatal(...any) }, src string) *Program {
	p, err := Compile(src, When)
	if err != nil {
		t.Fatal(src, err)
	}
	return p
}

// TestVerdictsHold: what is said to be always or never true is, for events of all kinds.
func TestVerdictsHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		src := drawCondition(t, 3)
		p := compiled(t, src)
		other := compiled(t, drawCondition(t, 2))
		for range 20 {
			env := &Env{Source: "in", Event: rapid.SampledFrom([]string{"a", "ab", "b", ""}).Draw(t, "event")}
			env.SetBody("json", nil, []byte(rapid.SampledFrom([]string{`{}`, `{"x":1}`, `{"x":"a"}`, `{"x":2.5,"y":"b"}`, `{"x":null}`, `[]`, `{"x":"ab"}`, `{"x":true}`}).Draw(t, "body")), "POST")
			got, err := p.Bool(env)
			for _, v := range treeOf(p).Verdicts(map[string][]string{"source": {"in"}}) {
				if v.Whole && err == nil && got != v.Always {
					t.Fatalf("%s: always is %v, and it is %v for %s %s", src, v.Always, got, env.Event, env.Body.raw)
				}
			}
			if is, err := other.Bool(env); got && err == nil && !is && treeOf(p).Implies(treeOf(other)) {
				t.Fatalf("%s is said to imply %s, and does not for %s %s", src, other.Source(), env.Event, env.Body.raw)
			}
		}
	})
}

func drawCondition(t *rapid.T, depth int) string {
	if depth > 0 && rapid.IntRange(0, 2).Draw(t, "joined") > 0 {
		operator := rapid.SampledFrom([]string{"and", "or", "&&", "||"}).Draw(t, "operator")
		return fmt.Sprintf("(%s) %s (%s)", drawCondition(t, depth-1), operator, drawCondition(t, depth-1))
	}
	at := rapid.SampledFrom([]string{"event", "body.x", "body.y", "source", `body["x"]`, "body?.x"}).Draw(t, "at")
	text := rapid.SampledFrom([]string{`"a"`, `"ab"`, `"b"`, `"in"`}).Draw(t, "text")
	value := text
	if strings.HasPrefix(at, "body") {
		value = rapid.SampledFrom([]string{text, "1", "2.5", "nil", "true"}).Draw(t, "value")
	}
	var c string
	switch rapid.IntRange(0, 6).Draw(t, "kind") {
	case 0, 1:
		c = fmt.Sprintf("%s %s %s", at, rapid.SampledFrom([]string{"==", "!="}).Draw(t, "equal"), value)
	case 2:
		c = fmt.Sprintf("%s in [%s, %s]", at, value, text)
	case 3:
		c = fmt.Sprintf("%s %s %s", at, rapid.SampledFrom([]string{"startsWith", "endsWith", "contains"}).Draw(t, "test"), text)
	case 4:
		c = fmt.Sprintf("body.x %s %d", rapid.SampledFrom([]string{"<", ">=", ">", "<="}).Draw(t, "order"), rapid.IntRange(0, 3).Draw(t, "n"))
	case 5:
		c = fmt.Sprintf("%s == %s", value, at)
	default:
		c = rapid.SampledFrom([]string{"true", "1 == 2", `"a" startsWith "a"`}).Draw(t, "fixed")
	}
	if rapid.IntRange(0, 3).Draw(t, "not") == 0 {
		return "not (" + c + ")"
	}
	return c
}

func TestBodyPaths(t *testing.T) {
	p, err := Compile(`{a: body.a.b ?? body["c"], d: body.list[0].x, e: map(body.items, .name), f: headers.x, g: body?.h}`, Transform)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range treeOf(p).Body() {
		got = append(got, fmt.Sprintf("%s@%d", strings.Join(l.Path, "."), l.Offsets[len(l.Offsets)-1]))
	}
	if want := "a.b@11 c@21 list.*.x@43 items@58 h@96"; strings.Join(got, " ") != want {
		t.Errorf("%s, want %s", strings.Join(got, " "), want)
	}
}

func treeOf(p *Program) *Tree { return NewCompiler().Tree(p) }
