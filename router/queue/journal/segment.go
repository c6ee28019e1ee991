package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const segmentSuffix = ".seg"

// segment is one file of the journal. What is written after it was made is guarded by Log.mu, as marked.
type segment struct {
	number uint32
	file   *os.File
	path   string
	head   header
	seed   uint32
	bad    bool  // neither copy of the header is readable: nothing in it counts
	size   int64 // of the file when it was opened or made

	limit   uint64 // last sequence that counts (Log.mu)
	end     int64  // offset after the last item that counts, or the file's size when that is unknown (Log.mu)
	readers int    // (Log.mu)
	trimmed bool   // removed from the journal; closed by the last reader (Log.mu)
}

func segmentPath(dir string, number uint32) string {
	return filepath.Join(dir, fmt.Sprintf("%08x%s", number, segmentSuffix))
}

// segmentNumber is the number in a file's name; false when it is not that of a segment.
func segmentNumber(name string) (uint32, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != 8 {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	return uint32(n), err == nil && n > 0
}

// openSegment opens an existing segment. A header that cannot be read is not an error: the segment is bad then.
func openSegment(dir string, number uint32) (*segment, error) {
	path := segmentPath(dir, number)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	s := &segment{number: number, file: f, path: path, limit: anything}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("segment %s: %w", path, errors.Join(err, f.Close()))
	}
	return s, nil
}

func (s *segment) load() error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	s.size, s.end, s.bad = info.Size(), info.Size(), true
	for _, at := range []int64{0, headerCopy} {
		b := make([]byte, headerSize)
		if n, err := s.file.ReadAt(b, at); n < headerSize && err != nil {
			continue
		}
		h, err := decodeHeader(b)
		if errors.Is(err, errNewer) {
			return err
		}
		if err == nil && h.number == uint64(s.number) {
			s.head, s.seed, s.bad = h, h.seed(), false
			return nil
		}
	}
	return nil
}

// scan reads items from off on, which need not be the start of one, up to what counts now. The caller holds Log.mu
// or is the only one to know the segment.
func (s *segment) scan(off int64) *scanner {
	off = max(off&^7, itemsStart)
	sc := &scanner{src: s.file, seed: s.seed, off: off, end: s.end, seq: s.head.first - 1, limit: s.limit, ahead: window}
	sc.loose = off > itemsStart
	if s.bad {
		sc.end = 0
	}
	return sc
}

// writeHeader puts a file to use as a segment.
func writeHeader(f *os.File, h header) error {
	b := make([]byte, itemsStart)
	copy(b, h.encode())
	copy(b[headerCopy:], h.encode())
	if _, err := f.WriteAt(b, 0); err != nil {
		return err
	}
	return f.Sync()
}
