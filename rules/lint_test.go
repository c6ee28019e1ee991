package rules_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hookrouter/hookrouter/rules"
)

// recorded are bodies of events that one source of the cases has sent.
func recorded(source string) [][]byte {
	if source == "known" {
		return [][]byte{[]byte(`{"order":{"id":1,"lines":[{"sku":"a"}]}}`)}
	}
	return nil
}

// TestLint runs testdata/lint as TestGolden does the broken files: what is no fault, and hardly meant.
func TestLint(t *testing.T) { runGolden(t, "testdata/lint/*.txtar") }

// TestWarningsCanBeSilenced: each warning of the cases goes when a comment in its line, or in the one above, says so.
func TestWarningsCanBeSilenced(t *testing.T) {
	archives, err := filepath.Glob("testdata/lint/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	silenced := 0
	for _, path := range archives {
		ar, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range goldens(t, ar) {
			if strings.Contains(g.want, "[allow]") || len(g.files) > 0 {
				continue
			}
			main, places := unmarked("r.yaml", g.main)
			for i, f := range g.parse(t, main, nil) {
				lines := strings.Split(string(main), "\n")
				lines[places[i].line-1] += "   # allow: other, " + f.Code
				text := strings.Join(lines, "\n")
				set, err := rules.Parse(rules.File{Name: "r.yaml", Data: []byte(text)}, rules.Options{
					Env: env, ReadFile: readFile, PublicLoopback: true, Lint: &rules.Lint{Listen: "127.0.0.1:8080", Recorded: recorded},
				})
				if err != nil {
					continue // a comment cannot stand there
				}
				silenced++
				for _, w := range set.Warnings() {
					if w.Code == f.Code && w.Line == f.Line && w.Col == f.Col {
						t.Errorf("%s is said although the line allows it:\n%s", w, text)
					}
				}
			}
		}
	}
	if silenced < 19 {
		t.Errorf("only %d were tried", silenced)
	}
}

// TestEveryCodeHasACase: what the reference says of a code is shown by a file.
func TestEveryCodeHasACase(t *testing.T) {
	var shown strings.Builder
	archives, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range archives {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		shown.Write(data)
	}
	page, err := os.ReadFile("../docs/rules.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "<!-- warnings -->")
	table, _, _ = strings.Cut(table, "<!-- end -->")
	codes := regexp.MustCompile("(?m)^\\| `([a-z-]+)`").FindAllStringSubmatch(table, -1)
	for _, m := range codes {
		if !strings.Contains(shown.String(), "["+m[1]+"]") {
			t.Errorf("no case shows %s", m[1])
		}
	}
	if len(codes) < 20 {
		t.Errorf("the reference has %d codes", len(codes))
	}
}
