package journal

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"unsafe"
)

// block is what the disk is written in: whole blocks, at multiples of it, from memory at a multiple of it. That is what
// a write past the page cache asks for, and any other is spared reading back the block that it changes in part.
const block = 4096

// wholeBlocks is n rounded up.
func wholeBlocks(n int64) int64 { return (n + block - 1) &^ (block - 1) }

// aligned makes memory that begins at a multiple of block.
func aligned(n int64) []byte {
	b := make([]byte, n+block)
	skip := -uintptr(unsafe.Pointer(unsafe.SliceData(b))) & (block - 1)
	return b[skip : int64(skip)+n]
}

// output is the end of the active segment. The last block is kept in memory and written again with what joins it there.
type output struct {
	file *os.File // nil: there is none
	off  int64    // where the next write begins
	buf  []byte   // from the start of the block that holds off; what lies before off in it is on disk
}

// open goes on at off of the segment that file writes to and src reads.
func (o *output) open(file *os.File, src io.ReaderAt, off int64) error {
	o.close()
	o.off, o.buf = off, o.buf[:0]
	o.grow(block)
	o.buf = o.buf[:off-o.base()]
	n, err := src.ReadAt(o.buf, o.base())
	if err != nil && !errors.Is(err, io.EOF) { // the last padding may be cut
		return errors.Join(err, file.Close())
	}
	clear(o.buf[n:])
	o.file = file
	return nil
}

func (o *output) close() {
	if o.file != nil {
		_ = o.file.Close()
		o.file = nil
	}
}

func (o *output) base() int64 { return o.off &^ (block - 1) }

// next is where what is appended to buf will stand in the file.
func (o *output) next() int64 { return o.base() + int64(len(o.buf)) }

// grow makes room in buf for n bytes more, up to the end of their last block.
func (o *output) grow(n int64) {
	need := wholeBlocks(int64(len(o.buf)) + n)
	if have := int64(cap(o.buf)); have >= need && have <= max(need, maxBuffer) {
		return
	}
	buf := aligned(max(need, minBuffer))
	o.buf = buf[:copy(buf, o.buf)]
}

// write writes buf, which is not durable then.
func (o *output) write() error {
	end := len(o.buf)
	whole := o.buf[:wholeBlocks(int64(end))]
	clear(whole[end:])
	_, err := o.file.WriteAt(whole, o.base())
	return err
}

// wrote moves on to the end of what was written.
func (o *output) wrote() {
	last := len(o.buf) &^ (block - 1)
	o.off = o.next()
	o.buf = o.buf[:copy(o.buf, o.buf[last:])]
}

// writer opens a file of the journal for writing, past the page cache where that is possible: what is written is not
// read again soon, but for what the tail holds anyway, and copying it costs more than writing it.
func (l *Log) writer(path string) (*os.File, error) {
	flags := os.O_WRONLY
	if l.direct {
		flags |= directFlag
	}
	return os.OpenFile(path, flags, 0)
}

// canBypass tries whether files in dir can be written past the page cache.
func canBypass(dir string) bool {
	if directFlag == 0 {
		return false
	}
	path := filepath.Join(dir, fillingName)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|directFlag, 0o600)
	if err == nil {
		_, err = f.WriteAt(aligned(block), 0)
		_ = f.Close()
	}
	_ = os.Remove(path) // open itself fails after it has made the file
	return err == nil
}
