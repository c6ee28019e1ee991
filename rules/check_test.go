package rules_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/hookrouter/hookrouter/rules"
)

var update = flag.Bool("update", false, "write what the cases of testdata/check give as what they want; then read the difference")

// TestCheck runs testdata/check: pairs of NAME.yaml and NAME.want, the faults or warnings as `check` prints them. A pair
// whose name begins with public- is parsed as for a public listener.
func TestCheck(t *testing.T) {
	cases := 0
	files, err := filepath.Glob("testdata/check/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range files {
		ar, err := txtar.ParseFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(ar.Files); i += 2 {
			name, is := strings.CutSuffix(ar.Files[i].Name, ".yaml")
			if !is || ar.Files[i+1].Name != name+".want" {
				t.Fatalf("%s: %s is not followed by its .want", path, ar.Files[i].Name)
			}
			cases++
			t.Run(filepath.Base(path)+"/"+name, func(t *testing.T) {
				got := check(t, ar.Files[i].Data, !strings.HasPrefix(name, "public-"))
				if strings.Contains(got, "canary") {
					t.Errorf("a secret is shown:\n%s", got)
				}
				if want := string(ar.Files[i+1].Data); got != want && !*update {
					t.Errorf("got:\n%s\nwant:\n%s", got, want)
				}
				ar.Files[i+1].Data = []byte(got)
			})
		}
		if *update {
			if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if cases < 60 {
		t.Errorf("only %d cases", cases)
	}
}

// check gives what a person reads of a file: its faults, or its warnings, or ok.
func check(t *testing.T, data []byte, loopback bool) string {
	t.Helper()
	set, err := rules.Parse(rules.File{Name: "r.yaml", Data: data}, rules.Options{
		Env: env, ReadFile: readFile, PublicLoopback: loopback,
	})
	var b strings.Builder
	var faults rules.Faults
	switch {
	case errors.As(err, &faults):
		_ = faults.Format(&b)
	case err != nil:
		t.Fatalf("error is %T: %v", err, err)
	case len(set.Warnings()) == 0:
		b.WriteString("ok\n")
	default:
		_ = rules.Faults(set.Warnings()).Format(&b)
	}
	return b.String()
}

// The world that the cases see. Each value that is a secret holds the word canary, which no case may print.
var variables = map[string]string{
	"SECRET": "canary-secret-of-32-characters-x", "OTHER": "canary-other-of-32-characters-xx", "SHORT": "canary", "EMPTY": "",
	"BLANK": "  ", "LITERAL": "${SECRET}", "EXAMPLE": "example-canary-secret", "TOKEN": "canary-token-of-32-characters-xx",
	"URL": "http://canary-host:8080/canary", "BADURL": "ftp://canary-host/canary", "DURATION": "canary-duration",
	"SHORTKEY": "Y2FuYXJ5", "SHORTWHSEC": "whsec_Y2FuYXJ5", "EXPR": "$(canary)", "LINES": "canary\nline", "PORT": "8080",
}

var valueFiles = map[string]string{
	"/secret": "canary-file-of-32-characters-xxx\n", "/newline": "\n", "/empty": "", "/binary": "canary\xff",
	"/literal": "${SECRET}\n", "/big": strings.Repeat("canary", 1<<18),
}

func env(name string) (string, bool) { v, ok := variables[name]; return v, ok }

func readFile(path string) ([]byte, error) {
	if v, ok := valueFiles[path]; ok {
		return []byte(v), nil
	}
	return nil, &os.PathError{Op: "open", Path: path, Err: os.ErrNotExist}
}
