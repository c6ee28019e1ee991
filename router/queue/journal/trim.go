package journal

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/dirs"
)

// Trim implements queue.Log. It frees whole segments, oldest first, and keeps the newest. Each removal is durable
// before the next, so that a crash never leaves a hole.
func (l *Log) Trim(ctx context.Context, p queue.Pos) error {
	l.trimming.Lock()
	defer l.trimming.Unlock()
	for {
		s, err := l.trimmable(p)
		if s == nil || err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := l.drop(s); err != nil {
			return err
		}
	}
}

// trimmable is the oldest segment if all its records lie before p and a newer one exists.
func (l *Log) trimmable(p queue.Pos) (*segment, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, queue.ErrClosed
	}
	if len(l.segments) < 2 || l.segments[0].number >= segmentOf(p) {
		return nil, nil
	}
	return l.segments[0], nil
}

// drop takes the oldest segment out of the journal. Its file is reused unless somebody reads it still.
func (l *Log) drop(s *segment) error {
	first := l.firstFrom(position(s.number+1, 0))
	spare := sparePath(l.dir, s.number)
	if err := os.Rename(s.path, spare); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := dirs.Sync(l.dir); err != nil {
		return err
	}
	if l.unlist(s, spare, first) {
		return nil
	}
	return os.Remove(spare)
}

// unlist says whether the file was taken as a spare.
func (l *Log) unlist(s *segment, spare string, first queue.Pos) (kept bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.segments = l.segments[1:]
	if b := l.tail.from(position(s.number+1, 0)); first == 0 && len(b) > 0 {
		first = b[0].Pos
	}
	l.first = first
	kept = s.readers == 0 && s.size == l.segmentSize && len(l.spares) < maxSpares
	if kept {
		l.spares = append(l.spares, spare)
	}
	l.retire(s)
	return kept
}

// retire closes a segment that is no longer listed, now or with its last reader. The caller holds mu.
func (l *Log) retire(s *segment) {
	s.trimmed = true
	if s.readers == 0 {
		_ = s.file.Close()
	}
}

// firstFrom is the first record at or after p that is only in files; 0 when there is none.
func (l *Log) firstFrom(p queue.Pos) (first queue.Pos) {
	l.mu.Lock()
	low := l.tail.low
	l.mu.Unlock()
	l.readFiles(context.Background(), p, low, func(e queue.Entry, err error) bool {
		if err == nil {
			first = e.Pos
		}
		return false
	})
	return first
}
