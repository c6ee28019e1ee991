//go:build !linux

package queue

// mapped says that there is no memory outside of the heap.
func mapped(int) []byte { return nil }

func unmap([]byte) {}
