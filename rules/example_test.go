package rules_test

import (
	"os"
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
