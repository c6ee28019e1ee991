package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/hookrouter/hookrouter/router/queue"
)

const (
	version    = 1
	magic      = "hookjrnl"
	headerSize = 64   // of one copy of the segment header
	headerCopy = 4096 // where the second copy is: another sector
	itemsStart = 8192 // where items begin

	itemHeader  = 24
	batchHeader = itemHeader + 8
	maxRecord   = 1 << 30
)

type kind byte

const (
	kindRecord kind = 1
	kindBatch  kind = 2
	kindFiller kind = 3
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errNewer = errors.New("written by a newer version")

// header is what a segment says about itself and the one before it.
type header struct {
	incarnation uint64
	number      uint64
	first       uint64
	counts      uint64
}

func (h header) encode() []byte {
	b := make([]byte, headerSize)
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], version)
	binary.LittleEndian.PutUint64(b[16:], h.incarnation)
	binary.LittleEndian.PutUint64(b[24:], h.number)
	binary.LittleEndian.PutUint64(b[32:], h.first)
	binary.LittleEndian.PutUint64(b[40:], h.counts)
	sealHeader(b)
	return b
}

func sealHeader(b []byte) { binary.LittleEndian.PutUint32(b[60:], crc32.Checksum(b[:60], castagnoli)) }

// seed is what every checksum in the segment starts from.
func (h header) seed() uint32 {
	return crc32.Checksum(binary.LittleEndian.AppendUint64(nil, h.incarnation), castagnoli)
}

// decodeHeader reads one copy of a segment header.
func decodeHeader(b []byte) (header, error) {
	if len(b) < headerSize || !bytes.HasPrefix(b, []byte(magic)) {
		return header{}, errors.New("not a journal segment")
	}
	if crc32.Checksum(b[:60], castagnoli) != binary.LittleEndian.Uint32(b[60:]) {
		return header{}, errors.New("header is damaged")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v != version {
		return header{}, fmt.Errorf("format version %d, this program reads version %d: %w", v, version, errNewer)
	}
	return header{
		incarnation: binary.LittleEndian.Uint64(b[16:]),
		number:      binary.LittleEndian.Uint64(b[24:]),
		first:       binary.LittleEndian.Uint64(b[32:]),
		counts:      binary.LittleEndian.Uint64(b[40:]),
	}, nil
}

// item is a record, batch header or filler as found in a segment.
type item struct {
	off  int64
	seq  uint64
	gap  uint64 // sequences missing right before it, when that can be known
	kind kind
	body []byte
}

func (it item) end() int64 { return it.off + itemSize(len(it.body)) }

// synced is the payload of a batch header.
func (it item) synced() uint64 {
	if it.kind != kindBatch || len(it.body) != 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(it.body)
}

// itemSize is the room that a payload takes, with header and padding.
func itemSize(payload int) int64 { return (itemHeader + int64(payload) + 7) &^ 7 }

// appendItem appends an item to buf. One whose start is aligned ends aligned.
func appendItem(buf []byte, seed uint32, seq uint64, k kind, body []byte) []byte {
	buf = appendItemHeader(buf, seed, seq, k, body)
	buf = append(buf, body...)
	return append(buf, make([]byte, itemSize(len(body))-itemHeader-int64(len(body)))...)
}

func appendItemHeader(buf []byte, seed uint32, seq uint64, k kind, body []byte) []byte {
	n := len(buf)
	buf = append(buf, make([]byte, itemHeader)...)
	h := buf[n:]
	binary.LittleEndian.PutUint32(h[4:], uint32(len(body)))
	binary.LittleEndian.PutUint64(h[8:], seq)
	h[16] = byte(k)
	binary.LittleEndian.PutUint32(h[20:], crc32.Update(seed, castagnoli, body))
	binary.LittleEndian.PutUint32(h, crc32.Update(seed, castagnoli, h[4:]))
	return buf
}

func appendBatch(buf []byte, seed uint32, seq, synced uint64) []byte {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], synced)
	return appendItem(buf, seed, seq, kindBatch, b[:])
}

// itemHead is the checked header of an item, whose payload is still to be checked.
type itemHead struct {
	seq  uint64
	kind kind
	size int // of the payload
	crc  uint32
}

// decodeHead reads an item's header; false when there is none. The cheap tests come first: a search for the next
// item tries each multiple of 8.
func decodeHead(b []byte, seed uint32) (itemHead, bool) {
	if len(b) < itemHeader || b[16] < byte(kindRecord) || b[16] > byte(kindFiller) || b[17]|b[18]|b[19] != 0 {
		return itemHead{}, false
	}
	if crc32.Update(seed, castagnoli, b[4:itemHeader]) != binary.LittleEndian.Uint32(b) {
		return itemHead{}, false
	}
	return itemHead{
		seq:  binary.LittleEndian.Uint64(b[8:]),
		kind: kind(b[16]),
		size: int(binary.LittleEndian.Uint32(b[4:])),
		crc:  binary.LittleEndian.Uint32(b[20:]),
	}, true
}

func (h itemHead) covers(body []byte, seed uint32) bool {
	return crc32.Update(seed, castagnoli, body) == h.crc
}

// position of a record in the journal.
func position(segment uint32, off int64) queue.Pos { return queue.Pos(segment)<<32 | queue.Pos(off) }

func segmentOf(p queue.Pos) uint32 { return uint32(p >> 32) }

func offsetOf(p queue.Pos) int64 { return int64(p & 0xffffffff) }
