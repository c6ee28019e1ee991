package faults_test

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/faults/rig"
)

// area is one file of rows.
type area struct {
	Area  string `yaml:"area"`  // heading of its table
	Order int    `yaml:"order"` // of the tables on the page
	Rows  []row  `yaml:"rows"`
}

// row is a fault, and the test that shows what holds.
type row struct {
	ID      string    `yaml:"id"`
	Fault   string    `yaml:"fault"`
	Injects string    `yaml:"injects"` // how the test brings the fault about, at which size
	Shows   string    `yaml:"shows"`   // what the test demands
	Package string    `yaml:"package"` // of the test, as ./faults
	Test    string    `yaml:"test"`    // its name, or several separated by |
	Long    bool      `yaml:"long"`    // only `make crash` runs it
	Planted []mistake `yaml:"planted"` // each must make the test fail
}

// mistake is a bug that a row's test must find.
type mistake struct {
	What string    `yaml:"what"`
	Bugs []rig.Bug `yaml:"bugs"`
	Long bool      `yaml:"long"` // found at full size only
}

// readAreas reads rows/*.yaml; a key that is not known is an error.
func readAreas(t *testing.T) (all []area) {
	t.Helper()
	files, err := filepath.Glob("rows/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatal("no rows", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var a area
		d := yaml.NewDecoder(bytes.NewReader(data))
		d.KnownFields(true)
		if err := d.Decode(&a); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b area) int { return cmp.Compare(a.Order, b.Order) })
	return all
}

// TestRows: each row has all its parts, its test exists, and each bug still has its place in the code.
func TestRows(t *testing.T) {
	seen := map[string]bool{}
	for _, a := range readAreas(t) {
		for _, r := range a.Rows {
			t.Run(r.ID, func(t *testing.T) {
				if r.ID == "" || r.Fault == "" || r.Injects == "" || r.Shows == "" || len(r.Planted) == 0 {
					t.Errorf("incomplete: %+v", r)
				}
				if seen[r.ID] {
					t.Error("there twice")
				}
				seen[r.ID] = true
				for _, name := range strings.Split(r.Test, "|") {
					if !hasTest(t, r.Package, name) {
						t.Errorf("no test %s in %s", name, r.Package)
					}
				}
				for i, m := range r.Planted {
					rig.Overlay(t, filepath.Join(t.TempDir(), fmt.Sprint(i)), m.Bugs...)
				}
			})
		}
	}
}

func hasTest(t *testing.T, pkg, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(rig.Root(t), pkg, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	declared := regexp.MustCompile(`(?m)^func ` + name + `\(`)
	return slices.ContainsFunc(files, func(file string) bool {
		data, err := os.ReadFile(file)
		return err == nil && declared.Match(data)
	})
}

// TestReliabilityPage: docs/reliability.md is what the rows say.
func TestReliabilityPage(t *testing.T) {
	want := page(readAreas(t))
	file := filepath.Join(rig.Root(t), "docs", "reliability.md")
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil || string(got) != want {
		t.Errorf("docs/reliability.md is not what the rows say (%v): go test ./faults -run TestReliabilityPage -update", err)
	}
}

const pageHead = `# Reliability

<!-- Made of faults/rows/*.yaml by: go test ./faults -run TestReliabilityPage -update -->

What can go wrong, what holds all the same, and the test that shows it. A test that cannot fail shows nothing, so each
row names bugs that were planted in a copy of the code and that its test finds: ` + "`make planted`" + ` plants them all, one by
one. Rows marked *long* run in ` + "`make crash`" + ` only; all others in every run of the tests.
`

func page(areas []area) string {
	var b strings.Builder
	b.WriteString(pageHead)
	for _, a := range areas {
		fmt.Fprintf(&b, "\n## %s\n\n| row | fault | how it is brought about | what holds | test | planted bugs that it finds |\n|---|---|---|---|---|---|\n", a.Area)
		for _, r := range a.Rows {
			var bugs []string
			for _, m := range r.Planted {
				bugs = append(bugs, cell(m.What))
			}
			id := r.ID
			if r.Long {
				id += " *long*"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | `%s` `%s` | %s |\n", id, cell(r.Fault), cell(r.Injects), cell(r.Shows),
				r.Package, strings.ReplaceAll(r.Test, "|", "` `"), strings.Join(bugs, "; "))
		}
	}
	return b.String()
}

// cell is text on one line that ends no cell.
func cell(text string) string {
	return strings.ReplaceAll(strings.Join(strings.Fields(text), " "), "|", `\|`)
}
