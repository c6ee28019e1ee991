//go:build !linux

package journal

import "os"

const directFlag = 0

func datasync(f *os.File) error { return f.Sync() }

func diskSpace(string) (free, total int64) { return -1, -1 }

func allocate(f *os.File, size int64) error { return f.Truncate(size) }
