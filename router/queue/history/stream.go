package history

import (
	"fmt"
	"math"
	"path/filepath"
	"sort"
)

// stream is a list of rows in order of pos, in files of equal numbers of rows. A row's index counts from the first
// row ever written, so it stays when files are dropped from the front. History.files guards it.
type stream struct {
	dir         string
	name        string
	incarnation uint64
	perFile     int // rows; a multiple of rowsPerBlock
	files       []*file
	created     bool // a file, since the directory was synced
	buf         []byte
}

const writeBlocks = 64 // at most in one write

func (s *stream) path(number uint32) string {
	return filepath.Join(s.dir, fmt.Sprintf("%s-%08d", s.name, number))
}

func (s *stream) begin() int {
	if len(s.files) == 0 {
		return 0
	}
	return int(s.files[0].number) * s.perFile
}

func (s *stream) end() int {
	if len(s.files) == 0 {
		return 0
	}
	x := s.files[len(s.files)-1]
	return int(x.number)*s.perFile + x.rows
}

// fileOf returns the file that holds row i, and the row's number in it.
func (s *stream) fileOf(i int) (*file, int) {
	return s.files[i/s.perFile-int(s.files[0].number)], i % s.perFile
}

// append adds rows, which are in order of pos and not before what is there.
func (s *stream) append(rows []row) error {
	for len(rows) > 0 {
		x, err := s.open()
		if err != nil {
			return err
		}
		n := min(len(rows), s.perFile-x.rows)
		if err := s.fill(x, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// open returns a file with room.
func (s *stream) open() (*file, error) {
	number := uint32(0)
	if n := len(s.files); n > 0 {
		x := s.files[n-1]
		if x.rows < s.perFile {
			return x, nil
		}
		number = x.number + 1
	}
	x, err := createFile(s.path(number), number, s.incarnation)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	s.created = true
	s.files = append(s.files, x)
	return x, nil
}

// fill writes rows at the end of x, which has room for them, many blocks at a time.
func (s *stream) fill(x *file, rows []row) error {
	if _, err := x.index(); err != nil {
		return err
	}
	if s.buf == nil {
		s.buf = make([]byte, writeBlocks*blockSize)
	}
	for len(rows) > 0 {
		first, used := x.rows/rowsPerBlock, x.rows%rowsPerBlock
		if used > 0 {
			if _, err := x.readBlock(s.buf[:blockSize], first); err != nil {
				return err
			}
		}
		n := min(len(rows), writeBlocks*rowsPerBlock-used)
		if err := s.write(x, first, used, rows[:n]); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}

// write puts rows behind the used ones of block first and into the blocks after it, in one write.
func (s *stream) write(x *file, first, used int, rows []row) error {
	x.dirty = true
	blocks := blocksFor(used + len(rows))
	infos := make([]blockInfo, blocks)
	if used > 0 {
		infos[0] = summarize(s.buf, used)
	}
	for i := range rows {
		block, at := (used+i)/rowsPerBlock, (used+i)%rowsPerBlock
		rows[i].encode(rowBytes(s.buf[block*blockSize:], at))
		count := min(rowsPerBlock, used+len(rows)-block*rowsPerBlock)
		infos[block].start(at)
		infos[block].add(&rows[i], at, count)
	}
	for i := range blocks {
		count := min(rowsPerBlock, used+len(rows)-i*rowsPerBlock)
		sealBlock(s.buf[i*blockSize:][:blockSize], x.place(first+i), count)
	}
	if _, err := x.f.WriteAt(s.buf[:blocks*blockSize], int64(1+first)*blockSize); err != nil {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	x.grow(first, infos, rows)
	return nil
}

// grow takes in what was just written.
func (x *file) grow(first int, infos []blockInfo, rows []row) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.blocks = append(x.blocks[:first], infos...)
	if x.rows == 0 {
		x.first = rows[0].pos
	}
	x.rows += len(rows)
	x.last = rows[len(rows)-1].pos
	for _, info := range infos {
		x.min, x.max = min(x.min, info.min), max(x.max, info.max)
	}
}

// start makes info ready for the first row of its block.
func (info *blockInfo) start(at int) {
	if at == 0 {
		*info = blockInfo{min: math.MaxInt64, max: math.MinInt64}
	}
}

// search returns the index of the first row whose pos is at least pos, or end.
func (s *stream) search(c *reader, pos uint64) (int, error) {
	n := sort.Search(len(s.files), func(i int) bool { return s.files[i].last >= pos })
	if n == len(s.files) {
		return s.end(), nil
	}
	x := s.files[n]
	blocks, err := x.index()
	if err != nil {
		return 0, err
	}
	block := sort.Search(len(blocks), func(i int) bool { return blocks[i].first >= pos })
	i := int(x.number)*s.perFile + max(block-1, 0)*rowsPerBlock
	for ; i < s.end(); i++ {
		r, err := c.at(i)
		if err != nil || r.pos >= pos {
			return i, err
		}
	}
	return i, nil
}

// cut takes out the files whose rows all lie before pos, but never the last one.
func (s *stream) cut(pos uint64) []*file {
	n := 0
	for n < len(s.files)-1 && s.files[n].last < pos {
		n++
	}
	old := s.files[:n:n]
	s.files = s.files[n:]
	return old
}

func (s *stream) close() {
	for _, x := range s.files {
		_ = x.f.Close()
	}
	s.files = nil
}
