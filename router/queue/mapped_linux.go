package queue

import "syscall"

// mapped is zero memory outside of the heap; nil when there is none.
func mapped(n int) []byte {
	b, err := syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	_ = syscall.Madvise(b, syscall.MADV_HUGEPAGE) // rows are looked for all over the place
	return b
}

func unmap(b []byte) { _ = syscall.Munmap(b) } // cannot fail for what was mapped
