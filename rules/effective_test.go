package rules_test

import (
	"os"
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
