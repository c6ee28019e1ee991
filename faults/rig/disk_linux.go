package rig

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Disk is a file system of its own for a server's data, in an image that is mounted over its data directory until the
// test ends. Its power can be cut.
type Disk struct {
	Image   string
	server  *Server
	options string
}

// Mount is how a Disk is made: a kind of file system, its size in MiB, and options of mount.
type Mount struct {
	Kind    string
	MiB     int64
	Options string
	Dir     string   // where the image is, the server's folder when empty
	Format  []string // options of mkfs
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
	mkfs := "mkfs." + m.Kind
	NeedsRoot(s.T, mkfs)
	if m.Dir == "" {
		m.Dir = s.Dir
	}
	d := &Disk{Image: filepath.Join(m.Dir, "image"), server: s, options: m.Options}
	if err := errors.Join(os.WriteFile(d.Image, nil, 0o600), os.Truncate(d.Image, m.MiB<<20), os.MkdirAll(s.Data(), 0o700)); err != nil {
		s.T.Fatal(err)
	}
	Run(s.T, mkfs, append(m.Format, "-q", d.Image)...)
	d.mount()
	s.T.Cleanup(func() {
		s.Kill()
		d.unmount()
	})
	return d
}

// Cut is a power cut: in one moment nothing runs any more and nothing reaches the disk. Then the power is back: the
// file system is mounted anew, with what was on the disk, and the server can be started.
func (d *Disk) Cut() {
	d.server.T.Helper()
	d.server.Freeze() // else an ack could leave after the power did
	root, err := os.Open(d.server.Data())
	if err != nil {
		d.server.T.Fatal(err)
	}
	const shutdown, noLogFlush = 0x8004587d, 2
	if err := unix.IoctlSetPointerInt(int(root.Fd()), shutdown, noLogFlush); err != nil {
		d.server.T.Fatalf("shut the file system down: %v", err)
	}
	_ = root.Close()
	d.server.Kill()
	d.unmount()
	d.mount()
}

// mount and unmount are tried for a while: what a killed process held open, and a loop device, go a little later.
func (d *Disk) mount() {
	d.server.T.Helper()
	Eventually(d.server.T, 10*time.Second, "mount "+d.Image, func() bool {
		options := strings.Trim("loop,"+d.options, ",")
		mount := exec.CommandContext(d.server.T.Context(), "mount", "-o", options, d.Image, d.server.Data())
		out, err := mount.CombinedOutput()
		if err != nil {
			d.server.T.Logf("mount: %v: %s", err, out)
		}
		return err == nil
	})
}

func (d *Disk) unmount() {
	d.server.T.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		err := unix.Unmount(d.server.Data(), 0)
		if err == nil {
			return
		}
		if time.Since(began) > 10*time.Second {
			d.server.T.Errorf("unmount: %v", err)
			_ = unix.Unmount(d.server.Data(), unix.MNT_DETACH)
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
