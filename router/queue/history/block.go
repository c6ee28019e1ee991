package history

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/hookrouter/hookrouter/event"
)

// A block is a page of the disk: a header and up to rowsPerBlock rows. The header holds a CRC32C of the rest, the
// incarnation of the history, the number of the file and of the block in it, and the count of rows, so that a block
// of another place or an earlier life never counts.
const (
	blockSize    = 4096
	blockHeader  = 64
	rowsPerBlock = (blockSize - blockHeader) / rowSize
)

// ErrDamaged means that what is on disk cannot be relied on; Reset and apply the log again.
var ErrDamaged = errors.New("history is damaged")

// place says where a block belongs.
type place struct {
	incarnation uint64
	file        uint32
	block       uint32 // in the file
}

// sealBlock writes the header of b, whose first count rows are in place.
func sealBlock(b []byte, p place, count int) {
	le := binary.LittleEndian
	clear(b[:blockHeader])
	le.PutUint64(b[8:], p.incarnation)
	le.PutUint32(b[16:], p.file)
	le.PutUint32(b[20:], p.block)
	le.PutUint16(b[24:], uint16(count))
	clear(b[blockHeader+count*rowSize : blockSize])
	le.PutUint32(b, checksum(b[4:blockSize]))
}

// openBlock checks b and returns the count of its rows.
func openBlock(b []byte, p place) (int, error) {
	le := binary.LittleEndian
	if le.Uint32(b) != checksum(b[4:blockSize]) {
		return 0, fmt.Errorf("%w: file %d block %d: bad checksum", ErrDamaged, p.file, p.block)
	}
	count := int(le.Uint16(b[24:]))
	if le.Uint64(b[8:]) != p.incarnation || le.Uint32(b[16:]) != p.file || le.Uint32(b[20:]) != p.block ||
		count > rowsPerBlock {
		return 0, fmt.Errorf("%w: file %d block %d: not of this place", ErrDamaged, p.file, p.block)
	}
	return count, nil
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

func rowBytes(b []byte, i int) []byte { return b[blockHeader+i*rowSize:][:rowSize] }

// blockInfo is what memory keeps of a block to find and to skip it.
type blockInfo struct {
	first    uint64 // position of its first row
	min, max int64  // times in its ids, milliseconds
	holds    uint8  // bits 1..4 for the states of its deliveries, and those below
}

const (
	holdsUnmatched = 1 << 5
	holdsLinked    = 1 << 6 // an event with deliveries elsewhere: added later, or in the next block
)

func summarize(b []byte, count int) blockInfo {
	info := blockInfo{min: math.MaxInt64, max: math.MinInt64}
	var r row
	for i := range count {
		r.decode(rowBytes(b, i))
		info.add(&r, i, count)
	}
	return info
}

// add takes in row i of count.
func (info *blockInfo) add(r *row, i, count int) {
	if i == 0 {
		info.first = r.pos
	}
	made := r.made()
	info.min, info.max = min(info.min, made), max(info.max, made)
	if r.kind == rowDelivery {
		info.holds |= stateBit(event.State(r.state))
		return
	}
	if r.flags&flagUnmatched != 0 {
		info.holds |= holdsUnmatched
	}
	if r.link != 0 || i+int(r.round) >= count {
		info.holds |= holdsLinked
	}
}

func stateBit(s event.State) uint8 {
	if s > event.Canceled {
		return 0
	}
	return 1 << s
}
