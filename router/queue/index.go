package queue

import "encoding/binary"

const (
	indexParts = 256
	minPart    = 8 // slots
)

// index finds refs by 16 random bytes: open addressing, in parts that grow one at a time, so that nothing ever waits
// for a million to be moved.
type index struct {
	parts [indexParts]indexPart
	key   func(ref) *[16]byte
}

// indexPart has a tag beside each ref, most of which tell without a look at the key, which is far away in memory, that
// it is another one.
type indexPart struct {
	slots []ref // a power of two, at most 3/4 full
	tags  []uint8
	count int
}

// spot says where a key belongs: its part, where to look first, and its tag, which is not 0.
func spot(key *[16]byte) (part, home uint32, tag uint8) {
	h := binary.LittleEndian.Uint64(key[8:]) ^ binary.LittleEndian.Uint64(key[:8])
	h *= 0x9e3779b97f4a7c15 // spreads ids that were not made at random
	return uint32(h >> 56), uint32(h >> 24), uint8(h>>16) | 1
}

// find is 0 when nothing has the key.
func (x *index) find(key *[16]byte) ref {
	part, i, tag := spot(key)
	p := &x.parts[part]
	if len(p.slots) == 0 {
		return 0
	}
	for mask := uint32(len(p.slots) - 1); ; i++ {
		switch p.tags[i&mask] {
		case 0:
			return 0
		case tag:
			if r := p.slots[i&mask]; *x.key(r) == *key {
				return r
			}
		}
	}
}

// enter adds r, whose key is not in the index.
func (x *index) enter(r ref) {
	part, home, tag := spot(x.key(r))
	p := &x.parts[part]
	if p.count++; 4*p.count > 3*len(p.slots) {
		x.grow(p, max(minPart, 2*len(p.slots)))
	}
	p.put(r, home, tag)
}

func (p *indexPart) put(r ref, home uint32, tag uint8) {
	mask := uint32(len(p.slots) - 1)
	i := home & mask
	for p.tags[i] != 0 {
		i = (i + 1) & mask
	}
	p.slots[i], p.tags[i] = r, tag
}

func (x *index) grow(p *indexPart, size int) {
	old := p.slots
	p.slots, p.tags = make([]ref, size), make([]uint8, size)
	for _, r := range old {
		if r != 0 {
			_, home, tag := spot(x.key(r))
			p.put(r, home, tag)
		}
	}
}

// reserve makes room for n in all, in an empty index.
func (x *index) reserve(n int) {
	size := minPart
	for 3*size*indexParts < 4*n {
		size *= 2
	}
	for i := range x.parts {
		x.grow(&x.parts[i], size)
	}
}

// leave closes the gap by moving back what stands behind its home.
func (x *index) leave(r ref) {
	part, home, _ := spot(x.key(r))
	p := &x.parts[part]
	p.count--
	mask := uint32(len(p.slots) - 1)
	i := home & mask
	for p.slots[i] != r {
		i = (i + 1) & mask
	}
	for j := (i + 1) & mask; p.tags[j] != 0; j = (j + 1) & mask {
		_, home, tag := spot(x.key(p.slots[j]))
		if (j-home)&mask >= (j-i)&mask {
			p.slots[i], p.tags[i] = p.slots[j], tag
			i = j
		}
	}
	p.slots[i], p.tags[i] = 0, 0
}
