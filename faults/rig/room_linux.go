package rig

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// MemoryDisk mounts a small file system in memory over a server's data directory until the test ends; options are those
// of tmpfs. The server must not run yet.
func MemoryDisk(s *Server, options string) {
	s.T.Helper()
	NeedsRoot(s.T)
	if err := os.MkdirAll(s.Data(), 0o700); err != nil {
		s.T.Fatal(err)
	}
	if err := unix.Mount("tmpfs", s.Data(), "tmpfs", 0, options); err != nil {
		s.T.Fatalf("mount: %v", err)
	}
	s.T.Cleanup(func() {
		s.Kill()
		_ = unix.Unmount(s.Data(), unix.MNT_DETACH)
	})
}

// Occupy takes bytes of the disk that dir is on, as others do; the returned function gives them back.
func Occupy(t testing.TB, dir string, bytes int64) (leave func()) {
	t.Helper()
	name := filepath.Join(dir, "others")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := unix.Fallocate(int(f.Fd()), 0, 0, bytes); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := os.Remove(name); err != nil {
			t.Error(err)
		}
	}
}

// Hang lets every write and sync of the disk wait until the returned function is called.
func (d *Disk) Hang() (end func()) {
	t := d.server.T
	t.Helper()
	root, err := os.Open(d.server.Data())
	if err != nil {
		t.Fatal(err)
	}
	const freeze, thaw = 0xc0045877, 0xc0045878
	if err := unix.IoctlSetPointerInt(int(root.Fd()), freeze, 0); err != nil {
		t.Fatalf("freeze the file system: %v", err)
	}
	ended := false
	end = func() {
		if ended {
			return
		}
		ended = true
		if err := unix.IoctlSetPointerInt(int(root.Fd()), thaw, 0); err != nil {
			t.Errorf("thaw the file system: %v", err)
		}
		_ = root.Close()
	}
	t.Cleanup(end) // before the server is killed: a process that waits for a disk cannot be
	return end
}

// Fail makes the kernel find a fault in the file system, which must be an ext4.
func (d *Disk) Fail() {
	t := d.server.T
	t.Helper()
	device := filepath.Base(strings.TrimSpace(Run(t, "findmnt", "-no", "SOURCE", d.server.Data())))
	if err := os.WriteFile(filepath.Join("/sys/fs/ext4", device, "trigger_fs_error"), []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
}

// Repair checks the file system and mounts it anew; the server must not run.
func (d *Disk) Repair() {
	d.server.T.Helper()
	l := d.layers[len(d.layers)-1]
	unmount(d.server.T, l.dir)
	_ = exec.CommandContext(d.server.T.Context(), "fsck.ext4", "-p", l.image).Run() // 1 says that there was something to repair
	l.mount(d.server.T)
}

// Resident is how many bytes of memory the server has.
func (s *Server) Resident() int64 {
	s.T.Helper()
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", s.Pid()))
	if err != nil {
		s.T.Fatal(err)
	}
	var all, resident int64
	if _, err := fmt.Sscan(string(data), &all, &resident); err != nil {
		s.T.Fatal(err)
	}
	return resident * int64(os.Getpagesize())
}
