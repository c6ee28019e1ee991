package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verdict"
)

const planHead = `
version: 1
sources: { s: { secret: "a-canary-of-the-source", verify: { kind: token, token: { header: X-Pass } }, type: body.type } }
destinations:
  d: { url: "http://d/$(body.id)?k=${TOKEN}", headers: { Authorization: "Bearer ${TOKEN}" } }
  e: http://e/
  o: http://o/
routes:
`

const planNow = `
  - { name: same, from: s, when: 'event == "a"', to: d }
  - { name: lost, from: s, when: 'event == "a"', to: d }
  - { name: gained, from: s, when: 'event == "b"', to: d }
  - { name: moved, from: s, to: [d] }
  - { name: different, from: s, to: d, headers: { x-a: "1" }, transform: '{a: 1, b: {c: body.id}}' }
  - { name: skipped, from: s, to: e, transform: '{a: 1}' }
  - { name: failing, from: s, when: 'body.n == 1', to: e }
  - { name: off, from: s, to: e }
  - { name: gone, from: s, to: e }
  - { name: ordered, from: s, to: o }
  - { name: late, from: s, to: e }
`

const planNext = `
  - { name: same, from: s, when: 'event in ["a"]', to: d }
  - { name: lost, from: s, when: 'event == "a" and body.id == "8"', to: d }
  - { name: gained, from: s, when: 'event != "x"', to: d }
  - { name: moved, from: s, to: [e] }
  - { name: different, from: s, to: d, headers: { x-a: "2" }, transform: '{a: 1, b: {c: body.id, d: 2}}' }
  - { name: skipped, from: s, to: e, transform: 'skip("why")' }
  - { name: failing, from: s, when: 'int(body.n) == 1', to: e }
  - { name: off, from: s, to: e, enabled: false }
  - { name: ordered, from: s, to: o }
  - { name: stops, from: s, stop: true }
  - { name: late, from: s, to: e }
`

const planWant = `same 1 1
lost 1 0
  lost 1: body.id == "8" (body.id is "7")
gained 0 1
  gained 1: to d
moved 1 1
  moved 1: was to d, would be to e
different 1 1
  different 1: d: header X-A: was "1", would be "2" / d: body.b.d: was nothing, would be 2
skipped 1 1
  different 1: e: was a request, would be skipped: why
failing 0 0
  failing 1: when: body.n is no int
off 1 0
  lost 1: the route is disabled
ordered 1 1
  different 1: o: order_by: was nothing, would be "7" / o: delay: was 0s, would be 10s
stops 0 1
  gained 1: to no destination
late 1 0
  lost 1: route "stops" takes it, and stops
gone 1 0
  lost 1: the route is gone; it went to e
`

func planOf(t *testing.T, now, next string, events ...*event.Event) *verdict.Plan {
	t.Helper()
	plan := rules.NewPlan(parse(t, now), parse(t, next))
	for _, ev := range events {
		plan.Add(ev)
	}
	return plan.Result()
}

// TestPlan: each kind of difference is told by route, with what differs.
func TestPlan(t *testing.T) {
	ev := newEvent("s", `{"type":"a","id":"7","n":"many"}`)
	ev.Marks = []string{"kept"}
	ordered := strings.Replace(planHead, "o: http://o/", "o: { url: http://o/, order_by: body.id, delay: 10s }", 1)
	plan := planOf(t, planHead+planNow, ordered+planNext, ev)
	var b strings.Builder
	for _, r := range plan.Routes {
		fmt.Fprintf(&b, "%s %d %d\n", r.Route, r.Before, r.After)
		for _, c := range r.Changes {
			fmt.Fprintf(&b, "  %s %d: %s\n", c.Kind, c.Events, strings.Join(c.Examples[0].Diffs, " / "))
		}
	}
	want := strings.TrimPrefix(planWant, "same 1 1\n") // where nothing changes nothing is said
	if b.String() != want || plan.Events != 1 || plan.Changed != 1 || len(ev.Marks) != 1 {
		t.Errorf("%+v\ngot:\n%s\nwant:\n%s", plan, b.String(), want)
	}
}

