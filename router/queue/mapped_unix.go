//go:build unix

package queue

import "syscall"

// mapped is zero memory outside of the heap; nil when there is none.
func mapped(n int) []byte {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	return b
}

func unmap(b []byte) { _ = syscall.Munmap(b) } // of memory that is not mapped: it is the collector's
