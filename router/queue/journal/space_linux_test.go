package journal

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hookrouter/hookrouter/router/queue"
)

// smallDisk mounts a file system in memory of so many bytes.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	switch err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); {
	case errors.Is(err, unix.EPERM):
		t.Skip("NOT RUN: only root can mount a disk that fills up")
	case err != nil:
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
	return dir
}

// occupy takes room on the disk of dir so that left bytes stay free; the returned function makes room again.
func occupy(t *testing.T, dir string, left int64) (leave func()) {
	t.Helper()
	f, err := os.CreateTemp(dir, "others")
	if err != nil {
		t.Fatal(err)
	}
	name := f.Name()
	defer func() { _ = f.Close() }()
	within(t, "the room of others", func() bool { // a segment may be in the making
		free, _ := diskSpace(dir)
		return free <= left || allocate(f, free-left) == nil
	})
	return func() {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
}

func openSmall(t *testing.T, disk string) *Log {
	t.Helper()
	l, err := Open(filepath.Join(disk, "journal"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// within waits until yes for at most five seconds: so long may a change on the disk go unnoticed.
func within(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !yes(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 5 s: %s", what)
		}
	}
}

// TestFullDisk: a disk that fills up is said to be full while there is still room, the room that was kept back lets
// appends go on, and when others make room all is as before, without an append and without a restart.
func TestFullDisk(t *testing.T) {
	disk := smallDisk(t, "32m")
	leave := occupy(t, disk, 16<<20)
	l := openSmall(t, disk)
	if h := l.Health(); h.Full != nil || l.segmentSize != 1<<20 || l.space.ballast != 4<<20 {
		t.Fatalf("health %+v, segments of %d, %d kept back", h, l.segmentSize, l.space.ballast)
	}
	var all []queue.Entry
	put := func() { all = append(all, appendTest(t, l, string(make([]byte, 100<<10)))) }
	for l.Health().Full == nil {
		put()
	}
	if _, err := os.Stat(l.space.path()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the ballast is not given back: %v", err)
	}
	for range 30 { // of the four MiB that were kept back
		put()
	}
	if h := l.Health(); h.Refusing != nil || h.Full == nil || h.Short < l.space.ballast/2 {
		t.Errorf("health %+v", h)
	}
	leave()
	within(t, "room again", func() bool { return l.Health().Full == nil })
	if info, err := os.Stat(l.space.path()); err != nil || info.Size() != l.space.ballast {
		t.Errorf("the ballast is not taken again: %v", err)
	}
	put()
	checkEntries(t, l, all)
}

// TestFullDiskOfOthers: when others take even the room that was kept back, appends fail until there is room; then they
// go on although nobody asked for it, and nothing that was appended is lost. A start on a full disk finds it full.
func TestFullDiskOfOthers(t *testing.T) {
	disk := smallDisk(t, "32m")
	l := openSmall(t, disk)
	want := []queue.Entry{appendTest(t, l, "first")}
	leave := occupy(t, disk, 0)
	within(t, "full", func() bool { return l.Health().Full != nil })
	more := make([]byte, 4<<20)
	if f, err := os.Create(filepath.Join(disk, "more")); err == nil {
		_, _ = f.Write(more) // as far as it goes
		_ = f.Close()
	}
	fat := make([]byte, 100<<10)
	for {
		p, err := l.Append(t.Context(), fat)
		if err != nil {
			break
		}
		want = append(want, queue.Entry{Pos: p, Record: fat})
	}
	if h := l.Health(); h.Refusing == nil || !errors.Is(h.Trouble(), unix.ENOSPC) {
		t.Errorf("health %+v", h)
	}
	checkEntries(t, l, want)
	leave()
	within(t, "room again", func() bool { return l.Health().Trouble() == nil })
	leave = occupy(t, disk, 0)
	within(t, "full again", func() bool { return l.Health().Full != nil })
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	leaveMore := occupy(t, disk, 0)
	l = openSmall(t, disk)
	if h := l.Health(); h.Full == nil {
		t.Errorf("after a start: health %+v", h)
	}
	checkEntries(t, l, want)
	leave()
	leaveMore()
	within(t, "room again", func() bool { return l.Health().Trouble() == nil })
	checkEntries(t, l, append(want, appendTest(t, l, "last")))
}

// TestMarks: a small disk gets small segments, and no disk has to give more than a few large ones.
func TestMarks(t *testing.T) {
	for total, want := range map[int64][4]int64{ // segment, ballast, hard, soft
		-1:       {64 << 20, 0, 0, 0},
		8 << 20:  {256 << 10, 1 << 20, 256 << 10, 2 << 20},
		64 << 20: {2 << 20, 8 << 20, 2 << 20, 16 << 20},
		1 << 30:  {32 << 20, 128 << 20, 32 << 20, 256 << 20},
		10 << 40: {64 << 20, 256 << 20, 64 << 20, 512 << 20},
	} {
		segment := segmentFor(total)
		m := marksFor(total, segment)
		if got := [4]int64{segment, m.ballast, m.hard, m.soft}; got != want {
			t.Errorf("disk of %d: %v, want %v", total, got, want)
		}
	}
}
