package queue

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"os"
	"runtime"
	"strings"
	"sync"

	"github.com/hookrouter/hookrouter/event"
)

var errCounts = errors.New("holds other numbers of things than it says")

// readSnapshot makes the state of a snapshot, and gives the fingerprint of its log. It checks the whole file before
// it believes any of it.
func readSnapshot(name string) (*state, uint32, error) {
	f, err := openBlocks(name)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	t := thaw{s: newState()}
	if err = t.head(f); err == nil {
		err = t.blocks(f)
	}
	if err != nil {
		t.s.free()
		return nil, 0, err
	}
	t.finish()
	return t.s, t.print, nil
}

// thaw is a state that comes out of a snapshot. What fills most of the file is read by several goroutines.
type thaw struct {
	s          *state
	print      uint32
	rows, keys int // that there are, by the head

	mu    sync.Mutex
	err   error
	keyed []keyed
}

// keyed are the keys of a row.
type keyed struct {
	row    ref
	latest bool
}

// head reads all but rows and dedupe keys.
func (t *thaw) head(f io.Reader) error {
	b, err := readBlock(f, nil)
	if err != nil {
		return err
	}
	kind, payload, err := openBlock(b)
	if err != nil {
		return err
	}
	if kind != blockHead {
		return errors.New("snapshot does not begin with its head")
	}
	d, s := reader{rest: payload}, t.s
	t.print = uint32(d.uint())
	s.applied, s.now = d.pos(), nanos(d.time())
	s.bytes = int64(d.uint())
	t.rows, t.keys = d.int(), d.int()
	for _, name := range d.strings() {
		s.name(name)
	}
	for range d.count(10) {
		s.samples = append(s.samples, sample{pos: d.pos(), time: nanos(d.time()), bytes: int64(d.uint())})
	}
	for range d.count(2) {
		key := strings.Clone(d.string())
		s.notes[key] = strings.Clone(d.string())
	}
	for range d.count(17) {
		name := d.string()
		s.lane(s.name(name)).owner = d.id()
	}
	s.readAdded(&d)
	for range d.count(2) {
		file := strings.Clone(d.string())
		s.files[file] = d.pos()
	}
	return d.end()
}

// end is the reader's error, or that something is left.
func (d *reader) end() error {
	if d.err == nil && len(d.rest) > 0 {
		d.err = errTrailing
	}
	if d.err != nil {
		return fmt.Errorf("snapshot %w", d.err)
	}
	return nil
}

func (s *state) readAdded(d *reader) {
	for range d.count(26) {
		id := d.id()
		a := &added{last: d.pos(), until: nanos(d.time())}
		for range d.count(18) {
			a.pairs = append(a.pairs, pair{s.name(d.string()), s.name(d.string()), d.id()})
		}
		s.added[id] = a
	}
}

// blocks reads the rest of the file: the blocks one after the other, what is in them side by side.
func (t *thaw) blocks(f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if int64(t.rows)*rowBytes+int64(t.keys)*keyBytes > info.Size() {
		return errCounts
	}
	t.s.table.reserve(t.rows)
	t.s.dedupe.reserve(t.keys)
	workers := min(runtime.GOMAXPROCS(0), 4)
	full, empty := make(chan readied, workers), make(chan []byte, 2*workers)
	var wg sync.WaitGroup
	for range workers {
		empty <- nil
		empty <- nil
		wg.Go(func() {
			for b := range full {
				t.fill(b)
				empty <- b.block
			}
		})
	}
	err = t.deal(f, full, empty)
	close(full)
	wg.Wait()
	return errors.Join(err, t.err)
}

// readied is a block and how many rows or keys the blocks before hold.
type readied struct {
	block []byte
	base  int
}

// deal hands out the blocks until the last one.
func (t *thaw) deal(f io.Reader, full chan<- readied, empty <-chan []byte) error {
	rows, keys := 0, 0
	for {
		b, err := readBlock(f, <-empty)
		if err != nil {
			return err
		}
		n, base := blockCount(b[blockHeader+1:]), &rows
		switch b[blockHeader] {
		case blockEnd:
			if rows != t.rows || keys != t.keys {
				return errCounts
			}
			return atEnd(f, b)
		case blockKeys:
			base = &keys
		}
		full <- readied{b, *base}
		*base += n
		if rows > t.rows || keys > t.keys {
			return errCounts
		}
	}
}

// atEnd checks the last block, and that it is the last.
func atEnd(f io.Reader, b []byte) error {
	if _, _, err := openBlock(b); err != nil {
		return err
	}
	if n, _ := f.Read(make([]byte, 1)); n > 0 {
		return errTrailing
	}
	return nil
}

// blockCount is how many rows or keys a block says that it holds.
func blockCount(payload []byte) int {
	if len(payload) < 4 {
		return 0
	}
	return int(binary.LittleEndian.Uint32(payload))
}

