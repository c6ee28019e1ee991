package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/dirs"
)

// ErrInUse is why a directory cannot be opened that another process has open.
var ErrInUse = errors.New("in use by another process")

// Open opens the journal in dir, which is created when it is missing, and recovers what a crash left. It refuses a
// directory that another process has open, and one written by a newer version, without touching either.
func Open(dir string, o Options) (*Log, error) {
	l, err := open(dir, o)
	if err != nil {
		return nil, fmt.Errorf("journal %s: %w", dir, err)
	}
	return l, nil
}

func open(dir string, o Options) (_ *Log, err error) {
	if err := dirs.Make(dir); err != nil {
		return nil, err
	}
	if err := o.complete(dir); err != nil {
		return nil, err
	}
	l := &Log{
		dir: dir, segmentSize: o.SegmentSize, logger: o.Logger, opened: time.Now().Add(-time.Second),
		wake: make(chan struct{}, 1), closing: make(chan struct{}),
		noted: map[queue.Pos]struct{}{},
	}
	if l.lock, err = lockDir(dir); err != nil {
		return nil, err
	}
	if err := l.load(); err != nil {
		return nil, errors.Join(err, l.closeFiles())
	}
	l.running.Go(l.run)
	l.running.Go(l.watch)
	return l, nil
}

func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := lock(f); err != nil {
		if errors.Is(err, errLocked) {
			err = fmt.Errorf("data directory %s is %w", dir, ErrInUse)
		}
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// load reads what is there. Nothing is changed before every segment is known to be of this version.
func (l *Log) load() error {
	numbers, others, err := list(l.dir)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		s, err := openSegment(l.dir, n)
		if err != nil {
			return err
		}
		l.segments = append(l.segments, s)
	}
	if err := l.adoptSpares(others); err != nil {
		return err
	}
	l.direct = canBypass(l.dir)
	if l.space = openSpace(l.dir, l.segmentSize); l.space.why() != nil {
		l.sayFull()
	}
	if len(l.segments) == 0 {
		return l.roll(0)
	}
	l.checkNumbers()
	l.setLimits()
	if err := l.recover(); err != nil {
		return err
	}
	if l.active == nil {
		_ = l.roll(0) // kept in refused: what is stored can be read all the same
	} else {
		l.prepareNext()
	}
	return nil
}

// list finds the numbers of the segments, in order, and the names of spares.
func list(dir string) (numbers []uint32, others []string, err error) {
	files, err := os.ReadDir(dir)
	for _, f := range files {
		if n, ok := segmentNumber(f.Name()); ok {
			numbers = append(numbers, n)
		}
		if strings.HasPrefix(f.Name(), sparePrefix) || strings.HasPrefix(f.Name(), fillingName) {
			others = append(others, f.Name())
		}
	}
	slices.Sort(numbers)
	return numbers, others, err
}

// checkNumbers counts segments that are missing or whose header cannot be read: each as one, since nobody knows how
// many records they held.
func (l *Log) checkNumbers() {
	for i, s := range l.segments {
		if s.bad {
			l.logger.Error("journal segment has no readable header", "segment", s.path)
			l.damaged++
		}
		if i > 0 && s.number != l.segments[i-1].number+1 {
			l.logger.Error("journal segments are missing", "before", s.path)
			l.damaged += int64(s.number - l.segments[i-1].number - 1)
		}
	}
	l.number = l.segments[len(l.segments)-1].number
}

// setLimits tells each segment but the newest how far it counts: the next header knows.
func (l *Log) setLimits() {
	for i, s := range l.segments[:len(l.segments)-1] {
		if next := l.segments[i+1]; !next.bad && next.number == s.number+1 {
			s.limit = next.head.counts
		}
	}
}
