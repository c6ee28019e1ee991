package rig

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Disk is a file system of its own for a server's data, mounted over its data directory until the test ends. Its power
// can be cut. What is written to it lies in the cache of the device until it is flushed: the device is a file in a second
// file system, which a power cut ends at the same moment.
type Disk struct {
	server *Server
	layers []layer // the data last
}

// layer is a file system in an image.
type layer struct{ image, dir, options string }

// Mount is how a Disk is made: a kind of file system, its size in MiB, options of mount and of mkfs.
type Mount struct {
	Kind    string
	MiB     int64
	Options string
	Format  []string
}

// NeedsRoot leaves a test out where the system does not let this user mount or trace. Root must be able to: a gate
// that runs as root never leaves anything out.
func NeedsRoot(t testing.TB, tools ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skipf("NOT RUN: %s shows nothing here, it needs root", t.Name())
	}
	for _, tool := range tools {
		if _, err := exec.LookPath(tool); err != nil {
			t.Fatalf("%s is needed: %v", tool, err)
		}
	}
}

// NewDisk makes a file system and mounts it; the server must not run yet.
func NewDisk(s *Server, m Mount) *Disk {
	s.T.Helper()
	NeedsRoot(s.T)
	pool := newPool(s, m.MiB*5/4+16) // what grows in memory disturbs no one
	d := &Disk{server: s}
	d.format(pool, filepath.Join(s.Dir, "device"), Mount{Kind: "ext4", MiB: m.MiB*5/4 + 16, Options: "commit=1000"})
	d.format(d.layers[0].dir, s.Data(), m)
	Run(s.T, "sync", "-f", d.layers[0].dir)
	return d
}

// newPool is room in memory.
func newPool(s *Server, mib int64) (dir string) {
	s.T.Helper()
	dir = filepath.Join(s.Dir, "pool")
	err := os.Mkdir(dir, 0o700)
	if err == nil {
		err = unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm", mib))
	}
	if err != nil {
		s.T.Fatal(err)
	}
	s.T.Cleanup(func() { unmount(s.T, dir) })
	return dir
}

// format makes an image and mounts it.
func (d *Disk) format(from, dir string, m Mount) {
	d.server.T.Helper()
	l := layer{image: filepath.Join(from, "image"), dir: dir, options: m.Options}
	err := errors.Join(os.WriteFile(l.image, nil, 0o600), os.Truncate(l.image, m.MiB<<20), os.MkdirAll(dir, 0o700))
	if err != nil {
		d.server.T.Fatal(err)
	}
	mkfs := "mkfs." + m.Kind
	NeedsRoot(d.server.T, mkfs)
	Run(d.server.T, mkfs, append(m.Format, "-q", l.image)...)
	l.mount(d.server.T)
	d.layers = append(d.layers, l)
	d.server.T.Cleanup(func() {
		d.server.Kill()
		unmount(d.server.T, dir)
	})
}

// Cut is a power cut: in one moment nothing runs any more, nothing reaches the disk, and its cache is gone. Then the
// power is back: the file system is mounted anew and the server can be started.
func (d *Disk) Cut() {
	d.server.T.Helper()
	d.server.Freeze() // else an ack could leave after the power did
	for _, l := range d.layers {
		l.shutDown(d.server.T)
	}
	d.server.Kill()
	for _, l := range slices.Backward(d.layers) {
		unmount(d.server.T, l.dir)
	}
	for _, l := range d.layers {
		l.mount(d.server.T)
	}
}

// Empty removes all data, for good; the server must not run.
func (d *Disk) Empty() {
	d.server.T.Helper()
	dir := d.layers[len(d.layers)-1].dir
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
	}
	if err != nil {
		d.server.T.Fatal(err)
	}
	for _, l := range slices.Backward(d.layers) {
		Run(d.server.T, "sync", "-f", l.dir)
	}
}

// shutDown ends the file system: nothing of it reaches the image any more, its own journal neither.
func (l layer) shutDown(t testing.TB) {
	t.Helper()
	const shutdown, noLogFlush = 0x8004587d, 2
	root, err := os.Open(l.dir)
	if err == nil {
		err = errors.Join(unix.IoctlSetPointerInt(int(root.Fd()), shutdown, noLogFlush), root.Close())
	}
	if err != nil {
		t.Fatalf("shut %s down: %v", l.dir, err)
	}
}

// mount and unmount are tried for a while: what a killed process held open, and a loop device, go a little later.
func (l layer) mount(t testing.TB) {
	t.Helper()
	Eventually(t, 10*time.Second, "mount "+l.image, func() bool {
		options := strings.Trim("loop,"+l.options, ",")
		out, err := exec.CommandContext(t.Context(), "mount", "-o", options, l.image, l.dir).CombinedOutput()
		if err != nil {
			t.Logf("mount: %v: %s", err, out)
		}
		return err == nil
	})
}

func unmount(t testing.TB, dir string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		err := unix.Unmount(dir, 0)
		if err == nil {
			return
		}
		if time.Since(began) > 10*time.Second {
			t.Errorf("unmount %s: %v", dir, err)
			_ = unix.Unmount(dir, unix.MNT_DETACH)
			return
		}
	}
}

// Run runs a tool that must succeed and gives what it printed.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// Freeze stops every thread of the server where it is.
func (s *Server) Freeze() {
	s.T.Helper()
	pid := s.Pid()
	if err := unix.Kill(pid, unix.SIGSTOP); err != nil {
		s.T.Fatal(err)
	}
	Eventually(s.T, 20*time.Second, "every thread stands still", func() bool { return still(pid) })
}

// Stands reports whether every thread of the server is stopped.
func (s *Server) Stands() bool { return still(s.Pid()) }

// Thaw lets a frozen server run on.
func (s *Server) Thaw() {
	s.T.Helper()
	if err := unix.Kill(s.Pid(), unix.SIGCONT); err != nil {
		s.T.Fatal(err)
	}
}

// Pid is that of the server itself, also below a command that wraps it.
func (s *Server) Pid() int {
	pid := s.Process.Process.Pid
	for range s.Wrap {
		var child int
		data, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", pid))
		if n, _ := fmt.Sscan(string(data), &child); err != nil || n == 0 {
			break
		}
		pid = child
	}
	return pid
}

// still reports whether all threads of a process are stopped.
func still(pid int) bool {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil || len(tasks) == 0 {
		return false
	}
	for _, task := range tasks {
		data, err := os.ReadFile(task)
		if err != nil {
			continue // the thread ended
		}
		_, after, _ := strings.Cut(string(data), ") ")
		if !strings.HasPrefix(after, "T") && !strings.HasPrefix(after, "t") {
			return false
		}
	}
	return true
}
