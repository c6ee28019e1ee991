package rules_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/hookrouter/hookrouter/rules"
)

// TestTheExample keeps the file that people read first right: it starts without any variable, and its tests pass.
func TestTheExample(t *testing.T) {
	data, err := os.ReadFile("../examples/rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	set, err := rules.Parse(rules.File{Name: "rules.yaml", Data: data}, rules.Options{PublicLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(set.Warnings()); n != 4 {
		t.Errorf("%d warnings, want one for each example secret: %v", n, set.Warnings())
	}
	results := set.Test(nil)
	if len(results) < 10 {
		t.Errorf("only %d tests ran", len(results))
	}
	for _, r := range results {
		for _, d := range r.Diffs {
			t.Errorf("%s:%d: %s: %s", r.File, r.Line, r.Name, d)
		}
	}
	if _, err := rules.Parse(rules.File{Name: "rules.yaml", Data: data}, rules.Options{}); err == nil {
		t.Error("example secrets must be refused when the listener is public")
	}
}

// TestExamplesOfUses: each folder of examples starts without any variable, warns of nothing but its example secrets, and
// passes its tests.
func TestExamplesOfUses(t *testing.T) {
	files, err := filepath.Glob("../examples/*/rules.yaml")
	if err != nil || len(files) < 7 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		set, err := rules.Parse(rules.File{Name: name, Data: data}, rules.Options{
			PublicLoopback: true, ReadFile: os.ReadFile, Glob: filepath.Glob, Lint: &rules.Lint{Listen: "127.0.0.1:8080"},
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range set.Warnings() {
			if w.Code != "example-secret" {
				t.Error(w)
			}
		}
		results := set.Test(nil)
		if len(results) < 2 {
			t.Errorf("%s: %d tests", name, len(results))
		}
		for _, r := range results {
			for _, d := range r.Diffs {
				t.Errorf("%s:%d: %s: %s", r.File, r.Line, r.Name, d)
			}
		}
	}
}
