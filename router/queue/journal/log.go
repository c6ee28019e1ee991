package journal

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
)

const (
	defaultSegment = 64 << 20
	minSegment     = 64 << 10
	maxSegment     = 1 << 30
)

// Options of a journal. The zero value is ready to use.
type Options struct {
	SegmentSize int64        // bytes per segment file, 64 KiB to 1 GiB; 0 = 64 MiB, less on a small disk
	Logger      *slog.Logger // for damage, dead segments and recovery; nil = silent
}

func (o *Options) complete(dir string) error {
	if o.SegmentSize == 0 {
		_, total := diskSpace(dir)
		o.SegmentSize = segmentFor(total)
	}
	if o.SegmentSize < minSegment || o.SegmentSize > maxSegment {
		return fmt.Errorf("segment size %d: must be from %d to %d", o.SegmentSize, minSegment, maxSegment)
	}
	o.SegmentSize = wholeBlocks(o.SegmentSize)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return nil
}

// Log is a queue.Log in a directory. Its methods are safe for concurrent use.
type Log struct {
	dir         string
	segmentSize int64
	logger      *slog.Logger
	lock        *os.File
	direct      bool          // writes go past the page cache
	wake        chan struct{} // holds a token when the queue may not be empty
	closing     chan struct{}
	running     sync.WaitGroup // the committer, and who watches the disk
	trimming    sync.Mutex
	requests    sync.Pool
	space       *space
	opened      time.Time
	writing     atomic.Int64 // when the running write began, as time since opened; 0 = none runs

	// Known to the committer alone.
	active  *segment // appended to; nil after it died
	number  uint32   // of the newest segment
	out     output
	seq     uint64 // last sequence given out
	synced  uint64 // last sequence that is durable
	marked  bool   // the last item says that everything before it is synced
	next    chan prepared
	tried   time.Time // when a new segment was last tried
	refused error     // why there is none
	died    time.Time // when a segment last failed

	mu       sync.Mutex // guards what follows
	closed   bool
	queue    []*request
	segments []*segment // oldest first
	spares   []string
	tail     tail
	first    queue.Pos
	last     queue.Pos
	damaged  int64
	noted    map[queue.Pos]struct{} // damage that is counted already
	refusing error
	lastSync time.Duration
}

var _ queue.Log = (*Log)(nil)

// Health implements queue.Log. Free may be a second old, or older while the disk hangs; LastSync grows while a write
// hangs.
func (l *Log) Health() queue.Health {
	stalled := l.stalled()
	l.mu.Lock()
	defer l.mu.Unlock()
	spare := int64(len(l.spares)) * l.segmentSize
	h := queue.Health{
		First: l.first, Last: l.last, Free: l.space.free.Load(), Short: l.space.short(spare),
		Damaged: l.damaged, Refusing: l.refusing, Full: l.space.why(), Stalled: stalled,
		LastSync: max(l.lastSync, stalled),
	}
	for _, s := range l.segments {
		h.Bytes += s.size
	}
	h.Bytes += spare
	return h
}

// Close implements queue.Log. It waits for the running commit; appends that are not part of it get queue.ErrClosed.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		l.running.Wait()
		return nil
	}
	l.closed = true
	l.tail.wake()
	l.mu.Unlock()
	close(l.closing)
	l.running.Wait()
	return l.closeFiles()
}

// closeFiles closes all files, the lock last.
func (l *Log) closeFiles() error {
	var errs []error
	l.out.close()
	if l.next != nil {
		if p := <-l.next; p.blank != nil {
			errs = append(errs, p.blank.file.Close())
		}
	}
	l.mu.Lock()
	for _, s := range l.segments {
		errs = append(errs, s.file.Close())
	}
	l.mu.Unlock()
	return errors.Join(append(errs, l.lock.Close())...)
}

// note counts damage once: items that were durable and cannot be read, found missing before off.
func (l *Log) note(s *segment, off int64, items uint64) {
	at := position(s.number, off)
	l.mu.Lock()
	_, known := l.noted[at]
	if !known {
		l.noted[at] = struct{}{}
		l.damaged += int64(items)
	}
	l.mu.Unlock()
	if !known {
		l.logger.Error("journal is damaged", "segment", s.path, "before", off, "items", items)
	}
}

func newIncarnation() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.LittleEndian.Uint64(b[:])
}
