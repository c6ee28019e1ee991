package rules_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verdict"
)

// TestExplainIsMatch: over random rules and documents, what explain says of each route is what Match did with it, and
// its conditions say the same.
// TestExplainReply: what the sender is answered stands beside the route that says so.
func TestExplainReply(t *testing.T) {
	set := parse(t, replyFile)
	for do, want := range map[string]string{
		"ask": "what the destination answers", "later": "what the destination answers, or that the event is stored", "text": "200 hi, you",
	} {
		x, err := set.Explain(newEvent("s", `{"do": "`+do+`", "who": "you"}`), now)
		if err != nil {
			t.Fatal(err)
		}
		replies := map[string]string{}
		for _, r := range x.Routes {
			if r.Reply != "" {
				replies[r.Name] = r.Reply
			}
		}
		if len(replies) != 1 || replies[do] != want {
			t.Errorf("%s: %q", do, replies)
		}
	}
}

func TestExplainIsMatch(t *testing.T) {
	random := rand.New(rand.NewPCG(5, 6))
	count := map[string]int{}
	for range 24 {
		set := parse(t, randomRules(random, 8))
		for range 12 {
			ev := newEvent([]string{"s", "t"}[random.IntN(2)], randomDocument(random))
			ev.Type = []string{"push", "pull", ""}[random.IntN(3)]
			before := *ev
			matched := set.Match(&before, now)
			x, err := set.Explain(ev, now)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := pairsExplained(x), pairsMatched(matched.Deliveries); !slices.Equal(got, want) || x.Matched != matched.Matched || !slices.Equal(x.Marks, before.Marks) {
				t.Fatalf("%s of %s as %q\nexplained %v, %v\nmatched   %v, %v\n%s", ev.Body, ev.Source, ev.Type, got, x.Marks, want, before.Marks, set.File().Data)
			}
			for _, r := range x.Routes {
				count[r.Outcome]++
				checkConditions(t, r)
			}
		}
	}
	for _, outcome := range []string{verdict.Matched, verdict.Missed, verdict.Erred, verdict.Stopped, verdict.Disabled, verdict.Elsewhere} {
		if count[outcome] < 10 {
			t.Errorf("%q came %d times only: %v", outcome, count[outcome], count)
		}
	}
}

// checkConditions: the parts that are shown say of a route what its outcome says.
func checkConditions(t *testing.T, r verdict.Route) {
	t.Helper()
	wrong := 0
	for _, c := range r.Conditions {
		if !c.True {
			wrong++
		}
	}
	switch {
	case r.Outcome == verdict.Matched && wrong > 0, r.Outcome == verdict.Missed && wrong == 0, r.Near && wrong != 1:
		t.Errorf("conditions of %+v", r)
	}
}

func pairsExplained(x *verdict.Explanation) (list []string) {
	for _, r := range x.Routes {
		for _, d := range r.Deliveries {
			outcome := "sent"
			if d.Outcome == verdict.Dead {
				outcome = "dead"
			}
			list = append(list, r.Name+" "+d.Destination+" "+outcome)
		}
		if r.Outcome == verdict.Matched != slices.ContainsFunc(r.Deliveries, func(d verdict.Delivery) bool { return d.Outcome == verdict.Sent }) {
			list = append(list, r.Name+" is "+r.Outcome)
		}
	}
	return list
}

func pairsMatched(deliveries []event.Delivery) (list []string) {
	for _, d := range deliveries {
		outcome := "sent"
		if d.State == event.Dead {
			outcome = "dead"
		}
		list = append(list, d.Route+" "+d.Destination+" "+outcome)
	}
	return list
}

func randomRules(random *rand.Rand, routes int) string {
	var b strings.Builder
	b.WriteString("version: 1\nsources: { s: { verify: none }, t: { verify: none } }\ndestinations: { d: http://d/, e: http://e/ }\nroutes:\n")
	for i := range routes {
		fmt.Fprintf(&b, "  - name: r%d\n    from: %s\n    to: %s\n", i, pick(random, `"*"`, "s", "t", "[s, t]"), pick(random, "d", "[d, e]"))
		if random.IntN(8) > 0 {
			fmt.Fprintf(&b, "    when: |\n      %s\n", randomCondition(random, 3))
		}
		if random.IntN(6) == 0 {
			b.WriteString("    stop: true\n")
		}
		if random.IntN(10) == 0 {
			b.WriteString("    enabled: false\n")
		}
	}
	return b.String()
}

func randomCondition(random *rand.Rand, depth int) string {
	if depth == 0 || random.IntN(3) == 0 {
		return pick(random, `event == "push"`, `event in ["push", "pull"]`, `body.a == 1`, `body.a > 1`, `body.b.c == "x"`, `body.b`,
			`body.list[0] == 2`, `any(body.list, # > 1)`, `source == "s"`, `header("X-Sender-Id") == "their-id"`, `int(body.b.c) == 1`, `not body.yes`)
	}
	a, b := randomCondition(random, depth-1), randomCondition(random, depth-1)
	return pick(random, a+" and "+b, a+" and "+b, "("+a+" or "+b+")", "not ("+a+")", "("+a+" and "+b+") and "+a)
}

