package history

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hookrouter/hookrouter/router/queue/dirs"
)

// Options of a History. Zero means the default.
type Options struct {
	// FileRows is how many rows a file holds, rounded up to whole blocks of 42; 0 means about 250,000.
	FileRows int
	// FlushEvery is how long a change may stay in memory alone; 0 means 1 s.
	FlushEvery time.Duration
	// SyncEvery is how often the watermark moves while there are changes; 0 means 15 s.
	SyncEvery time.Duration
	// TailRows is how many unwritten changes start a write; 0 means 16,384. At eight times as many Apply waits.
	TailRows int
}

func (o Options) withDefaults() Options {
	if o.FileRows <= 0 {
		o.FileRows = 6_000 * rowsPerBlock
	}
	o.FileRows = blocksFor(o.FileRows) * rowsPerBlock
	if o.FlushEvery == 0 {
		o.FlushEvery = time.Second
	}
	if o.SyncEvery == 0 {
		o.SyncEvery = 15 * time.Second
	}
	if o.TailRows == 0 {
		o.TailRows = 16_384
	}
	return o
}

// History is the projection in one directory, which is all its own. One goroutine calls Apply, Drop and Reset; all
// other methods may be called by any number at the same time.
//
// Locks are taken in the order syncing, writing, files, mu.
type History struct {
	dir  string
	opts Options
	wake chan struct{} // has one when there is something to write

	syncing    sync.Mutex // one Sync at a time
	generation uint64     // of the last watermark; guarded by syncing

	writing sync.Mutex // one Flush at a time
	spare   tail       // written, for reuse; guarded by writing
	written uint64     // what the files reflect; guarded by writing

	files   sync.RWMutex // the streams and what is on disk
	main    *stream
	carried *stream
	dropped uint64

	mu     sync.Mutex
	tail   tail
	err    error         // why it cannot go on until Reset
	failed chan struct{} // closed when err is set
}

// Open opens the history in dir, which is made when missing. What is there but cannot be relied on is removed, and
// Applied is then 0. An error means that dir cannot be used at all.
func Open(dir string, o Options) (*History, error) {
	if err := dirs.Make(dir); err != nil {
		return nil, err
	}
	h := &History{dir: dir, opts: o.withDefaults(), wake: make(chan struct{}, 1), failed: make(chan struct{})}
	if h.load() == nil {
		return h, nil
	}
	return h, h.Reset()
}

// load opens what the watermark names.
func (h *History) load() error {
	w, err := readWatermark(h.dir)
	if err != nil {
		return err
	}
	if int(w.perFile) != h.opts.FileRows {
		return fmt.Errorf("%w: files of %d rows, not %d", ErrDamaged, w.perFile, h.opts.FileRows)
	}
	h.main, h.carried = h.newStream("events", w.incarnation), h.newStream("carried", w.incarnation)
	if err := errors.Join(h.main.load(w.main), h.carried.load(w.carried)); err != nil {
		h.main.close()
		h.carried.close()
		return err
	}
	h.generation, h.dropped, h.written, h.tail.applied = w.generation, w.dropped, w.applied, w.applied
	return h.sweep()
}

// load opens the files that marks name, which must follow each other and be full but for the last.
func (s *stream) load(marks []fileMark) error {
	for i, m := range marks {
		last := i == len(marks)-1
		if m.number != marks[0].number+uint32(i) || m.rows > s.perFile || !last && m.rows != s.perFile {
			return fmt.Errorf("%w: watermark: file %d is out of place", ErrDamaged, m.number)
		}
		x, err := openFile(s.path(m.number), s.incarnation, m)
		if err != nil {
			return err
		}
		s.files = append(s.files, x)
	}
	return nil
}

func (h *History) newStream(name string, incarnation uint64) *stream {
	return &stream{dir: h.dir, name: name, incarnation: incarnation, perFile: h.opts.FileRows}
}

// sweep removes the files that are not of this history.
func (h *History) sweep() error {
	keep := map[string]bool{filepath.Join(h.dir, watermarkName): true}
	for _, s := range []*stream{h.main, h.carried} {
		for _, x := range s.files {
			keep[s.path(x.number)] = true
		}
	}
	entries, err := os.ReadDir(h.dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if path := filepath.Join(h.dir, e.Name()); !keep[path] {
			err = errors.Join(err, os.RemoveAll(path))
		}
	}
	return err
}

// Reset removes everything and starts empty, with Applied 0; it also ends a failure. Apply the log again from its
// first record then.
func (h *History) Reset() error {
	h.syncing.Lock()
	defer h.syncing.Unlock()
	h.writing.Lock()
	defer h.writing.Unlock()
	h.files.Lock()
	defer h.files.Unlock()
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.main != nil {
		h.main.close()
		h.carried.close()
	}
	var incarnation [8]byte
	_, _ = rand.Read(incarnation[:]) // never fails
	n := binary.LittleEndian.Uint64(incarnation[:])
	h.main, h.carried = h.newStream("events", n), h.newStream("carried", n)
	h.generation, h.dropped, h.written = 0, 0, 0
	h.tail, h.spare = tail{}, tail{}
	if h.err != nil {
		h.err, h.failed = nil, make(chan struct{})
	}
	if err := os.Remove(filepath.Join(h.dir, watermarkName)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return h.sweep()
}

// Close closes the files without writing; call Sync before it.
func (h *History) Close() {
	h.syncing.Lock()
	defer h.syncing.Unlock()
	h.files.Lock()
	defer h.files.Unlock()
	h.main.close()
	h.carried.close()
	_ = h.fail(errors.New("history is closed"))
}

// fail records the first error that makes the files doubtful; everything but Reset returns it from then on.
func (h *History) fail(err error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err == nil {
		h.err = err
		close(h.failed)
	}
	return h.err
}

func (h *History) check() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.err
}

// Run writes what Apply leaves, and moves the watermark, until ctx ends; then it does both a last time. It returns
// early with the error when the history failed, of which the owner may recover with Reset and another Run.
func (h *History) Run(ctx context.Context) error {
	h.mu.Lock()
	failed := h.failed
	h.mu.Unlock()
	var flush, sync <-chan time.Time
	for {
		select {
		case <-h.wake:
			if h.pending() < h.opts.TailRows && flush == nil {
				flush = time.After(h.opts.FlushEvery)
				continue
			}
			if h.pending() < h.opts.TailRows {
				continue
			}
		case <-flush:
		case <-sync:
			sync = nil
			if err := h.Sync(); err != nil {
				return err
			}
			continue
		case <-failed:
			return h.check()
		case <-ctx.Done():
			return h.Sync()
		}
		flush = nil
		if sync == nil {
			sync = time.After(h.opts.SyncEvery)
		}
		if err := h.Flush(); err != nil {
			return err
		}
	}
}

func (h *History) pending() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.tail.size()
}
