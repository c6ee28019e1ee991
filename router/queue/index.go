package queue

import (
	"encoding/binary"
	"slices"
	"unsafe"
)

const (
	indexParts = 256
	minPart    = 16      // slots
	hallPart   = 1 << 10 // slots of a part from which on parts live in halls
)

// index finds refs by 16 random bytes: open addressing, in parts that grow one at a time, so that nothing ever waits
// for a million to be moved.
type index struct {
	parts [indexParts]indexPart
	key   func(ref) *[16]byte
	halls []*hall
}

// indexPart has a tag beside each ref, most of which tell without a look at the key, which is far away in memory, that
// it is another one.
type indexPart struct {
	slots []ref   // at most 7/8 full
	tags  []uint8 // 0: no ref
	count int
	hall  *hall // nil: the part is on the heap
}

// hall is memory outside of the heap for all parts of one size.
type hall struct {
	size   int // of a part
	parts  int // that live in it
	memory []byte
}

// spot says where a key belongs: its part, where in it to begin, and its tag.
func spot(key *[16]byte) (part, home uint32, tag uint8) {
	h := binary.LittleEndian.Uint64(key[8:]) ^ binary.LittleEndian.Uint64(key[:8])
	h *= 0x9e3779b97f4a7c15 // spreads ids that were not made at random
	return uint32(h >> 56), uint32(h >> 24), uint8(h>>16) | 1
}

// at is the slot to begin with.
func (p *indexPart) at(home uint32) int { return int(uint64(home) * uint64(len(p.slots)) >> 32) }

// after is the slot behind i; the first one follows the last.
func (p *indexPart) after(i int) int {
	if i++; i < len(p.slots) {
		return i
	}
	return 0
}

// find is 0 when nothing has the key.
func (x *index) find(key *[16]byte) ref {
	part, home, tag := spot(key)
	p := &x.parts[part]
	if p.count == 0 {
		return 0
	}
	for i := p.at(home); ; i = p.after(i) {
		switch p.tags[i] {
		case 0:
			return 0
		case tag:
			if r := p.slots[i]; *x.key(r) == *key {
				return r
			}
		}
	}
}

// enter adds r, whose key is not in the index.
func (x *index) enter(r ref) {
	part, home, tag := spot(x.key(r))
	p := &x.parts[part]
	if p.count++; 8*p.count > 7*len(p.slots) {
		x.grow(part, max(minPart, len(p.slots)/4*5))
	}
	p.put(r, home, tag)
}

func (p *indexPart) put(r ref, home uint32, tag uint8) {
	i := p.at(home)
	for p.tags[i] != 0 {
		i = p.after(i)
	}
	p.slots[i], p.tags[i] = r, tag
}

// grow moves a part to so many slots, a multiple of 4.
func (x *index) grow(part uint32, size int) {
	p := &x.parts[part]
	old, left := p.slots, p.hall
	x.make(part, size)
	for _, r := range old {
		if r != 0 {
			_, home, tag := spot(x.key(r))
			p.put(r, home, tag)
		}
	}
	if left != nil {
		x.leaveHall(left)
	}
}

func (x *index) make(part uint32, size int) {
	p := &x.parts[part]
	if p.hall = x.hall(size); p.hall == nil {
		p.slots, p.tags = make([]ref, size), make([]uint8, size)
		return
	}
	p.hall.parts++
	b := p.hall.memory[int(part)*5*size:][:5*size]
	p.slots, p.tags = unsafe.Slice((*ref)(unsafe.Pointer(&b[0])), size), b[4*size:]
}

// hall finds or makes the one for parts of a size; nil when they are small or there is no memory outside of the heap.
func (x *index) hall(size int) *hall {
	if size < hallPart {
		return nil
	}
	for _, m := range x.halls {
		if m.size == size {
			return m
		}
	}
	b := mapped(indexParts * 5 * size)
	if b == nil {
		return nil
	}
	m := &hall{size: size, memory: b}
	x.halls = append(x.halls, m)
	return m
}

// leaveHall gives back the memory when the last part has left.
func (x *index) leaveHall(m *hall) {
	if m.parts--; m.parts == 0 {
		x.halls = slices.DeleteFunc(x.halls, func(other *hall) bool { return other == m })
		unmap(m.memory)
	}
}

// reserve makes room for n in all, in an empty index.
func (x *index) reserve(n int) {
	size := (n/indexParts + n/indexParts/3 + minPart) / 4 * 4
	for i := range x.parts {
		x.grow(uint32(i), size)
	}
}

func (x *index) free() {
	for _, m := range x.halls {
		unmap(m.memory)
	}
	x.halls, x.parts = nil, [indexParts]indexPart{}
}

// leave closes the gap by moving back what stands behind its home.
func (x *index) leave(r ref) {
	part, home, _ := spot(x.key(r))
	p := &x.parts[part]
	p.count--
	i := p.at(home)
	for p.slots[i] != r {
		i = p.after(i)
	}
	for j := p.after(i); p.tags[j] != 0; j = p.after(j) {
		_, home, tag := spot(x.key(p.slots[j]))
		if p.from(p.at(home), j) >= p.from(i, j) {
			p.slots[i], p.tags[i] = p.slots[j], tag
			i = j
		}
	}
	p.slots[i], p.tags[i] = 0, 0
}

// from is the way from slot i on to slot j.
func (p *indexPart) from(i, j int) int {
	if i <= j {
		return j - i
	}
	return j - i + len(p.slots)
}
