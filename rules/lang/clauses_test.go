package lang

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestClauses: what stands between the outermost `and`s, what it looks at, and what it would need.
func TestClauses(t *testing.T) {
	for src, want := range map[string]string{
		`event == "push"`:                                           `event == "push" [event] event would have to be "push"`,
		`event == "push" and body.n > 1`:                            `event == "push" [event] event would have to be "push" | body.n > 1 [body.n] body.n would have to be above 1`,
		`(body.a and (body.b or body.c))`:                           `body.a [body.a] body.a would have to be true | (body.b or body.c) [body.b body.c]`,
		`(body.a and body.b) && not body.c`:                         `body.a [body.a] body.a would have to be true | body.b [body.b] body.b would have to be true | not body.c [body.c] body.c would have to be false`,
		`body.a and body.b or body.c`:                               `body.a and body.b or body.c [body.a body.b body.c]`,
		`let x = body.n; x > 1 and x < body.m`:                      `let x = body.n; x > 1 and x < body.m [body.n body.m]`,
		`any(body.list, # == 1 and body.x) and "a and b" == body.t`: `any(body.list, # == 1 and body.x) [body.list body.x] | "a and b" == body.t [body.t] body.t would have to be "a and b"`,
		"event in [\"a\", \"b\"] // and more\n and header(\"X-Y\") matches \"^é\"": "event in [\"a\", \"b\"] // and more [event] event would have to be one of [\"a\", \"b\"] | " +
			`header("X-Y") matches "^é" [header("X-Y")] header("X-Y") would have to match "^é"`,
		`source not in ["é"] and lower(body["a b"].c) == 'x'`: `source not in ["é"] [source] source would have to be none of ["é"] | lower(body["a b"].c) == 'x' [body["a b"].c] lower(body["a b"].c) would have to be "x"`,
		`headers["x-y"] != "" and body.a == body.b`:           `headers["x-y"] != "" [headers["x-y"]] headers["x-y"] would have to be other than "" | body.a == body.b [body.a body.b]`,
	} {
		p, err := Compile(src, When)
		if err != nil {
			t.Fatal(err)
		}
		var parts []string
		for _, c := range NewCompiler().Clauses(p) {
			var reads []string
			for _, r := range c.Reads {
				reads = append(reads, r.Source())
			}
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("%s %v %s", c.Source(), reads, c.Needs)))
		}
		if got := strings.Join(parts, " | "); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", src, got, want)
		}
	}
}

// TestClausesAreTheCondition: a condition that can be computed is true exactly when all of its clauses are.
func TestClausesAreTheCondition(t *testing.T) {
	const conditions = 1000
	random := rand.New(rand.NewPCG(5, 8))
	env := sampleEnv()
	cut := 0
	for range conditions {
		src := condition(random, 3)
		p, err := Compile(src, When)
		if err != nil {
			t.Fatalf("%s: %v", src, err)
		}
		want, err := p.Bool(env)
		if err != nil {
			continue // it ended at the first error, its clauses go on
		}
		clauses, got := NewCompiler().Clauses(p), true
		for _, c := range clauses {
			yes, err := c.Bool(env)
			got = got && yes && err == nil
		}
		if got != want {
			t.Errorf("%s is %v, its %d clauses say %v", src, want, len(clauses), got)
		}
		if len(clauses) > 1 {
			cut++
		}
	}
	if cut < conditions/10 {
		t.Errorf("only %d of %d conditions had several clauses", cut, conditions)
	}
}

// condition is a random condition over the sample.
func condition(random *rand.Rand, depth int) string {
	atoms := []string{
		`event == "push.main"`, `event startsWith "issue"`, `body.n > 3`, `body.nope`, `body.yes`, `body.no`, `"x and y" == body.name`,
		`body.action in ["Opened", "closed"]`, `any(body.list, # > 2 and # < 9)`, `body.n + 1 > 6`, `body.name > 3`, `(let n = body.n; n == 5)`,
		`header("X-GitHub-Event") == 'push'`, `body.sys?.type.id == "page"`, `body.ref`, `len(body.tags) == 0`,
	}
	if depth == 0 || random.IntN(5) == 0 {
		return atoms[random.IntN(len(atoms))]
	}
	a, b := condition(random, depth-1), condition(random, depth-1)
	switch random.IntN(8) {
	case 0:
		return "(" + a + " or " + b + ")"
	case 1:
		return "not (" + a + ")"
	case 2:
		return "(" + a + " and " + b + ")"
	case 3:
		return a + " && " + b
	case 4:
		return "(" + a + ") ? (" + b + ") : (" + a + ")"
	case 5:
		return a + "\n  or " + b
	}
	return a + " and " + b
}
