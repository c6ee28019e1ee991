package rules_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/rules"
)

// TestEffective: what is inherited and what holds without being said stands there, in a file that means the same;
// what is secret does not.
func TestEffective(t *testing.T) {
	text := `
version: 1
include: more.yaml
sources:
  s: { preset: github, secret: ["${SECRET}", literal-canary-secret-of-32-chars] }   # a comment
  m: { preset: gitlab, secret: "${OTHER}", with: {}, path: /hooks }
defaults: { timeout: 5s, retry: { attempts: 3 }, limit: { rate: 5/s } }
destinations:
  plain: http://plain/$(body.x)
  own:
    url: http://own/
    headers: { Authorization: "Bearer ${TOKEN}", X-Id: $(id) }
    retry: { backoff: 2h }
    limit: { concurrency: 3 }
`
	more := `
version: 1
routes:
  - name: r
    from: [s, m]
    when: body.x == "${not a reference}"
    to: [plain, own]
`
	o := rules.Options{Env: env, PublicLoopback: true, ReadFile: func(name string) ([]byte, error) {
		if name == "more.yaml" {
			return []byte(more), nil
		}
		return nil, os.ErrNotExist
	}}
	out, err := rules.Effective(rules.File{Name: "r.yaml", Data: []byte(text)}, o)
	if err != nil {
		t.Fatal(err)
	}
	const want = `version: 1
sources:
  s: {preset: github, secret: ['***', '***'], path: /in/s, methods: [POST], max_body: 25MiB, unmatched: keep}
  m: {preset: gitlab, secret: '***', with: {}, path: /hooks, methods: [POST], max_body: 25MiB, unmatched: keep}
destinations:
  plain:
    url: http://plain/$(body.x)
    success: 2xx
    timeout: 5s
    retry:
      backoff: 1s
      max_backoff: 1h
      on: [408, 425, 429, 5xx, timeout, connect, broken, dns, tls]
      max_age: 24h
      attempts: 3
    breaker:
      failures: 5
      cooldown: 30s
      probes: 1
    limit:
      rate: 5/s
      concurrency: 32
  own:
    url: http://own/
    headers: {Authorization: Bearer ***, X-Id: $(id)}
    retry: {backoff: 2h, max_backoff: 2h, on: [408, 425, 429, 5xx, timeout, connect, broken, dns, tls], max_age: 24h, attempts: 3}
    limit: {concurrency: 3, rate: 5/s}
    success: 2xx
    timeout: 5s
    breaker:
      failures: 5
      cooldown: 30s
      probes: 1
routes:
  - name: r
    from: [s, m]
    when: body.x == "${not a reference}"
    to: [plain, own]
retention:
  history: 72h
  dead: 30d
  size: 10GiB
`
	if string(out) != want {
		t.Errorf("got:\n%s", out)
	}
	if strings.Contains(string(out), "canary") {
		t.Error("a secret is shown")
	}
	again, err := rules.Effective(rules.File{Name: "r.yaml", Data: out}, o)
	if err != nil || string(again) != string(out) {
		t.Errorf("%v; it means something else:\n%s", err, again)
	}
}

// TestEffectiveAlternatives: of two ways to say a thing only the one that counts is printed.
func TestEffectiveAlternatives(t *testing.T) {
	const text = `version: 1
defaults: { retry: { schedule: [1s, 5s] }, breaker: { ratio: 0.5 } }
destinations:
  a: { url: http://a/, breaker: { ratio: 0.25, min: 3 }, retry: { schedule: [1s, 2s] } }
  b: http://b/
  c: { url: http://c/, breaker: { failures: 2 }, retry: { backoff: 2s } }
  d: { url: http://d/, breaker: { failures: 2, ratio: 0.1 }, order_by: 'body.x == "${"' }
`
	first, err := rules.Effective(rules.File{Name: "r.yaml", Data: []byte(text)}, rules.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again, err := rules.Effective(rules.File{Name: "r.yaml", Data: first}, rules.Options{})
	if err != nil || string(again) != string(first) {
		t.Fatalf("%v; it means something else:\n%s\n%s", err, first, again)
	}
	before, after := parse(t, text), parse(t, string(first))
	for _, d := range before.Destinations() {
		e, _ := after.Destination(d.Name)
		if d.Breaker != e.Breaker || !slices.Equal(d.Retry.Schedule, e.Retry.Schedule) {
			t.Errorf("%s has %+v and %v, printed as %+v and %v", d.Name, d.Breaker, d.Retry.Schedule, e.Breaker, e.Retry.Schedule)
		}
	}
}