func randomDocument(random *rand.Rand) string {
	return pick(random, `{"a":1}`, `{"a":2,"b":{"c":"x"}}`, `{"b":{"c":"1"},"yes":true}`, `{"a":1,"b":{"c":"x"},"list":[2,1]}`, `{"list":[]}`, `{"b":true}`, `{`, ``)
}

func pick(random *rand.Rand, from ...string) string { return from[random.IntN(len(from))] }

const explainFile = `
version: 1
sources:
  s: { secret: "s-canary-secret-of-the-source", verify: { kind: token, token: { header: X-Pass } }, type: body.type, max_body: 200B }
destinations:
  d:
    url: "http://d/$(body.id)?key=${TOKEN}&token=t-canary-literal"
    headers: { Authorization: "Bearer ${TOKEN}", X-Api-Key: h-canary-literal }
    pass_headers: all
routes:
  - { name: near, from: s, to: d, when: 'event == "a" and body.ref == "main" and header("cookie") != "x"' }
  - { name: sent, from: s, to: d, when: 'body.id != nil and event in ["a", "b"]', stop: true }
  - { name: late, from: s, to: d, when: 'event == "a"' }
`

func explainRequest(t *testing.T, pass, body string) *verdict.Explanation {
	t.Helper()
	raw := "POST /in/s?token=q-canary HTTP/1.1\nX-Pass: " + pass + "\nCookie: c-canary\nX-Auth-Token: a-canary\nContent-Type: application/json\n\n" + body
	x, err := parse(t, explainFile).ExplainIncoming(rules.Incoming{Raw: []byte(raw)}, now)
	if err != nil {
		t.Fatal(err)
	}
	return x
}

// TestExplainRequest: a request is proved, named and matched as one that comes in, and nothing secret is shown.
func TestExplainRequest(t *testing.T) {
	x := explainRequest(t, "s-canary-secret-of-the-source", `{"type":"a","id":"7","ref":"dev"}`)
	near, sent, late := x.Routes[0], x.Routes[1], x.Routes[2]
	if x.Proof.Outcome != verdict.Valid || x.Type != "a" || !x.Matched {
		t.Errorf("%+v", x)
	}
	if c := near.Conditions[1]; !near.Near || near.Outcome != verdict.Missed || c.Needs != `body.ref would have to be "main"` ||
		!slices.Equal(c.Values, []verdict.Value{{Expression: "body.ref", Value: `"dev"`}}) {
		t.Errorf("near: %+v", near)
	}
	if late.Outcome != verdict.Stopped || late.StoppedBy != "sent" || len(late.Deliveries) > 0 {
		t.Errorf("late: %+v", late)
	}
	r := sent.Deliveries[0].Request
	if r.URL != "http://d/7?key=***&token=***" || r.Header["Authorization"][0] != "Bearer ***" || r.Header["X-Api-Key"][0] != "***" ||
		r.Header["Webhook-Id"][0] != "dlv_…" || r.Body != `{"type":"a","id":"7","ref":"dev"}` || r.Length != len(r.Body) {
		t.Errorf("request: %+v", r)
	}
	if all := fmt.Sprintf("%+v %+v", x, r); strings.Contains(all, "canary") {
		t.Errorf("a secret is shown: %s", all)
	}
}

// TestExplainProof: why a request would not be taken.
func TestExplainProof(t *testing.T) {
	for _, c := range []struct{ pass, body, outcome, reason string }{
		{"wrong", `{}`, verdict.Invalid, "header X-Pass"},
		{"s-canary-secret-of-the-source", strings.Repeat(" ", 201), verdict.Refused, "413"},
	} {
		x := explainRequest(t, c.pass, c.body)
		if x.Proof.Outcome != c.outcome || !strings.Contains(x.Proof.Reason, c.reason) || len(x.Routes) != 3 {
			t.Errorf("%+v", x)
		}
	}
}

// TestExplainWaits: what is decided at accept, and what is made for each attempt, is named; the keys are not shown.
func TestExplainWaits(t *testing.T) {
	const file = `
version: 1
sources: { s: { verify: none } }
destinations: { d: { url: http://d/, sign: "${KEY}", delay: 10s, order_by: body.id } }
routes: [{ name: r, from: s, to: d, coalesce: { key: body.id, wait: 5s, max: 1m } }]
`
	const key = "whsec_Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5Y2FuYXJ5"
	set, err := rules.Parse(rules.File{Name: "r.yaml", Data: []byte(file)}, rules.Options{
		Env: func(string) (string, bool) { return key, true }, PublicLoopback: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	x, err := set.Explain(newEvent("s", `{"id":7}`), now)
	if err != nil {
		t.Fatal(err)
	}
	d := x.Routes[0].Deliveries[0]
	if d.Delay != "10s" || d.OrderKey != "7" || *d.Coalesce != (verdict.Coalesce{Key: "7", Wait: "5s", Max: "1m"}) ||
		d.Request.Header["Webhook-Signature"][0] != "(made for each attempt)" || d.Request.Header["Webhook-Timestamp"] == nil {
		t.Errorf("%+v, %+v", d, d.Request)
	}
}
