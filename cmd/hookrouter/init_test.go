package main

import (
	"testing"

	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verify"
)

// TestInitOfEachSender: what init writes for a sender is valid, its tests pass, and nothing in it is hardly meant.
func TestInitOfEachSender(t *testing.T) {
	var all []*verify.Preset
	for _, name := range verify.Names() {
		p, _ := verify.Lookup(name)
		all = append(all, p)
		t.Run(name, func(t *testing.T) { startsWell(t, p) })
	}
	startsWell(t, all...)
}

func startsWell(t *testing.T, presets ...*verify.Preset) {
	t.Helper()
	text, err := starterFile(presets)
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Parse(rules.File{Name: "rules.yaml", Data: []byte(text)}, rules.Options{
		PublicLoopback: true, Lint: &rules.Lint{Listen: "127.0.0.1:8080"},
	})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	for _, w := range set.Warnings() {
		if w.Code != "example-secret" && w.Code != "unverified" {
			t.Errorf("%s\n%s", w, text)
		}
	}
	for _, r := range set.Test(nil) {
		if !r.Passed {
			t.Errorf("test %q: %q\n%s", r.Name, r.Diffs, text)
		}
	}
	if len(set.Sources()) != len(presets) {
		t.Errorf("%d sources for %d senders", len(set.Sources()), len(presets))
	}
}
