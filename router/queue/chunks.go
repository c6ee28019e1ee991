package queue

import "unsafe"

// ref names a row or an entry of the dedupe filter; 0 is none. A freed ref is used again.
type ref uint32

const (
	chunkLen = 4096
	// heapChunks are the first ones. All others lie outside of the heap: the collector lets a heap grow to twice what
	// is in it, and a million rows must not make it wait for so much garbage.
	heapChunks = 4
	mapChunks  = 32 // made at once outside
)

// chunks is an array that grows without being moved. T holds no pointers.
type chunks[T any] struct {
	all    []*[chunkLen]T
	used   int // ever handed out
	mapped [][]byte
}

// at is only valid until what it points to is freed.
func (c *chunks[T]) at(r ref) *T { return &c.all[(r-1)/chunkLen][(r-1)%chunkLen] }

// next hands out a zero one that was never used.
func (c *chunks[T]) next() ref {
	c.reserve(c.used + 1)
	c.used++
	return ref(c.used)
}

// reserve makes room for n in all.
func (c *chunks[T]) reserve(n int) {
	for len(c.all)*chunkLen < n {
		if len(c.all) < heapChunks || !c.mapMore() {
			c.all = append(c.all, new([chunkLen]T))
		}
	}
}

// mapMore makes chunks outside of the heap; false when there is nothing.
func (c *chunks[T]) mapMore() bool {
	size := unsafe.Sizeof([chunkLen]T{})
	b := mapped(mapChunks * int(size))
	if b == nil {
		return false
	}
	c.mapped = append(c.mapped, b)
	for i := range uintptr(mapChunks) {
		c.all = append(c.all, (*[chunkLen]T)(unsafe.Pointer(&b[i*size])))
	}
	return true
}

// free gives back what lies outside of the heap. Nothing may be used afterwards.
func (c *chunks[T]) free() {
	for _, b := range c.mapped {
		unmap(b)
	}
	c.all, c.mapped = nil, nil
}
