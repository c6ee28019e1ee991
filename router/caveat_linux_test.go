package router_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// TestDataInMemoryIsSaid: at the start, in the log and in the status.
func TestDataInMemoryIsSaid(t *testing.T) {
	h := prepare(t)
	switch err := unix.Mount("tmpfs", h.dir, "tmpfs", 0, "size=64m"); {
	case errors.Is(err, unix.EPERM):
		t.Skip("NOT RUN: only root can mount a file system in memory")
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(h.dir, unix.MNT_DETACH) })
	h.write(h.rules(openRules))
	h.run()
	const want = "is in memory (tmpfs): what was acknowledged is gone when the machine restarts"
	if s := h.status(); !strings.Contains(s.Log.Caveat, want) || !s.Ready {
		t.Errorf("status %+v", s.Log)
	}
	if n := strings.Count(h.logs.text(), want); n != 1 {
		t.Errorf("said %d times in the log", n)
	}
}

// TestRulesMountedAlone: a file that can change without anybody seeing it is said at the start; one in a directory that
// is mounted is none, and neither is a link to such a one.
func TestRulesMountedAlone(t *testing.T) {
	h := prepare(t)
	bind := func(from, to string) {
		t.Helper()
		switch err := unix.Mount(from, to, "", unix.MS_BIND, ""); {
		case errors.Is(err, unix.EPERM):
			t.Skip("NOT RUN: only root can mount")
		case err != nil:
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(to, unix.MNT_DETACH) })
	}
	outside, inside, link := t.TempDir(), t.TempDir(), filepath.Join(h.dir, "link.yaml")
	for _, name := range []string{filepath.Join(outside, "rules.yaml"), h.file} {
		if err := os.WriteFile(name, []byte(h.rules(openRules)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bind(outside, inside)
	if err := os.Symlink(filepath.Join(inside, "rules.yaml"), link); err != nil {
		t.Fatal(err)
	}
	said := func(file string) bool {
		before := strings.Count(h.logs.text(), "a mount of its own")
		o := h.options()
		o.RulesFile, o.Data = file, t.TempDir()
		_, stop := h.start(o)
		stop()
		return strings.Count(h.logs.text(), "a mount of its own") > before
	}
	for _, file := range []string{h.file, filepath.Join(inside, "rules.yaml"), link} {
		if said(file) {
			t.Errorf("%s: said of a file that is no mount", file)
		}
	}
	bind(filepath.Join(outside, "rules.yaml"), h.file)
	if !said(h.file) {
		t.Error("a file that is mounted alone is not said")
	}
}
