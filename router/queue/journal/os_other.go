//go:build !linux

package journal

import "os"

const directFlag = 0

func datasync(f *os.File) error { return f.Sync() }

func freeBytes(string) int64 { return -1 }
