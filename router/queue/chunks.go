package queue

import "unsafe"

// ref names a row or an entry of the dedupe filter; 0 is none. A freed ref is used again.
type ref uint32

const (
	chunkLen = 4096
	// heapChunks are the first ones. All others lie outside of the heap: the collector lets a heap grow to twice what
	// is in it, and a million rows must not make it wait for so much garbage.
	heapChunks = 4
)

// chunks is an array that grows without being moved. T holds no pointers.
type chunks[T any] struct {
	all  []*[chunkLen]T
	used int // ever handed out
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
		c.all = append(c.all, c.chunk())
	}
}

func (c *chunks[T]) chunk() *[chunkLen]T {
	if len(c.all) >= heapChunks {
		if b := mapped(int(unsafe.Sizeof([chunkLen]T{}))); b != nil {
			return (*[chunkLen]T)(unsafe.Pointer(unsafe.SliceData(b)))
		}
	}
	return new([chunkLen]T)
}

// free gives back what lies outside of the heap. Nothing may be used afterwards.
func (c *chunks[T]) free() {
	for i := heapChunks; i < len(c.all); i++ {
		unmap(unsafe.Slice((*byte)(unsafe.Pointer(c.all[i])), unsafe.Sizeof([chunkLen]T{})))
	}
	c.all = nil
}
