package queue

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"os"

	"github.com/hookrouter/hookrouter/event"
)

// A snapshot file is snapshotMagic and blocks:
//
//	block    = length:4 CRC32C:4 kind:1 payload          little endian; length and CRC are of kind and payload
//	head     = fingerprint of the log:U and what writeHead writes
//	rows     = n:4 row*n m:U (index:U key*m)             as rowBlock has them; all but the last block hold chunkLen
//	keys     = n:4 key*n                                 of the dedupe filter, likewise
//	end      =                                           a file without it was cut
const snapshotMagic = "hookrouter snapshot 4\n"

const (
	blockHead byte = iota + 1
	blockRows
	blockKeys
	blockEnd
)

const (
	blockHeader = 8
	maxBlock    = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// newBlock begins a block with room for its header.
func newBlock(b []byte, kind byte) []byte {
	return append(append(b[:0], make([]byte, blockHeader)...), kind)
}

// writeBlock completes a block that newBlock began.
func writeBlock(w io.Writer, b []byte) error {
	binary.LittleEndian.PutUint32(b, uint32(len(b)-blockHeader))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(b[blockHeader:], castagnoli))
	_, err := w.Write(b)
	return err
}

// readBlock reads the next block into buf, or a longer one, without looking at its checksum.
func readBlock(r io.Reader, buf []byte) ([]byte, error) {
	var head [blockHeader]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	n := int(binary.LittleEndian.Uint32(head[:]))
	if n == 0 || n > maxBlock {
		return nil, errNumber
	}
	if cap(buf) < blockHeader+n {
		buf = make([]byte, blockHeader+n)
	}
	buf = buf[:blockHeader+n]
	copy(buf, head[:])
	_, err := io.ReadFull(r, buf[blockHeader:])
	return buf, err
}

// openBlock checks a block and gives its kind and payload.
func openBlock(b []byte) (kind byte, payload []byte, err error) {
	if crc32.Checksum(b[blockHeader:], castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return 0, nil, errors.New("checksum does not match")
	}
	return b[blockHeader], b[blockHeader+1:], nil
}

// openBlocks opens a snapshot for reading its blocks.
func openBlocks(name string) (*os.File, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	magic := make([]byte, len(snapshotMagic))
	if _, err = io.ReadFull(f, magic); err == nil && string(magic) != snapshotMagic {
		err = errors.New("not a snapshot of this version")
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// checkSnapshot reads a file as it is on disk and checks that it is whole.
func checkSnapshot(name string) error {
	f, err := openBlocks(name)
	if err != nil {
		return err
	}
	defer f.Close()
	var b []byte
	for kind := byte(0); kind != blockEnd; {
		if b, err = readBlock(f, b); err != nil {
			return err
		}
		if kind, _, err = openBlock(b); err != nil {
			return err
		}
	}
	return nil
}

const rowBytes = 16 + 16 + 7*8 + 7*4 + 4

// rowBlock is a block of rows in the making.
type rowBlock struct {
	bytes []byte
	keyed buffer // what goes behind the rows
	count int
	keys  int // rows that have some
}

func (b *rowBlock) add(w *row, k *rowKeys, latest bool) {
	if b.count == 0 {
		b.bytes, b.keyed, b.keys = append(newBlock(b.bytes, blockRows), 0, 0, 0, 0), b.keyed[:0], 0
	}
	b.bytes = w.append(b.bytes)
	if k != nil {
		b.keyed.int(b.count)
		b.keyed.keys(k, latest)
		b.keys++
	}
	b.count++
}

// writeFull writes the block when it is full, or is the last and not empty, and empties it.
func (b *rowBlock) writeFull(to io.Writer, last bool) error {
	if b.count < chunkLen && !last || b.count == 0 {
		return nil
	}
	binary.LittleEndian.PutUint32(b.bytes[blockHeader+1:], uint32(b.count))
	b.bytes = append(binary.AppendUvarint(b.bytes, uint64(b.keys)), b.keyed...)
	b.count = 0
	return writeBlock(to, b.bytes)
}

func (r *row) append(b []byte) []byte {
	le := binary.LittleEndian
	b = append(append(b, r.id[:]...), r.event[:]...)
	b = le.AppendUint64(le.AppendUint64(b, uint64(r.eventPos)), uint64(r.last))
	for _, t := range [...]int64{r.created, r.since, r.due, r.expires, r.updated} {
		b = le.AppendUint64(b, uint64(t))
	}
	for _, n := range [...]uint32{r.route, r.dest, r.round, r.attempts, r.tries, r.lost, r.class()} {
		b = le.AppendUint32(b, n)
	}
	return append(b, byte(r.state), byte(r.reason), byte(r.flags), 0)
}

// read is the inverse of append.
func (r *row) read(b []byte) {
	_ = b[rowBytes-1]
	le := binary.LittleEndian
	copy(r.id[:], b)
	copy(r.event[:], b[16:])
	r.eventPos, r.last = Pos(le.Uint64(b[32:])), Pos(le.Uint64(b[40:]))
	r.created, r.since, r.due = int64(le.Uint64(b[48:])), int64(le.Uint64(b[56:])), int64(le.Uint64(b[64:]))
	r.expires, r.updated = int64(le.Uint64(b[72:])), int64(le.Uint64(b[80:]))
	r.route, r.dest = le.Uint32(b[88:]), le.Uint32(b[92:])
	r.round, r.attempts = le.Uint32(b[96:]), le.Uint32(b[100:])
	r.tries, r.lost = le.Uint32(b[104:]), le.Uint32(b[108:])
	r.at = le.Uint32(b[112:])
	r.state, r.reason, r.flags = event.State(b[116]), event.Reason(b[117]), rowFlags(b[118])
}

func (b *buffer) keys(k *rowKeys, latest bool) {
	b.string(k.order)
	b.string(k.coalesce.Key)
	b.dur(k.coalesce.Wait)
	b.dur(k.coalesce.Max)
	b.time(fromNanos(k.first))
	b.int(int(k.merged))
	b.string(k.claim)
	b.time(fromNanos(k.turn))
	b.bool(latest)
}

const keyBytes = 16 + 8 + 4

// keyBlock is a block of dedupe keys in the making.
type keyBlock struct {
	bytes []byte
	count int
}

func (b *keyBlock) add(e *dedupeEntry) {
	if b.count == 0 {
		b.bytes = append(newBlock(b.bytes, blockKeys), 0, 0, 0, 0)
	}
	b.bytes = append(b.bytes, e.key[:]...)
	b.bytes = binary.LittleEndian.AppendUint64(b.bytes, uint64(e.pos))
	b.bytes = binary.LittleEndian.AppendUint32(b.bytes, e.until)
	b.count++
}

// writeFull is that of rowBlock.
func (b *keyBlock) writeFull(to io.Writer, last bool) error {
	if b.count < chunkLen && !last || b.count == 0 {
		return nil
	}
	binary.LittleEndian.PutUint32(b.bytes[blockHeader+1:], uint32(b.count))
	b.count = 0
	return writeBlock(to, b.bytes)
}
