package journal

import (
	"errors"
	"io"
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

// diskSpace says how many bytes can still be written where dir is, and how many its file system has; -1 when that is
// unknown.
func diskSpace(dir string) (free, total int64) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return -1, -1
	}
	return int64(s.Bavail) * s.Bsize, int64(s.Blocks) * s.Bsize
}

// zeros is an endless reader.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// allocate gives an empty file blocks that nobody else can take. Where the file system cannot do that it is filled.
func allocate(f *os.File, size int64) (err error) {
	for err = unix.EINTR; errors.Is(err, unix.EINTR); {
		err = unix.Fallocate(int(f.Fd()), 0, 0, size)
	}
	if errors.Is(err, unix.EOPNOTSUPP) {
		_, err = io.CopyN(f, zeros{}, size)
	}
	return err
}
