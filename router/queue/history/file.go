package history

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"sync"
)

// file is one of a stream: a header block, then blocks of rows, all full but the last. Its fields are guarded by
// History.files; the index is loaded on first use, also by readers.
type file struct {
	f           *os.File
	number      uint32
	incarnation uint64
	rows        int // that count; what lies behind is from before a crash
	first, last uint64
	min, max    int64  // times in the ids
	generation  uint64 // of the watermark that its header was last written for
	dirty       bool   // written since

	mu     sync.Mutex
	blocks []blockInfo // nil until loaded
}

var fileMagic = []byte("hookrouter history 1\n\x00\x00\x00")

func createFile(path string, number uint32, incarnation uint64) (*file, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &file{
		f: f, number: number, incarnation: incarnation, dirty: true, blocks: []blockInfo{},
		min: math.MaxInt64, max: math.MinInt64,
	}, nil
}

// openFile opens the file that want describes and checks that it is there, as long and as new as it must be.
func openFile(path string, incarnation uint64, want fileMark) (*file, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	x := &file{
		f: f, number: want.number, incarnation: incarnation, rows: want.rows,
		first: want.first, last: want.last, min: want.min, max: want.max, generation: want.generation,
	}
	if err := x.check(want); err != nil {
		_ = f.Close()
		return nil, err
	}
	return x, nil
}

func (x *file) check(want fileMark) error {
	info, err := x.f.Stat()
	if err != nil {
		return err
	}
	if need := int64(1+blocksFor(want.rows)) * blockSize; info.Size() < need {
		return fmt.Errorf("%w: file %d has %d bytes, not %d", ErrDamaged, want.number, info.Size(), need)
	}
	b := make([]byte, blockSize)
	if _, err := x.f.ReadAt(b, 0); err != nil {
		return err
	}
	generation, ok := decodeHeader(b, x.incarnation, x.number)
	if !ok || generation < want.generation {
		return fmt.Errorf("%w: file %d is not the one that was written last", ErrDamaged, want.number)
	}
	return nil
}

// writeHeader says that the file is as new as generation; sync follows.
func (x *file) writeHeader(generation uint64) error {
	b := make([]byte, blockSize)
	copy(b[8:], fileMagic)
	binary.LittleEndian.PutUint64(b[32:], x.incarnation)
	binary.LittleEndian.PutUint32(b[40:], x.number)
	binary.LittleEndian.PutUint64(b[48:], generation)
	binary.LittleEndian.PutUint32(b, checksum(b[4:]))
	_, err := x.f.WriteAt(b, 0)
	return err
}

func decodeHeader(b []byte, incarnation uint64, number uint32) (generation uint64, ok bool) {
	le := binary.LittleEndian
	ok = le.Uint32(b) == checksum(b[4:]) && bytes.Equal(b[8:8+len(fileMagic)], fileMagic) &&
		le.Uint64(b[32:]) == incarnation && le.Uint32(b[40:]) == number
	return le.Uint64(b[48:]), ok
}

func blocksFor(rows int) int { return (rows + rowsPerBlock - 1) / rowsPerBlock }

func (x *file) place(block int) place {
	return place{incarnation: x.incarnation, file: x.number, block: uint32(block)}
}

// readBlock reads block i into b and returns how many of its rows count.
func (x *file) readBlock(b []byte, i int) (int, error) {
	if _, err := x.f.ReadAt(b, int64(1+i)*blockSize); err != nil {
		return 0, fmt.Errorf("%w: file %d block %d: %w", ErrDamaged, x.number, i, err)
	}
	return x.checkBlock(b, i)
}

func (x *file) checkBlock(b []byte, i int) (int, error) {
	count, err := openBlock(b, x.place(i))
	if err != nil {
		return 0, err
	}
	need := min(rowsPerBlock, x.rows-i*rowsPerBlock)
	if count < need {
		return 0, fmt.Errorf("%w: file %d block %d: %d rows, not %d", ErrDamaged, x.number, i, count, need)
	}
	return need, nil
}

// writeBlock seals b, with count rows, and writes it as block i, which exists already.
func (x *file) writeBlock(b []byte, i, count int) error {
	sealBlock(b, x.place(i), count)
	x.dirty = true
	if _, err := x.f.WriteAt(b, int64(1+i)*blockSize); err != nil {
		return fmt.Errorf("%w: file %d: %w", ErrDamaged, x.number, err)
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.blocks != nil {
		x.blocks[i] = summarize(b, count)
	}
	return nil
}

// loaded reports whether index costs nothing.
func (x *file) loaded() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.blocks != nil
}

// index returns what is known of the blocks, reading them all the first time.
func (x *file) index() ([]blockInfo, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.blocks != nil {
		return x.blocks, nil
	}
	blocks := make([]blockInfo, blocksFor(x.rows))
	b := make([]byte, 64*blockSize)
	for at := 0; at < len(blocks); at += 64 {
		part := b[:min(64, len(blocks)-at)*blockSize]
		if _, err := x.f.ReadAt(part, int64(1+at)*blockSize); err != nil {
			return nil, fmt.Errorf("%w: file %d: %w", ErrDamaged, x.number, err)
		}
		for i := 0; i*blockSize < len(part); i++ {
			count, err := x.checkBlock(part[i*blockSize:][:blockSize], at+i)
			if err != nil {
				return nil, err
			}
			blocks[at+i] = summarize(part[i*blockSize:], count)
		}
	}
	x.blocks = blocks
	return blocks, nil
}
