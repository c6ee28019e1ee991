package rules_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/rules"
)

// TestBytes covers files that a text archive cannot hold.
func TestBytes(t *testing.T) {
	deep := func(open string) string { return "version: 1\nx: " + strings.Repeat(open, 200_000) }
	for name, c := range map[string]struct{ data, want string }{
		"empty":                  {"", "r.yaml: the file is empty"},
		"blank":                  {" \n\t\n", "r.yaml: the file is empty"},
		"only a mark":            {"\ufeff", "r.yaml: the file is empty"},
		"NUL":                    {"version: 1\nsöurces\x00:", "r.yaml:2:8: control character U+0000 is not allowed"},
		"escape":                 {"version: 1 # \x1b[31m", "r.yaml:1:14: control character U+001B is not allowed"},
		"bad UTF-8":              {"version: 1\r\n# ü\xff", "r.yaml:2:4: the file is not UTF-8"},
		"UTF-16":                 {"\xff\xfev\x00e\x00", "r.yaml:1:1: the file is not UTF-8"},
		"byte order mark":        {"\ufeffversion: 2", "r.yaml:1:10: version must be 1"},
		"byte order mark inside": {"version: 1\n\ufeff", "r.yaml:2:1: control character U+FEFF is not allowed"},
		"CRLF":                   {"version: 1\r\nx: 1\r\n", "r.yaml:2:1: unknown key \"x\" in the file"},
		"CR":                     {"version: 1\rx: 1\r", "r.yaml:2:1: unknown key \"x\" in the file"},
		"too large":              {"version: 1\n#" + strings.Repeat("x", 16<<20), "r.yaml: the file is larger than 16 MiB"},
		"too many values":        {"version: 1\nx: [" + strings.Repeat("a,", 4<<20) + "]", "r.yaml: the file holds too many values"},
		"deep lists":             {deep("["), "r.yaml:2: yaml: exceeded max depth"},
		"deep mappings":          {deep("{a: "), "r.yaml:2: yaml: exceeded max depth"},
		"deep dashes":            {deep("- "), "r.yaml:"},
		"deep blocks":            {"version: 1\n" + deepBlocks(12_000), "r.yaml:"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := rules.Parse(rules.File{Name: "r.yaml", Data: []byte(c.data)}, rules.Options{})
			var faults rules.Faults
			if !errors.As(err, &faults) {
				t.Fatalf("error is %T: %v", err, err)
			}
			if got := faults[0].String(); !strings.HasPrefix(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func deepBlocks(depth int) string {
	var b strings.Builder
	for i := range depth {
		b.WriteString(strings.Repeat(" ", min(i, 3000)) + "a:\n")
	}
	return b.String()
}

// TestLineEndsDoNotMatter reads one file with each kind of line break, and with a byte order mark.
func TestLineEndsDoNotMatter(t *testing.T) {
	text := "version: 1\nsources: { s: { verify: none } }\nroutes:\n  - name: r\n    from: s\n    when: |\n      body.a ==\n        unknwn\n"
	for _, data := range []string{
		text, strings.ReplaceAll(text, "\n", "\r\n"), strings.ReplaceAll(text, "\n", "\r"), "\ufeff" + text,
	} {
		_, err := rules.Parse(rules.File{Name: "r.yaml", Data: []byte(data)}, rules.Options{PublicLoopback: true})
		var faults rules.Faults
		if !errors.As(err, &faults) || len(faults) != 1 || faults[0].Line != 8 || faults[0].Col != 9 {
			t.Errorf("%.20q: %v, want one fault at 8:9", data, err)
		}
	}
}

// TestManyFaults keeps the report on a broken file within bounds.
func TestManyFaults(t *testing.T) {
	data := []byte("version: 1\n" + strings.Repeat("x: 1\n", 20_000))
	_, err := rules.Parse(rules.File{Name: "r.yaml", Data: data}, rules.Options{})
	var faults rules.Faults
	if !errors.As(err, &faults) || len(faults) > 1001 {
		t.Fatalf("%d faults", len(faults))
	}
	var b bytes.Buffer
	if err := faults.Format(&b); err != nil || !strings.Contains(b.String(), "more faults") {
		t.Errorf("%v: %.200s", err, b.String())
	}
}
