package rules_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hookrouter/hookrouter/rules"
)

// TestRun runs the tests inside of the files in testdata/run: what matching and rendering do, as data.

func TestRun(t *testing.T) {
	files, err := filepath.Glob("testdata/run/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, path := range files {
		t.Run(filepath.Base(path), func(t *testing.T) {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			results := parse(t, string(data)).Test(nil)
			if len(results) == 0 {
				t.Error("no tests")
			}
			for _, r := range results {
				for _, d := range r.Diffs {
					t.Errorf("%s:%d: %s: %s", path, r.Line, r.Name, d)
				}
			}
		})
	}
}

// TestDiffs runs a file whose tests all fail, and reads what they say.
func TestDiffs(t *testing.T) {
	ar, err := txtar.ParseFile("testdata/diffs.txtar")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, r := range parse(t, string(ar.Files[0].Data)).Test(nil) {
		if r.Passed {
			t.Errorf("%s passed", r.Name)
		}
		b.WriteString(r.Name + "\n")
		for _, d := range r.Diffs {
			b.WriteString("  " + d + "\n")
		}
	}
	if got, want := b.String(), string(ar.Files[1].Data); got != want && !*update {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
	if strings.Contains(b.String(), "canary") {
		t.Errorf("a secret is shown:\n%s", b.String())
	}
	if *update {
		ar.Files[1].Data = []byte(b.String())
		if err := os.WriteFile("testdata/diffs.txtar", txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// parse reads a file that must be right.
func parse(t testing.TB, text string) *rules.Set {
	t.Helper()
	set, err := rules.Parse(rules.File{Name: "r.yaml", Data: []byte(text)}, rules.Options{
		Env: env, ReadFile: readFile, PublicLoopback: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return set
}