// TestPlanOfTheSame: the same rules change nothing, whatever ids and times deliveries would get.
func TestPlanOfTheSame(t *testing.T) {
	for _, body := range []string{`{"type":"a","id":"7","n":1}`, `{`, ``, `{"type":"x","n":"y"}`} {
		if plan := planOf(t, planHead+planNext, planHead+planNext+"# other bytes\n", newEvent("s", body)); plan.Changed != 0 || len(plan.Routes) > 0 {
			t.Errorf("%s: %+v", body, plan)
		}
	}
}

// TestPlanKeepsSecrets: what differs is shown, but no value of a reference and no secret of a sender.
func TestPlanKeepsSecrets(t *testing.T) {
	ev := newEvent("s", `{"id":"7"}`)
	ev.Header["X-Pass"], ev.Header["X-Auth-Token"] = []string{"x-canary"}, []string{"y-canary"}
	next := strings.NewReplacer("Bearer ${TOKEN}", "Basic ${TOKEN}", "?k=${TOKEN}", "?token=z-canary").Replace(planHead)
	plan := planOf(t, planHead+"  - { name: r, from: s, to: d }\n", next+"  - { name: r, from: s, to: d, method: PUT }\n", ev)
	text := fmt.Sprintf("%+v", plan)
	if strings.Contains(text, "canary") || strings.Contains(text, variables["TOKEN"]) || !strings.Contains(text, "Basic ***") {
		t.Errorf("%s", text)
	}
}

// TestPaper: rules whose references have no value here can be planned; what they stand for is hidden in both.
func TestPaper(t *testing.T) {
	const file = `
version: 1
sources:
  s: { preset: stripe, secret: "${NOT_SET}", max_body: "${NOT_SET_SIZE}" }
  t: { preset: standard-webhooks, secret: ["${NOT_SET}", "${file:/not/there}"] }
  u: { verify: { kind: token, token: { header: X-Pass } }, secret: "${NOT_SET}" }
destinations:
  d: { url: "${NOT_SET_URL}/x", timeout: "${NOT_SET_TIME}", headers: { Authorization: "Bearer ${NOT_SET}" } }
  s: { url: http://s/, sign: ["${NOT_SET}", "${NOT_SET_OLD:-}"] }
  e: "http://${NOT_SET_HOST}:${NOT_SET_PORT}/x/$(body.id)"
routes:
  - { name: r, from: u, to: [d, e], enabled: "${ON:-true}" }
`
	o := rules.Options{Paper: true, PublicLoopback: true}
	set, err := rules.Parse(rules.File{Name: "r.yaml", Data: []byte(file)}, o)
	if err != nil {
		t.Fatal(err)
	}
	want := "[${NOT_SET_HOST} ${NOT_SET_PORT} ${NOT_SET_SIZE} ${NOT_SET_TIME} ${NOT_SET_URL} ${NOT_SET} ${file:/not/there}]"
	if got := fmt.Sprint(set.Unset()); got != want {
		t.Errorf("unset %s\nwant  %s", got, want)
	}
	ev := newEvent("u", `{"id":"7"}`)
	ev.Header["X-Pass"] = []string{"***"}
	x, err := set.Explain(ev, now)
	if err != nil {
		t.Fatal(err)
	}
	r := x.Routes[0].Deliveries
	if r[0].Request.URL != "***/x" || r[1].Request.URL != "http://***:***/x/7" || r[0].Request.Header["X-Pass"] != nil {
		t.Errorf("%+v, %+v", r[0].Request, r[1].Request)
	}
	_, err = rules.Parse(rules.File{Name: "r.yaml", Data: []byte(strings.Replace(file, "routes:", "rotes:", 1))}, o)
	if err == nil || strings.Count(err.Error(), "\n") > 0 {
		t.Errorf("what is wrong all the same: %v", err)
	}
}
