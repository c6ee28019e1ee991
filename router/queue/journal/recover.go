package journal

import (
	"errors"
	"fmt"
	"io"

	"github.com/hookrouter/hookrouter/router/queue"
)

// hole is a stretch of a segment without a readable item.
type hole struct {
	from, to    int64
	first, last uint64 // the sequences that are missing
}

// findings are what recovery learns from the newest readable segment.
type findings struct {
	seq        uint64 // last item
	end        int64  // after it
	synced     uint64 // highest sequence known to be synced
	unsynced   int64  // where the last write begins
	holes      []hole
	marked     bool      // the last item is a batch header: all before it is known to be synced
	last       queue.Pos // last record; 0 = none
	unreadable bool      // a sector could not be read
}

// recover finds the journal's end in the newest segment with a readable header, and makes what is there durable.
func (l *Log) recover() error {
	newest := len(l.segments) - 1
	i := newest
	for i >= 0 && l.segments[i].bad {
		l.seq += uint64(l.segments[i].size / itemHeader) // no more items than that can be in it
		i--
	}
	if i >= 0 {
		s := l.segments[i]
		f, err := s.examine()
		if err != nil {
			return fmt.Errorf("read %s: %w", s.path, err)
		}
		if err := l.settle(s, f); err != nil {
			return fmt.Errorf("recover %s: %w", s.path, err)
		}
		if i == newest && !f.unreadable {
			if err := l.proceed(s, f.end); err != nil {
				return fmt.Errorf("recover %s: %w", s.path, err)
			}
			l.marked = f.marked
		}
		l.seq += f.seq
		l.synced, l.last = l.seq, f.last
	}
	l.tail.low = position(l.number, l.segments[newest].end)
	l.findEnds(i)
	return nil
}

func (s *segment) examine() (findings, error) {
	f := findings{seq: s.head.first - 1, end: itemsStart, synced: s.head.counts, unsynced: itemsStart}
	sc := s.scan(0)
	for {
		it, err := sc.next()
		if errors.Is(err, io.EOF) {
			f.unreadable = sc.lost
			return f, nil
		}
		if err != nil {
			return findings{}, err
		}
		if it.gap > 0 {
			f.holes = append(f.holes, hole{f.end, it.off, it.seq - it.gap, it.seq - 1})
		}
		f.marked = it.kind == kindBatch
		switch it.kind {
		case kindBatch:
			f.synced, f.unsynced = max(f.synced, it.synced()), it.off
		case kindRecord:
			f.last = position(s.number, it.off)
		}
		f.seq, f.end = it.seq, it.end()
	}
}

// settle counts the damage, gives the other holes a filler, and writes and syncs the last write anew.
func (l *Log) settle(s *segment, f findings) error {
	var fillers []hole
	for _, h := range f.holes {
		if h.first <= f.synced {
			l.note(s, h.to, min(h.last, f.synced)-h.first+1)
		} else {
			fillers = append(fillers, h)
		}
	}
	s.limit, s.end = f.seq, f.end
	if f.unreadable || f.end == f.unsynced {
		return nil
	}
	b := make([]byte, f.end-f.unsynced)
	if _, err := s.file.ReadAt(b, f.unsynced); err != nil && !errors.Is(err, io.EOF) { // the last padding may be cut
		return err
	}
	for _, h := range fillers {
		if h.from >= f.unsynced {
			part := b[h.from-f.unsynced : h.to-f.unsynced]
			appendItemHeader(part[:0], s.seed, h.last, kindFiller, part[itemHeader:])
		}
	}
	if _, err := s.file.WriteAt(b, f.unsynced); err != nil {
		return err
	}
	return s.file.Sync()
}

// findEnds looks for the first record, and for the last one when the newest segments hold none.
func (l *Log) findEnds(newest int) {
	l.first = l.firstFrom(0)
	for i := newest - 1; i >= 0 && l.last == 0; i-- {
		s := l.segments[i]
		if f, err := s.examine(); err == nil {
			l.last = f.last
		}
	}
}
