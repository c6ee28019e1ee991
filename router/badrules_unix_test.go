//go:build unix

package router_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
)

// TestBadRulesNeverGoLive: whatever stands where the rules file should be, reading it ends soon, is refused in words, and
// the rules before it go on serving.
func TestBadRulesNeverGoLive(t *testing.T) {
	t.Parallel()
	h := open(t, openRules)
	good := h.status().Rules.Hash
	before := heap()
	tried := 0
	for name, lay := range h.badFiles() {
		tried++
		_ = os.RemoveAll(h.file)
		lay(h.file)
		err := h.reloadSoon(name)
		switch st := h.status(); {
		case err == nil:
			t.Errorf("%s went live", name)
		case st.Rules.OK || st.Rules.Hash != good || st.Rules.Error == "":
			t.Errorf("%s: %+v", name, st.Rules)
		}
		if tried%10 == 0 {
			h.accepts(name)
		}
	}
	if after := heap(); after > before+32<<20 {
		t.Errorf("%d MiB of heap, %d before", after>>20, before>>20)
	}
	if tried < 200 {
		t.Errorf("only %d files", tried)
	}
	_ = os.RemoveAll(h.file)
	h.write(h.rules(openRules))
	if err := h.Reload(); err != nil || !h.status().Rules.OK {
		t.Errorf("the good file: %v", err)
	}
}

// reloadSoon reads the rules now, which must end within 2 s.
func (h *house) reloadSoon(what string) error {
	h.t.Helper()
	done := make(chan error, 1)
	go func() { done <- h.Reload() }()
	select {
	case err := <-done:
		return err
	case <-time.After(2 * time.Second):
		// Who waits for somebody to write into a pipe must not wait until the end of all tests.
		if f, err := os.OpenFile(h.file, os.O_RDWR, 0); err == nil {
			_ = os.Remove(h.file)
			_ = f.Close()
		}
		h.t.Fatalf("%s: reading it does not end", what)
		return nil
	}
}

// badFiles are the broken files of package rules, and what else can stand under a name.
func (h *house) badFiles() map[string]func(string) {
	h.t.Helper()
	all := map[string]func(string){}
	text := func(name, text string) {
		all[name] = func(path string) { h.must(os.WriteFile(path, []byte(text), 0o600)) }
	}
	archives, err := filepath.Glob("../rules/testdata/golden/*.txtar")
	h.must(err)
	for _, path := range archives {
		ar, err := txtar.ParseFile(path)
		h.must(err)
		for _, f := range ar.Files {
			// Those that are right on loopback, and those whose faults are in included files, are left out.
			if strings.HasSuffix(f.Name, ".yaml") && !strings.ContainsAny(f.Name, "/") && !strings.HasPrefix(f.Name, "public-") && filepath.Base(path) != "include.txtar" {
				clean := strings.NewReplacer("»", "", "▸", "").Replace(string(f.Data))
				text(filepath.Base(path)+"/"+f.Name, clean)
			}
		}
	}
	text("nothing", "")
	text("NUL", "version: 1\x00\n")
	text("bad UTF-8", "version: \xff\n")
	text("UTF-16", "\xff\xfev\x00e\x00r\x00")
	text("a fault behind a byte order mark", "\ufeffversion: 2\n")
	text("a fault behind CRLF", "version: 1\r\nsource: {}\r\n")
	text("aliases of aliases", "version: 1\na: &a [x,x,x,x,x,x,x,x,x]\n"+aliases())
	text("200,000 levels", "version: 1\nroutes: "+strings.Repeat("[", 200_000)+"\n")
	text("200,000 levels of blocks", "version: 1\nroutes:\n"+strings.Repeat("- ", 200_000)+"\n")
	text("17 MiB", "version: 1\n#"+strings.Repeat("x", 17<<20))
	text("7 million values", "version: 1\nx: ["+strings.Repeat("0,", 7<<20)+"]")
	text("includes itself", "version: 1\ninclude: rules.yaml\n")
	text("includes what is not there", "version: 1\ninclude: [teams/a.yaml]\n")
	all["gone"] = func(string) {}
	all["a directory"] = func(path string) { h.must(os.Mkdir(path, 0o700)) }
	all["a pipe"] = func(path string) { h.must(syscall.Mkfifo(path, 0o600)) }
	all["/dev/zero"] = func(path string) { h.must(os.Symlink("/dev/zero", path)) }
	all["a link to itself"] = func(path string) { h.must(os.Symlink(path, path)) }
	return all
}

func aliases() string {
	var b bytes.Buffer
	for c := 'b'; c <= 'i'; c++ {
		fmt.Fprintf(&b, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c-1, c-1, c-1, c-1, c-1, c-1)
	}
	return b.String()
}
