package rig

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strconv"

	"golang.org/x/sys/unix"
)

// Thin is a Disk on a device that promises more than it has. When the device is full, writes that the kernel took are
// lost: one sync says so, the next one succeeds.
type Thin struct {
	*Disk
	ballast string
}

const thinBlock = 4096 // a page, so that no extent begins in the middle of one

// NewThin makes a disk of so many MiB, all of which are there at first; the server must not run yet.
func NewThin(s *Server, mib int64) *Thin {
	s.T.Helper()
	NeedsRoot(s.T)
	pool := newPool(s, mib)
	th := &Thin{Disk: &Disk{server: s}, ballast: filepath.Join(pool, "ballast")}
	small := []string{"-b", strconv.Itoa(thinBlock), "-g", "256", "-O", "^flex_bg"} // extents of less than 1 MiB
	th.format(pool, s.Data(), Mount{Kind: "ext4", MiB: mib, Format: small})
	th.image(func(f *os.File) error { return unix.Fallocate(int(f.Fd()), 0, 0, mib<<20) })
	return th
}

// FillUp takes the device's room away, and of the files, whose rest is zeros, the extents that begin at an offset or
// behind it. Not less: a loop device takes a write that fails halfway for one that succeeded.
func (th *Thin) FillUp(from int64, files ...string) {
	th.server.T.Helper()
	th.server.Freeze()
	Run(th.server.T, "sync", "-f", th.server.Data())
	for _, file := range files {
		for _, e := range th.extents(file) {
			if e.logical >= from {
				const punch = unix.FALLOC_FL_PUNCH_HOLE | unix.FALLOC_FL_KEEP_SIZE
				th.image(func(f *os.File) error { return unix.Fallocate(int(f.Fd()), punch, e.physical, e.length) })
			}
		}
	}
	if err := fillUp(th.ballast); !errors.Is(err, unix.ENOSPC) {
		th.server.T.Fatalf("ballast: %v", err)
	}
	th.server.Thaw()
}

// Grow gives the device its room back.
func (th *Thin) Grow() {
	th.server.T.Helper()
	if err := os.Remove(th.ballast); err != nil {
		th.server.T.Fatal(err)
	}
}

func (th *Thin) image(do func(*os.File) error) {
	th.server.T.Helper()
	f, err := os.OpenFile(th.layers[0].image, os.O_RDWR, 0)
	if err == nil {
		err = errors.Join(do(f), f.Close())
	}
	if err != nil {
		th.server.T.Fatal(err)
	}
}

func fillUp(name string) error {
	f, err := os.Create(name)
	for b := make([]byte, 1<<20); err == nil; {
		_, err = f.Write(b)
	}
	return errors.Join(err, f.Close())
}

// extent says where on the device a part of a file is, in bytes.
type extent struct{ logical, physical, length int64 }

var extentLine = regexp.MustCompile(`(?m)^ *\d+: +(\d+)\.\. +(\d+): +(\d+)\.\.`)

func (th *Thin) extents(file string) (all []extent) {
	th.server.T.Helper()
	printed := Run(th.server.T, "filefrag", "-e", "-b"+strconv.Itoa(thinBlock), file)
	for _, m := range extentLine.FindAllStringSubmatch(printed, -1) {
		var n [3]int64
		for i := range n {
			n[i], _ = strconv.ParseInt(m[1+i], 10, 64) // the pattern has digits only
		}
		all = append(all, extent{n[0] * thinBlock, n[2] * thinBlock, (n[1] - n[0] + 1) * thinBlock})
	}
	return all
}
