package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hookrouter/hookrouter/rules"
)

// TestExamples: each example is valid on this machine as it stands, nothing in it is hardly meant, and its tests pass.
func TestExamples(t *testing.T) {
	mains, err := filepath.Glob("../../examples/*/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range append(mains, "../../examples/rules.yaml") {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		set, err := rules.Parse(rules.File{Name: path, Data: data}, rules.Options{
			ReadFile: os.ReadFile, Glob: filepath.Glob, PublicLoopback: true, Lint: &rules.Lint{Listen: "127.0.0.1:8080"},
		})
		if err != nil {
			t.Error(err)
			continue
		}
		for _, w := range set.Warnings() {
			if w.Code != "example-secret" {
				t.Error(w)
			}
		}
		results := set.Test(nil)
		for _, r := range results {
			if !r.Passed {
				t.Errorf("%s:%d: test %q: %q", r.File, r.Line, r.Name, r.Diffs)
			}
		}
		if len(results) < 2 {
			t.Errorf("%s has %d tests", path, len(results))
		}
	}
	if len(mains) < 6 {
		t.Errorf("only %d examples", len(mains))
	}
}
