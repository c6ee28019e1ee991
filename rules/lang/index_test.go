package lang

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestNeeds: which literals a condition is found by; "" when it must always run. One of the values beside a "|" is there
// when it is true; "&" stands between lists of which each holds.
func TestNeeds(t *testing.T) {
	for src, want := range map[string]string{
		`event == "push"`:                                               `event=push`,
		`"push" == event`:                                               `event=push`,
		`header("x-a") == "1"`:                                          `X-A=1`,
		`headers["x-a"] == "1" and headers.b == "2"`:                    `X-A=1 & B=2`,
		`body.a.b[0]["c d"] == 5`:                                       `."a"."b".0."c d"=5`,
		`body?.a == -5`:                                                 `."a"=-5`,
		`body == "x"`:                                                   `=x`,
		`body.a == nil`:                                                 `."a"=<nil>`,
		`body.a in ["x", 1.0, true]`:                                    `."a"=x|."a"=1|."a"=true`,
		`body.a in []`:                                                  ``,
		`event == "a" or event == "b"`:                                  `event=a|event=b`,
		`event == "a" or body.x`:                                        ``,
		`event == "a" and body.x`:                                       `event=a`,
		`body.x and event == "a"`:                                       ``, // x may be no bool, which is an error
		`body.x == true and event == "a"`:                               `."x"=true & event=a`,
		`not (body.x == true) and event == "a"`:                         `event=a`,
		`not body.x and event == "a"`:                                   ``,
		`int(body.n) > 1 and event == "a"`:                              ``,
		`body.n > 1 and event == "a"`:                                   `event=a`,
		`body.n > body.m and event == "a"`:                              ``, // texts are compared as far as they are long
		`body.n == body.m and event == "a"`:                             ``,
		`event endsWith "x" and body.n in ["a"]`:                        `."n"=a`,
		`raw contains "x" and body.n == "a"`:                            ``,
		`body.s matches "^a+$" and body.n == "a"`:                       `."n"=a`,
		`body.s matches "^a{900}$" and body.n == "a"`:                   ``,
		`(event == "a" and body.x == 1) or body.x == 2`:                 `event=a|."x"=2 & ."x"=1|."x"=2`,
		`event == "a" ? true : false`:                                   ``,
		`let x = event; x == "a"`:                                       ``,
		`any(body.l, # == "a")`:                                         ``,
		`event != "a"`:                                                  ``,
		`event == "a" and event == "b"`:                                 `event=a & event=b`,
		`query.x == "1"`:                                                ``,
		`(body.x ?? "a") == "a"`:                                        ``,
		`body.a in [[1], "x"]`:                                          ``,
		`body.a in [event, "x"]`:                                        ``,
		`body.a in 1..3`:                                                ``,
		`received_at.Year() == 2024`:                                    ``,
		strings.Repeat(`event contains "x" and `, 40) + `event == "a"`:  `event=a`,
		strings.Repeat(`event contains "x" and `, 100) + `event == "a"`: ``, // too many steps for long ones
	} {
		p, err := Compile(src, When)
		if err != nil {
			t.Fatal(src, err)
		}
		if got := needsText(p); got != want {
			t.Errorf("%s\n got %s\nwant %s", src, got, want)
		}
	}
}

func needsText(p *Program) string {
	if p.needs == nil {
		return ""
	}
	var clauses []string
	for _, c := range p.needs.clauses {
		var values []string
		for _, n := range c {
			name, _, _ := strings.Cut(n.at.id, "\x00")
			if name == "" {
				name = n.at.header + strings.TrimPrefix(n.at.id, "\x00"+n.at.header)
			}
			values = append(values, fmt.Sprintf("%s=%v", name, n.value))
		}
		clauses = append(clauses, strings.Join(values, "|"))
	}
	return strings.Join(clauses, " & ")
}

// candidates are those among conditions that are not ruled out for an event.
func candidates(t *testing.T, env *Env, conditions ...string) []int32 {
	t.Helper()
	programs := make([]*Program, len(conditions))
	for i, src := range conditions {
		p, err := Compile(src, When)
		if err != nil {
			t.Fatal(src, err)
		}
		programs[i] = p
	}
	return NewIndex(programs).Candidates(env)
}

func TestCandidates(t *testing.T) {
	got := candidates(t, sampleEnv(),
		`event == "push.main" and body.n == 5`, `event == "push.main" and body.n == 6`, `body.n == 5.0`, `body.n == "5"`, // 0–3
		`body.list == "x"`, `body.nope == nil`, `body.sys.id in ["e1", "e1", "e2"]`, `header("x-github-event") == "push"`, // 4–7
		`body.sys == nil`, `body.name == "Zoë ☃"`, `body.words[-1] == "c"`, `body.big == "12345678901234567890"`, `true`, `body.n in []`, // 8–13
		`body.n == 5 or body.n == 5 or event == "push.main"`, // 14
	)
	if want := []int32{0, 2, 5, 6, 7, 9, 10, 11, 12, 14}; !slices.Equal(got, want) {
		t.Errorf("candidates %v, want %v", got, want)
	}
	if got := candidates(t, &Env{}, `event == ""`, `body == nil`, `body.a == nil`, `header("x") == nil`, `body.a == 1`); !slices.Equal(got, []int32{0, 1, 2, 3}) {
		t.Errorf("of an empty event: %v", got)
	}
}

// TestCandidatesOfLongTexts: a condition that would run out of steps before it comes to what it needs is an error, and
// has to be one with an index, too.
func TestCandidatesOfLongTexts(t *testing.T) {
	src := `body.s matches "b" and event == "x"`
	for _, c := range []struct {
		size int
		errs bool
	}{{maxText, false}, {maxText + 1, false}, {1 << 20, true}} {
		raw := []byte(`{"s":"` + strings.Repeat("a", c.size) + `"}`)
		env := &Env{Raw: raw, Body: NewBody("json", nil, raw, "POST")}
		p, err := Compile(src, When)
		if err != nil {
			t.Fatal(err)
		}
		_, err = p.Bool(env)
		got := candidates(t, env, src)
		if (err != nil) != c.errs || c.errs && len(got) == 0 || (c.size <= maxText) != (len(got) == 0) {
			t.Errorf("%d bytes: error %v, candidates %v", c.size, err, got)
		}
	}
}
