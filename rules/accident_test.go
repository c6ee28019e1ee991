package rules_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/rules"
)

// accidents are sources that ask for no proof without saying so, as they are written by mistake.
var accidents = []string{
	"{ }", "", "null", "~", "[]", `""`, "none",
	"{ path: /in/s }",
	"{ secret: SECRET }",
	"{ verify: }", "{ verify: null }", "{ verify: ~ }", `{ verify: "" }`, "{ verify: false }", "{ verify: no }", "{ verify: off }",
	"{ verify: None }", "{ verify: NONE }", "{ verify: [none] }", "{ verify: [] }", "{ verify: {} }", `{ verify: "none " }`,
	"{ verify: ${NOWHERE:-none} }",
	"{ verify: { kind: hmac } }",
	"{ verify: { kind: hmac, signature: { header: X-S } } }",
	"{ verify: { kind: token, token: { header: X-T } } }",
	"{ verify: { kind: hmac, signature: { header: X-S } }, secret: [] }",
	`{ verify: { kind: hmac, signature: { header: X-S } }, secret: "" }`,
	"{ preset: github }",
	"{ preset: github, secret: }",
	`{ preset: github, secret: "" }`,
	`{ preset: github, secret: "  " }`,
	`{ preset: github, secret: "${EMPTY}" }`,
	`{ preset: github, secret: "${BLANK}" }`,
	`{ preset: github, secret: "${NOWHERE:-}" }`,
	`{ preset: github, secret: ["${NOWHERE:-}", "${EMPTY}"] }`,
	`{ preset: github, secret: "${NOWHERE}" }`,
	`{ preset: github, secret: "${file:/newline}" }`,
	"{ preset: github, verify: }",
	"{ preset: github, verify: {} }",
	"{ preset: none }",
	"{ preset: }",
	"{ preset: open }", // declared below, and proves nothing
	"{ preset: open, secret: SECRET }",
	"{ allow_ip: 10.0.0.0/8 }",
	"{ verify: none, secret: SECRET }",
	"{ verify: none, allow_ip: [] }",
	"{ verify: none, allow_ip: }",
	`{ verify: none, allow_ip: "${NOWHERE:-}" }`,
	"{ verify: none, allow_ip: 0.0.0.0/0 }",
	`{ verify: none, allow_ip: ["::/0", 10.0.0.0/8] }`,
}

// TestNobodyIsLetInByAccident: a source asks for a proof, or the file says `verify: none` in so many words, and says who
// where others can call.
func TestNobodyIsLetInByAccident(t *testing.T) {
	for _, loopback := range []bool{true, false} {
		for _, source := range accidents {
			text := "version: 1\npresets: { open: { verify: none } }\nsources:\n  s: " + strings.ReplaceAll(source, "SECRET", `"${SECRET}"`) + "\n"
			set, err := rules.Parse(rules.File{Name: "r.yaml", Data: []byte(text)}, rules.Options{Env: env, ReadFile: readFile, PublicLoopback: loopback})
			if err == nil {
				t.Errorf("loopback %v: %s is taken: %s", loopback, source, described(set))
			}
		}
	}
	if len(accidents) < 48 {
		t.Error("some are missing")
	}
}

func described(set *rules.Set) string {
	s, _ := set.Source("s")
	return fmt.Sprintf("unverified: %v, a verifier: %v, warnings: %v", s.Unverified, s.Verifier != nil, set.Warnings())
}
