package router_test

import (
	"context"
	"os"
	"testing"

	"golang.org/x/sys/unix"
)

// TestReloadWithoutNotifications: a change that the kernel tells nobody of, as on many file systems of others, is found
// by looking at the content. What is written through a mapping of the file is such a change.
func TestReloadWithoutNotifications(t *testing.T) {
	t.Parallel()
	h := open(t, `
version: 1
sources: { in: { verify: none, body: text } }
destinations: { there: http://SINK/there }
routes:
  - { name: before, from: in, to: there }
`)
	f, err := os.OpenFile(h.file, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	mapped, err := unix.Mmap(int(f.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Munmap(mapped)
	for _, name := range []string{"behind", "before"} {
		at := len(mapped) - len("before, from: in, to: there }\n")
		copy(mapped[at:], name)
		h.eventually(live, name+" is live", func() bool {
			routes, err := h.api.Routes(context.Background())
			return err == nil && routes.Items[0].Name == name
		})
	}
}
