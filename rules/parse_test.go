package rules_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hookrouter/hookrouter/rules"
)

func TestHashAndWatched(t *testing.T) {
	text := "version: 1\nsources:\n  a: { preset: stripe, secret: [\"${file:/b}\", \"${file:/a}\", \"${file:/b}\"] }\n"
	files := map[string]string{"/a": "canary-a-of-32-characters-xxxxxxx\n", "/b": "canary-b-of-32-characters-xxxxxxx\n"}
	reads := 0
	hash := func(text string) string {
		set, err := rules.Parse(rules.File{Name: "r.yaml", Data: []byte(text)}, rules.Options{
			ReadFile: func(path string) ([]byte, error) { reads++; return []byte(files[path]), nil },
		})
		if err != nil {
			t.Fatal(err)
		}
		if got := set.Watched(); !slices.Equal(got, []string{"/a", "/b"}) {
			t.Errorf("watched %q", got)
		}
		if string(set.File().Data) != text {
			t.Error("the file is not kept as it was")
		}
		return set.Hash()
	}
	first := hash(text)
	if reads != 2 {
		t.Errorf("%d reads, want each file read once", reads)
	}
	if hash(text) != first {
		t.Error("the same content must have the same hash")
	}
	if hash(text+"#\n") == first {
		t.Error("another file must have another hash")
	}
	files["/a"] = "canary-c-of-32-characters-xxxxxxx\n"
	if hash(text) == first {
		t.Error("another secret must have another hash")
	}
}

func TestDefaultsAndInheritance(t *testing.T) {
	set := parse(t, `
version: 1
sources:
  s: { preset: github, secret: "${SECRET}" }
defaults: { timeout: 5s, retry: { backoff: 2s, attempts: 3 }, breaker: { failures: 9 }, limit: { rate: 60/m } }
destinations:
  plain: http://plain/
  own: { url: http://own/, timeout: 1m, retry: { max_age: 7d, attempts: 0 }, breaker: { probes: 2 }, limit: { concurrency: 1 } }
`)
	plain, _ := set.Destination("plain")
	own, _ := set.Destination("own")
	base := rules.Retry{Backoff: 2 * time.Second, MaxBackoff: time.Hour, MaxAge: 24 * time.Hour, Attempts: 3, On: plain.Retry.On}
	breaker := rules.Breaker{Failures: 9, Min: 20, Window: time.Minute, Cooldown: 30 * time.Second, Probes: 1}
	if plain.Timeout != 5*time.Second || !reflect.DeepEqual(plain.Retry, base) || plain.Breaker != breaker ||
		plain.Limit != (rules.Limit{32, 1}) || plain.Method != "" || plain.Templated {
		t.Errorf("%+v", plain)
	}
	base.MaxAge, base.Attempts = 7*24*time.Hour, 0
	breaker.Probes = 2
	if own.Timeout != time.Minute || !reflect.DeepEqual(own.Retry, base) || own.Breaker != breaker ||
		own.Limit != (rules.Limit{1, 1}) {
		t.Errorf("%+v", own)
	}
	s, _ := set.SourceByPath("/in/s")
	if s == nil || s.Name != "s" || s.Preset != "github" || s.MaxBody != 25<<20 || s.Verifier == nil || s.Unverified ||
		!slices.Equal(s.Methods, []string{"POST"}) {
		t.Errorf("%+v", s)
	}
}

// TestUnverifiedIsSaid checks who may call without proof.
func TestUnverifiedIsSaid(t *testing.T) {
	file := rules.File{Name: "r.yaml", Data: []byte("version: 1\nsources: { s: { verify: none } }\n")}
	for _, o := range []rules.Options{{PublicLoopback: true}, {AllowUnverified: true}} {
		set, err := rules.Parse(file, o)
		if err != nil || len(set.Warnings()) != 1 || !set.Sources()[0].Unverified || set.Sources()[0].Verifier != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
	if _, err := rules.Parse(file, rules.Options{}); err == nil {
		t.Error("a public listener must not take requests from anybody")
	}
}

// TestLongFile parses and matches a big file: 10,000 routes with HOOKROUTER_LONG=1.
func TestLongFile(t *testing.T) {
	routes := 1000
	if os.Getenv("HOOKROUTER_LONG") != "" {
		routes = 10_000
	}
	var b strings.Builder
	b.WriteString("version: 1\nsources: { s: { verify: none }, t: { verify: none } }\ndestinations: { d: http://d/ }\nroutes:\n")
	for i := range routes {
		source := "s"
		if i%100 == 0 {
			source = "t"
		}
		fmt.Fprintf(&b, "  - name: r%d\n    from: %s\n    when: event == \"e%d\" and body.action == \"opened\"\n    to: d\n    transform: |\n      {id: body.id, n: %d}\n", i, source, i, i)
	}
	start := time.Now()
	set := parse(t, b.String())
	t.Logf("%d routes parsed: %s", routes, time.Since(start))
	ev := newEvent("t", `{"action": "opened", "id": 1}`)
	ev.Type = "e500"
	start = time.Now()
	m := set.Match(ev, now)
	t.Logf("matched against %d of them: %s", routes/100, time.Since(start))
	if len(m.Deliveries) != 1 || m.Deliveries[0].Route != "r500" {
		t.Errorf("%+v", m)
	}
}

// FuzzParse wants no panic, and faults that point into the file.
func FuzzParse(f *testing.F) {
	paths, err := filepath.Glob("testdata/check/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range paths {
		ar, err := txtar.ParseFile(path)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range ar.Files {
			if strings.HasSuffix(file.Name, ".yaml") {
				f.Add(string(file.Data))
			}
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, err := rules.Parse(rules.File{Name: "r.yaml", Data: []byte(text)}, rules.Options{
			Env: env, ReadFile: readFile, PublicLoopback: true,
		})
		if err == nil {
			_ = set.Test(nil)
			return
		}
		var faults rules.Faults
		if !errors.As(err, &faults) || len(faults) == 0 {
			t.Fatalf("error is %T: %v", err, err)
		}
		for _, fault := range faults {
			if fault.Line < 0 || fault.Line > strings.Count(norm(text), "\n")+1 || (fault.Source != "" && fault.Col > utf8.RuneCountInString(fault.Source)+1) {
				t.Errorf("%+v points nowhere", fault)
			}
		}
		if err := faults.Format(new(strings.Builder)); err != nil {
			t.Error(err)
		}
	})
}

// norm writes all line breaks as one.
func norm(text string) string {
	return strings.NewReplacer("\r\n", "\n", "\r", "\n", "\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(text)
}
