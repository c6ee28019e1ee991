package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"github.com/hookrouter/hookrouter/router/queue"
)

// Read implements queue.Log. What is in memory is yielded as it was appended; a reader that lags behind that reads
// files. Damaged records are skipped and counted.
func (l *Log) Read(ctx context.Context, from queue.Pos) iter.Seq2[queue.Entry, error] {
	return func(yield func(queue.Entry, error) bool) {
		for ctx.Err() == nil {
			batch, low, more, closed := l.fresh(from)
			switch {
			case closed:
				yield(queue.Entry{}, queue.ErrClosed)
				return
			case from < low:
				if !l.readFiles(ctx, from, low, yield) {
					return
				}
				from = low
			case len(batch) > 0:
				if !yieldAll(ctx, batch, yield) {
					return
				}
				from = batch[len(batch)-1].Pos + 1
			default:
				select {
				case <-more:
				case <-ctx.Done():
				}
			}
		}
	}
}

func (l *Log) fresh(from queue.Pos) (batch []queue.Entry, low queue.Pos, more <-chan struct{}, closed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || from < l.tail.low {
		return nil, l.tail.low, nil, l.closed
	}
	from = max(from, l.floor())
	if batch = l.tail.from(from); len(batch) == 0 {
		more = l.tail.more()
	}
	return batch, l.tail.low, more, false
}

func yieldAll(ctx context.Context, batch []queue.Entry, yield func(queue.Entry, error) bool) bool {
	for _, e := range batch {
		if ctx.Err() != nil || !yield(e, nil) {
			return false
		}
	}
	return true
}

// readFiles yields the records from from up to, not including, until; false when the sequence is over.
func (l *Log) readFiles(ctx context.Context, from, until queue.Pos, yield func(queue.Entry, error) bool) bool {
	for from < until {
		s, sc := l.acquire(from)
		if s == nil || position(s.number, 0) >= until {
			l.release(s)
			return true
		}
		again := l.readSegment(ctx, s, sc, from, until, yield)
		l.release(s)
		if !again {
			return false
		}
		from = position(s.number+1, 0)
	}
	return true
}

func (l *Log) readSegment(
	ctx context.Context, s *segment, sc *scanner, from, until queue.Pos, yield func(queue.Entry, error) bool,
) bool {
	for ctx.Err() == nil {
		it, err := sc.next()
		switch {
		case errors.Is(err, io.EOF):
			l.noteEnd(s, sc)
			return true
		case errors.Is(err, os.ErrClosed):
			yield(queue.Entry{}, queue.ErrClosed)
			return false
		case err != nil:
			yield(queue.Entry{}, fmt.Errorf("journal: read %s: %w", s.path, err))
			return false
		}
		if it.gap > 0 {
			l.note(s, it.off, it.gap)
		}
		p := position(s.number, it.off)
		if p >= until {
			return true
		}
		if it.kind == kindRecord && p >= from && !yield(queue.Entry{Pos: p, Record: it.body}, nil) {
			return false
		}
	}
	return false
}

// noteEnd counts what is missing at the end of a segment.
func (l *Log) noteEnd(s *segment, sc *scanner) {
	if !sc.loose && sc.limit != anything && sc.limit > sc.seq {
		l.note(s, sc.end, sc.limit-sc.seq)
	}
}

// acquire keeps the first segment that may hold a record at or after from open until it is released.
func (l *Log) acquire(from queue.Pos) (*segment, *scanner) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.segments {
		if s.number < segmentOf(from) {
			continue
		}
		s.readers++
		off := int64(0)
		if s.number == segmentOf(from) {
			off = offsetOf(from)
		}
		sc := s.scan(off)
		sc.keep = true
		return s, sc
	}
	return nil, nil
}

func (l *Log) release(s *segment) {
	if s == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	s.readers--
	if s.trimmed && s.readers == 0 {
		_ = s.file.Close()
	}
}

// At implements queue.Log. Just committed records come from memory. A damaged record is queue.ErrNotFound, with a
// text that says so.
func (l *Log) At(_ context.Context, p queue.Pos) (queue.Entry, error) {
	e, s, sc, err := l.locate(p)
	if s == nil {
		return e, err
	}
	defer l.release(s)
	sc.keep, sc.ahead = true, glance
	it, found, err := sc.try()
	switch {
	case errors.Is(err, os.ErrClosed):
		return queue.Entry{}, queue.ErrClosed
	case err != nil:
		return queue.Entry{}, fmt.Errorf("journal: read %s: %w", s.path, err)
	case !found || it.kind != kindRecord:
		return queue.Entry{}, l.missing(s, p)
	}
	return queue.Entry{Pos: p, Record: it.body}, nil
}

// locate finds p in memory, or else its segment, which the caller must release.
func (l *Log) locate(p queue.Pos) (queue.Entry, *segment, *scanner, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return queue.Entry{}, nil, nil, queue.ErrClosed
	}
	if p < l.floor() && segmentOf(p) > 0 {
		return queue.Entry{}, nil, nil, queue.ErrTrimmed
	}
	if batch := l.tail.from(p); p >= l.tail.low && len(batch) > 0 && batch[0].Pos == p {
		return batch[0], nil, nil, nil
	}
	for _, s := range l.segments {
		if s.number == segmentOf(p) && p%8 == 0 && offsetOf(p) >= itemsStart && offsetOf(p) < s.end {
			s.readers++
			return queue.Entry{}, s, s.scan(offsetOf(p)), nil
		}
	}
	return queue.Entry{}, nil, nil, queue.ErrNotFound
}

// floor is where the oldest segment begins: what lies before was trimmed. The caller holds mu.
func (l *Log) floor() queue.Pos {
	if len(l.segments) == 0 {
		return 0
	}
	return position(l.segments[0].number, 0)
}

// missing tells a record that is damaged from a place that never held one, by reading the whole segment: slow, but
// nobody asks for a place that he was not given.
func (l *Log) missing(s *segment, p queue.Pos) error {
	l.mu.Lock()
	sc := s.scan(0)
	l.mu.Unlock()
	var before int64 = itemsStart
	for {
		it, err := sc.next()
		if err != nil {
			break
		}
		if it.gap > 0 && offsetOf(p) >= before && offsetOf(p) < it.off {
			l.note(s, it.off, it.gap)
			return damagedAt(s, p)
		}
		before = it.end()
	}
	if sc.limit != anything && sc.limit > sc.seq && offsetOf(p) >= before {
		l.noteEnd(s, sc)
		return damagedAt(s, p)
	}
	return queue.ErrNotFound
}

func damagedAt(s *segment, p queue.Pos) error {
	return fmt.Errorf("record at %d in %s is damaged: %w", offsetOf(p), s.path, queue.ErrNotFound)
}
