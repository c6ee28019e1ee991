package router_test

import (
	"errors"
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
