package rules_test

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hookrouter/hookrouter/rules"
)

const (
	placeMark = "»" // stands in a broken file before what a message must point to
	lineMark  = "▸" // begins the line of a message that knows no column
)

// golden is a broken file, with the files that it includes.
type golden struct {
	name   string
	main   []byte
	files  map[string][]byte
	order  []string // of the included ones
	want   string
	wanted *txtar.File
}

// place is where a message must point to; 0 for what is not known.
type place struct {
	file      string
	line, col int
}

// TestGolden runs testdata/golden: NAME.yaml, maybe NAME/PATH that it includes, and NAME.want: each message, and below it
// what to do. The marks in the files say where each must point to.
func TestGolden(t *testing.T) {
	if cases := runGolden(t, "testdata/golden/*.txtar"); cases < leastGolden {
		t.Errorf("only %d cases", cases)
	}
}

func runGolden(t *testing.T, pattern string) (cases int) {
	t.Helper()
	archives, err := filepath.Glob(pattern)
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range archives {
		ar, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range goldens(t, ar) {
			cases++
			t.Run(filepath.Base(path)+"/"+g.name, func(t *testing.T) { g.check(t) })
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	return cases
}

const leastGolden = 200

func goldens(t *testing.T, ar *txtar.Archive) (all []*golden) {
	t.Helper()
	g := &golden{files: map[string][]byte{}}
	for i, f := range ar.Files {
		switch name, ext := strings.TrimSuffix(f.Name, path.Ext(f.Name)), path.Ext(f.Name); {
		case strings.Contains(f.Name, "/"):
			_, name, _ := strings.Cut(f.Name, "/")
			g.files[name], g.order = f.Data, append(g.order, name)
		case ext == ".yaml":
			g.name, g.main = name, f.Data
		case ext == ".want" && name == g.name:
			g.want, g.wanted = string(f.Data), &ar.Files[i]
			all = append(all, g)
			g = &golden{files: map[string][]byte{}}
		default:
			t.Fatalf("%s: neither a rules file nor what is wanted of %q", f.Name, g.name)
		}
	}
	return all
}

func (g *golden) check(t *testing.T) {
	main, places := unmarked("r.yaml", g.main)
	files := map[string][]byte{}
	for _, name := range g.order {
		var more []place
		files[name], more = unmarked(name, g.files[name])
		places = append(places, more...)
	}
	faults := g.parse(t, main, files)
	var b strings.Builder
	for i, f := range faults {
		if f.Code != "" {
			fmt.Fprintf(&b, "[%s] ", f.Code)
		}
		fmt.Fprintf(&b, "%s\n    %s\n", f.Message, f.Hint)
		if f.Hint == "" {
			t.Errorf("%s: it does not say what to do", f)
		}
		if got := (place{f.File, f.Line, f.Col}); i >= len(places) || places[i] != got {
			t.Errorf("%s points to %+v, the marks are at %+v", f, got, places)
		}
	}
	if len(faults) != len(places) {
		t.Errorf("%d messages for %d marks", len(faults), len(places))
	}
	if b.String() != g.want && !*update {
		t.Errorf("got:\n%swant:\n%s", b.String(), g.want)
	}
	if strings.Contains(b.String(), "canary") {
		t.Errorf("a secret is shown:\n%s", b.String())
	}
	g.wanted.Data = []byte(b.String())
}

func (g *golden) parse(t *testing.T, main []byte, files map[string][]byte) rules.Faults {
	t.Helper()
	read := func(name string) ([]byte, error) {
		if data, ok := files[filepath.ToSlash(name)]; ok {
			return data, nil
		}
		return readFile(name)
	}
	glob := func(pattern string) (names []string, err error) {
		for _, name := range g.order {
			if ok, err := path.Match(filepath.ToSlash(pattern), name); err != nil {
				return nil, err
			} else if ok {
				names = append(names, name)
			}
		}
		return names, nil
	}
	set, err := rules.Parse(rules.File{Name: "r.yaml", Data: main}, rules.Options{
		Env: env, ReadFile: read, Glob: glob, PublicLoopback: !strings.HasPrefix(g.name, "public-"),
		Lint: &rules.Lint{Listen: "127.0.0.1:8080", Recorded: recorded},
	})
	var faults rules.Faults
	switch {
	case errors.As(err, &faults):
		return faults
	case err != nil:
		t.Fatal(err)
	case len(set.Warnings()) == 0:
		t.Fatal("there is nothing wrong with it")
	}
	return set.Warnings()
}

// unmarked takes the marks out of a file, and gives the places they stood at. Of a file that is wrong as a whole the
// mark is all there is on the first line.
func unmarked(name string, data []byte) (clean []byte, places []place) {
	lines := strings.SplitAfter(string(data), "\n")
	if strings.TrimSuffix(lines[0], "\n") == placeMark {
		return []byte(strings.Join(lines[1:], "")), []place{{name, 0, 0}}
	}
	for i, line := range lines {
		if strings.HasPrefix(line, lineMark) {
			line = strings.TrimPrefix(line, lineMark)
			places = append(places, place{name, i + 1, 0})
		}
		for {
			before, after, found := strings.Cut(line, placeMark)
			if !found {
				break
			}
			places = append(places, place{name, i + 1, utf8.RuneCountInString(before) + 1})
			line = before + after
		}
		clean = append(clean, line...)
	}
	return clean, places
}
