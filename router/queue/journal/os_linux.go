package journal

import (
	"os"

	"golang.org/x/sys/unix"
)

// directFlag opens a file for writes past the page cache.
const directFlag = unix.O_DIRECT

// datasync makes what was written to f durable.
func datasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); err != unix.EINTR {
			return err
		}
	}
}

// freeBytes says how much can still be written where dir is; -1 when that is unknown.
func freeBytes(dir string) int64 {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return -1
	}
	return int64(s.Bavail) * s.Bsize
}
