package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestCheckKnowsRecordedNames: with --admin a name that events have is known, and a misspelt one is said with that.
func TestCheckKnowsRecordedNames(t *testing.T) {
	s := live(t)
	dir := t.TempDir()
	body := filepath.Join(dir, "body.json")
	file := filepath.Join(dir, "rules.yaml")
	for path, text := range map[string]string{
		body: `{"order":{"total":3}}`,
		file: "version: 1\nsources: { open: { verify: none } }\ndestinations: { a: http://a/ }\n" +
			"routes:\n  - { name: r, from: open, when: body.order.total > 1, to: a }\n  - { name: s, from: open, when: body.order.totl > 1, to: a }\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.Says(0, `valid: 1 source`, "check", file) // nothing is known of what it sends
	s.Says(0, `^202 `, "send", "open", "--to", "http://"+s.Listen+"/in/open", "--body", body)
	s.Says(0, `rules\.yaml:6:45: route "s": no body of a test or sample has body\.order\.totl \[unseen-name\]`, "check", file, "--admin", s.Admin)
	s.Says(3, `hint: did you mean "total"\?(?s:.*)error: 2 warnings`, "check", "--strict", file, "--admin", s.Admin)
	s.Says(4, `error: `, "check", file, "--admin", "127.0.0.1:1")
}
