package journal

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
)

const (
	ballastName = "ballast"
	lookEvery   = time.Second // at the free space
)

// space is the room where the journal lies. A part of it, the ballast, is kept back as a file. When little else is
// left the ballast is given back: what is small and must be written still can be, results of attempts above all, and
// events are to be refused until the ballast can be made anew.
type space struct {
	dir string
	marks

	free atomic.Int64 // bytes; -1 when unknown
	full atomic.Pointer[error]

	mu      sync.Mutex  // held while the ballast is taken or given back
	looking atomic.Bool // a look is under way
}

// marks are bytes. Those of a large disk are a few segments, those of a small one a part of it.
type marks struct {
	ballast int64 // 0: the space is unknown, nothing is kept back and the disk is never full
	hard    int64 // with less free, the ballast is given back
	soft    int64 // with less free, old records should go
}

func marksFor(total, segment int64) marks {
	if total <= 0 {
		return marks{}
	}
	b := min(4*segment, total/8)
	return marks{ballast: b, hard: b / 4, soft: 2 * b}
}

// segmentFor is the size of the segments on a file system of total bytes: a power of two.
func segmentFor(total int64) int64 {
	if total <= 0 {
		return defaultSegment
	}
	return min(max(int64(1)<<bits.Len64(uint64(total)/64), minSegment), defaultSegment)
}

// openSpace takes the ballast, or finds that the disk is full.
func openSpace(dir string, segment int64) *space {
	s := &space{dir: dir}
	_, total := diskSpace(dir)
	s.marks = marksFor(total, segment)
	s.measure()
	s.settle()
	return s
}

func (s *space) path() string { return filepath.Join(s.dir, ballastName) }

func (s *space) measure() {
	free, _ := diskSpace(s.dir)
	s.free.Store(free)
}

func (s *space) low() bool { return s.ballast > 0 && s.free.Load() >= 0 && s.free.Load() < s.hard }

// settle takes the ballast when there is enough room and gives it back when there is too little. It says whether the
// disk became full, or no longer is.
func (s *space) settle() (changed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	free := s.free.Load()
	if s.ballast == 0 || free < 0 {
		return false
	}
	was := s.full.Load()
	switch held := s.held(); {
	case held && free < s.hard:
		s.drop()
	case held:
		s.full.Store(nil)
	case free < s.enough():
		s.refuse()
	default:
		s.take()
	}
	return (was == nil) != (s.full.Load() == nil)
}

// enough is how much must be free for the ballast to be taken: with less the next look would give it back.
func (s *space) enough() int64 { return s.ballast + 2*s.hard }

// held reports whether the whole ballast is there, maybe since an earlier process.
func (s *space) held() bool {
	info, err := os.Stat(s.path())
	return err == nil && info.Size() == s.ballast
}

func (s *space) take() {
	if err := s.makeBallast(); err != nil {
		_ = os.Remove(s.path())
		err = fmt.Errorf("no room can be kept back: %w", err)
		s.full.Store(&err)
		return
	}
	s.full.Store(nil)
}

func (s *space) makeBallast() error {
	f, err := os.OpenFile(s.path(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(allocate(f, s.ballast), f.Close())
}

// drop gives the ballast back.
func (s *space) drop() {
	_ = os.Remove(s.path())
	s.measure()
	s.refuse()
}

func (s *space) refuse() {
	err := fmt.Errorf("the disk is full: %s free, events are taken again from %s on; make room there, or lower retention.size",
		mebibytes(s.free.Load()), mebibytes(s.enough()))
	s.full.Store(&err)
}

func mebibytes(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

// giveBack is for who met a full disk; false when there is no ballast any more.
func (s *space) giveBack() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ballast == 0 || !s.held() {
		return false
	}
	s.drop()
	return true
}

// why says why events are to be refused, nil when they are not.
func (s *space) why() error {
	if err := s.full.Load(); err != nil {
		return *err
	}
	return nil
}

// short is how many bytes should go so that neither events nor the ballast lack room, where spare bytes lie ready.
func (s *space) short(spare int64) int64 {
	free, want := s.free.Load(), s.soft
	if s.ballast == 0 || free < 0 {
		return 0
	}
	if s.why() != nil {
		want += s.ballast
	}
	return max(0, want-free-spare)
}

func isFull(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// watch looks at the room and for a hanging write until the journal closes. A look at the room has a goroutine of its
// own: on a disk that hangs it may not return.
func (l *Log) watch() {
	var looks sync.WaitGroup
	defer looks.Wait()
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for stalled := false; ; {
		select {
		case <-tick.C:
			stalled = l.sayStall(stalled)
			if l.space.looking.CompareAndSwap(false, true) {
				looks.Go(l.look)
			}
		case <-l.closing:
			return
		}
	}
}

// look measures the room. Spare files go before the ballast does.
func (l *Log) look() {
	s := l.space
	defer s.looking.Store(false)
	s.measure()
	if s.low() && l.dropSpares() {
		s.measure()
	}
	if s.settle() {
		l.sayFull()
	}
}

func (l *Log) sayFull() {
	if err := l.space.why(); err != nil {
		l.logger.Error("events are refused", "cause", err)
		return
	}
	l.logger.Info("events are taken again", "free", mebibytes(l.space.free.Load()))
}

// sayStall tells once that a write hangs, and that it no longer does.
func (l *Log) sayStall(told bool) (stalled bool) {
	took := l.stalled()
	stalled = took >= queue.StallLimit
	switch {
	case stalled && !told:
		l.logger.Error("the disk hangs: events are refused", "write_takes", took.Round(time.Millisecond))
	case told && !stalled:
		l.logger.Info("the disk no longer hangs")
	}
	return stalled
}

// stalled is how long the write that runs now has taken; 0 when none runs.
func (l *Log) stalled() time.Duration {
	if began := l.writing.Load(); began > 0 {
		return time.Since(l.opened) - time.Duration(began)
	}
	return 0
}

// dropSpares removes what lies ready for later segments; false when nothing does.
func (l *Log) dropSpares() (some bool) {
	for path, ok := l.takeSpare(); ok; path, ok = l.takeSpare() {
		some = os.Remove(path) == nil || some
	}
	return some
}
