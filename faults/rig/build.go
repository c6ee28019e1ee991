// Package rig is what tests of the real command need: a binary, with bugs planted in it or not, a server that can be
// killed, senders and a ledger of what they were told. It holds no test; it is imported by tests only.
package rig

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// OverlayVariable names the environment variable with an overlay file that every binary is built with: so a test of the
// real command can be run, unchanged, against a planted bug.
const OverlayVariable = "HOOKROUTER_OVERLAY"

// builds are the binaries of this run, by what was planted in them.
var builds struct {
	sync.Mutex
	dir  string
	done map[string]string
}

// Main runs the tests of a package with one folder for the binaries that they build; its result is the exit code.
func Main(m interface{ Run() int }) int {
	dir, err := os.MkdirTemp("", "hookrouter-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	builds.dir = dir
	return m.Run()
}

// Build is how a program is made.
type Build struct {
	Main string // ./cmd/hookrouter when empty
	OS   string // the package, below the top, that takes the place of os in the code that stores things; none when empty
	Bugs []Bug  // planted in it by an overlay; nothing of the tree is touched
}

// Binary builds the command, once in a run.
func Binary(t testing.TB, bugs ...Bug) string {
	t.Helper()
	return Build{Bugs: bugs}.Binary(t)
}

// Binary builds the program, once in a run.
func (b Build) Binary(t testing.TB) string {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	key := fmt.Sprint(b)
	if path, ok := builds.done[key]; ok {
		return path
	}
	if b.Main == "" {
		b.Main = "./cmd/hookrouter"
	}
	path := filepath.Join(builds.dir, fmt.Sprintf("hookrouter-%d", len(builds.done)))
	cmd := exec.CommandContext(t.Context(), "go", "build", "-o", path, "-overlay", b.overlay(t, path), b.Main)
	cmd.Dir = Root(t)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build with %v: %v\n%s", b, err, out)
	}
	if builds.done == nil {
		builds.done = map[string]string{}
	}
	builds.done[key] = path
	return path
}

// Long reports whether the tests run at full size, as `make crash` does.
func Long() bool { return os.Getenv("HOOKROUTER_LONG") != "" }

// Root is the top of the checkout.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above this folder")
		}
		dir = filepath.Dir(dir)
	}
}

// Bug is a change of one place in one file that a test must notice. File is a path below the top of the checkout; Old
// is there exactly once.
type Bug struct {
	File string `yaml:"file"`
	Old  string `yaml:"old"`
	New  string `yaml:"new"`
}

// Overlay writes patched copies, whose names begin with prefix, and the file for `go build -overlay` that names them. A
// place that is not there exactly once fails the test: the code moved on, and the bug must move with it. What the
// environment's overlay patched already is patched further.
func Overlay(t testing.TB, prefix string, bugs ...Bug) string {
	t.Helper()
	return Build{Bugs: bugs}.overlay(t, prefix)
}

func (b Build) overlay(t testing.TB, prefix string) string {
	t.Helper()
	replace := inherited(t)
	for i, bug := range b.Bugs {
		file := filepath.Join(Root(t), bug.File)
		source := file
		if patched, ok := replace[file]; ok {
			source = patched
		}
		copied := fmt.Sprintf("%s-bug%d.go", prefix, i)
		if err := os.WriteFile(copied, []byte(bug.plant(t, source)), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[file] = copied
	}
	if b.OS != "" {
		swapOS(t, replace, prefix, b.OS)
	}
	data, err := json.Marshal(overlay{replace})
	if err != nil {
		t.Fatal(err)
	}
	name := prefix + "-overlay.json"
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// overlay is what `go build -overlay` reads: by file, the one to take in its place.
type overlay struct{ Replace map[string]string }

// inherited is the overlay of the environment.
func inherited(t testing.TB) map[string]string {
	t.Helper()
	all := overlay{map[string]string{}}
	if name := os.Getenv(OverlayVariable); name != "" {
		data, err := os.ReadFile(name)
		if err == nil {
			err = json.Unmarshal(data, &all)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.Replace
}

// plant returns the text of the file with the bug in it.
func (b Bug) plant(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(data), b.Old); n != 1 {
		t.Fatalf("planted bug in %s: the place is there %d times, want once:\n%s", b.File, n, b.Old)
	}
	return strings.Replace(string(data), b.Old, b.New, 1)
}