// fill takes in one block.
func (t *thaw) fill(b readied) {
	kind, payload, err := openBlock(b.block)
	if err == nil {
		switch kind {
		case blockRows:
			err = t.fillRows(payload, ref(b.base))
		case blockKeys:
			err = t.fillKeys(payload, ref(b.base))
		default:
			err = fmt.Errorf("snapshot has a block of kind %d, not known here", kind)
		}
	}
	if err != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.err = err
	}
}

func (t *thaw) fillRows(b []byte, base ref) error {
	n := blockCount(b)
	if int(base)+n > t.rows || len(b) < 4+n*rowBytes || len(b) < 4 {
		return errShort
	}
	with := 0
	for i, at := 0, 4; i < n; i, at = i+1, at+rowBytes {
		w := t.s.table.row(base + ref(i) + 1)
		w.read(b[at:])
		if w.flags&rowKeyed != 0 {
			with++
		}
		if w.state != event.Pending && w.state != event.Dead || int(max(w.route, w.dest, w.at)) >= len(t.s.names) {
			return errNumber
		}
	}
	return t.fillRowKeys(b[4+n*rowBytes:], base, with)
}

// fillRowKeys reads the keys of n rows.
func (t *thaw) fillRowKeys(b []byte, base ref, n int) error {
	d := reader{rest: b}
	if d.count(minKeys) != n {
		return errCounts
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for range n {
		r := base + ref(d.int()) + 1
		if int(r) > t.rows || t.s.keys[r] != nil || t.s.table.row(r).flags&rowKeyed == 0 {
			return errNumber
		}
		k := &rowKeys{}
		latest := d.keys(k)
		t.s.keys[r] = k
		t.keyed = append(t.keyed, keyed{r, latest})
	}
	return d.end()
}

// minKeys is the size of the keys of a row when they are empty.
const minKeys = 1 + 4 + 8 + 3 + 8

// keys is the inverse of the buffer's.
func (d *reader) keys(k *rowKeys) (latest bool) {
	k.order = strings.Clone(d.string())
	k.coalesce.Key = strings.Clone(d.string())
	k.coalesce.Wait, k.coalesce.Max = d.dur(), d.dur()
	k.first = nanos(d.time())
	k.merged = uint32(d.int())
	k.claim = strings.Clone(d.string())
	k.turn = nanos(d.time())
	return d.bool()
}

func (t *thaw) fillKeys(b []byte, base ref) error {
	n := blockCount(b)
	if int(base)+n > t.keys || len(b) != 4+n*keyBytes {
		return errShort
	}
	for i, at := 0, 4; i < n; i, at = i+1, at+keyBytes {
		e := t.s.dedupe.entries.at(base + ref(i) + 1)
		copy(e.key[:], b[at:])
		e.pos, e.until = Pos(binary.LittleEndian.Uint64(b[at+16:])), binary.LittleEndian.Uint32(b[at+24:])
	}
	return nil
}

// finish makes all that follows from the rows and keys.
func (t *thaw) finish() {
	s := t.s
	var wg sync.WaitGroup
	wg.Go(func() {
		for r := ref(1); int(r) <= t.rows; r++ {
			s.table.ids.enter(r)
		}
		for r := ref(1); int(r) <= t.keys; r++ {
			s.dedupe.keys.enter(r)
			s.dedupe.file(r)
		}
	})
	latest := map[ref]bool{}
	for _, k := range t.keyed {
		latest[k.row] = k.latest
	}
	for _, r := range t.order() {
		s.admit(r, s.table.row(r), latest[r])
	}
	wg.Wait()
	s.rest() // nobody waits yet
}

// order gives the rows in the order in which their rounds began, for lanes list them so: to a four-millionth of the
// time between first and last, in two passes.
func (t *thaw) order() []ref {
	const digits = 11
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	t.s.table.each(func(_ ref, w *row) { first, last = min(first, w.since), max(last, w.since) })
	shift := max(0, bits.Len64(uint64(last-first))-2*digits)
	when, all, next := make([]uint32, t.rows+1), make([]ref, t.rows), make([]ref, t.rows)
	t.s.table.each(func(r ref, w *row) { when[r], all[r-1] = uint32(uint64(w.since-first)>>shift), r })
	for pass := range 2 {
		digit := func(r ref) uint32 { return when[r] >> (pass * digits) & (1<<digits - 1) }
		var at [1<<digits + 1]int
		for _, r := range all {
			at[digit(r)+1]++
		}
		for d := range 1 << digits {
			at[d+1] += at[d]
		}
		for _, r := range all {
			next[at[digit(r)]] = r
			at[digit(r)]++
		}
		all, next = next, all
	}
	return all
}

// reserve makes room for n rows in an empty table, to be filled by the caller.
func (t *table) reserve(n int) {
	t.rows.reserve(n)
	t.rows.used, t.count = n, n
	t.ids.reserve(n)
}

// reserve makes room for n keys in an empty filter, to be filled by the caller.
func (d *dedupe) reserve(n int) {
	d.entries.reserve(n)
	d.entries.used, d.count = n, n
	d.keys.reserve(n)
}
