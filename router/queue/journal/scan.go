package journal

import (
	"errors"
	"io"
	"math"
)

const (
	window   = 256 << 10 // bytes read at once by a scan
	glance   = 8 << 10   // and by a look at one record
	sector   = 4096      // read one by one when a window cannot be read whole
	anything = uint64(math.MaxUint64)
)

// scanner finds the whole items of a segment, in order, whatever lies between them. It accepts an item only when
// both checksums hold and its sequence is higher than the one before and at most limit.
type scanner struct {
	src   io.ReaderAt
	seed  uint32
	off   int64  // where to look next, a multiple of 8
	end   int64  // where to stop
	seq   uint64 // of the last item, or the one before the first
	limit uint64 // the last sequence that counts
	loose bool   // seq is not the one right before the next item: the first gap means nothing
	keep  bool   // bodies outlive the next call: memory is not reused
	ahead int    // bytes to read at once

	win    []byte // what was read from winOff on
	winOff int64
	lost   bool // a sector could not be read: some of win is zeros instead
}

// next returns the next item, or io.EOF. The item's body is valid until the next call unless keep is set.
func (s *scanner) next() (item, error) {
	for s.seq < s.limit {
		it, found, err := s.try()
		if err != nil {
			return item{}, err
		}
		if found {
			return it, nil
		}
		if !s.skip() {
			break
		}
	}
	return item{}, io.EOF
}

// try looks for an item at off and steps over it.
func (s *scanner) try() (it item, found bool, err error) {
	b, err := s.bytes(itemHeader)
	if err != nil {
		return item{}, false, err
	}
	h, ok := decodeHead(b, s.seed)
	if !ok || h.seq <= s.seq || h.seq > s.limit || int64(itemHeader+h.size) > s.end-s.off {
		return item{}, false, nil
	}
	if b, err = s.bytes(itemHeader + h.size); err != nil {
		return item{}, false, err
	}
	if len(b) < itemHeader+h.size || !h.covers(b[itemHeader:], s.seed) {
		return item{}, false, nil
	}
	it = item{off: s.off, seq: h.seq, kind: h.kind, body: b[itemHeader:len(b):len(b)]}
	if !s.loose && h.kind != kindFiller {
		it.gap = h.seq - s.seq - 1
	}
	s.off, s.seq, s.loose = it.end(), h.seq, false
	return it, true, nil
}

// skip moves to the next place where an item may start; false at the end. It runs over what is in memory without
// trying places that cannot be one.
func (s *scanner) skip() bool {
	s.off += 8
	last := min(s.end, s.winOff+int64(len(s.win))) - itemHeader
	for ; s.off <= last; s.off += 8 {
		if k := s.win[s.off-s.winOff+16]; k >= byte(kindRecord) && k <= byte(kindFiller) {
			break
		}
	}
	return s.off <= s.end-itemHeader
}

// bytes returns n bytes at off, fewer at the end.
func (s *scanner) bytes(n int) ([]byte, error) {
	n = int(min(int64(n), s.end-s.off))
	if n <= 0 {
		return nil, nil
	}
	at := s.off - s.winOff
	if at < 0 || at+int64(n) > int64(len(s.win)) {
		if err := s.fill(n); err != nil {
			return nil, err
		}
		at = 0
		n = min(n, len(s.win))
	}
	return s.win[at : at+int64(n)], nil
}

func (s *scanner) fill(n int) error {
	size := int(min(int64(max(n, s.ahead)), s.end-s.off))
	if s.keep || cap(s.win) < size {
		s.win = make([]byte, size)
	}
	s.win, s.winOff = s.win[:size], s.off
	got, err := s.src.ReadAt(s.win, s.off)
	switch {
	case got == size:
	case errors.Is(err, io.EOF):
		s.win, s.end = s.win[:got], s.off+int64(got)
	default:
		return s.salvage(err)
	}
	return nil
}

// salvage reads a window sector by sector after it could not be read whole. A sector that cannot be read counts as
// damage; when none can, it is not the medium's spot but the file that is out of reach, and cause is returned.
func (s *scanner) salvage(cause error) error {
	read := false
	for at := 0; at < len(s.win); at += sector {
		part := s.win[at:min(at+sector, len(s.win))]
		if n, err := s.src.ReadAt(part, s.winOff+int64(at)); n < len(part) && err != nil {
			clear(part)
			continue
		}
		read = true
	}
	s.lost = true
	if !read {
		s.win = nil
		return cause
	}
	return nil
}
