package journal

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/dirs"
)

const (
	maxBatch   = 8 << 20 // bytes in one write, unless a single Append is larger
	maxAppend  = 2 << 30
	minBuffer  = 256 << 10
	maxBuffer  = 16 << 20 // kept for the next write
	retryAfter = time.Second
)

// request is a waiting Append.
type request struct {
	recs []queue.Record
	size int64 // with headers and padding
	last queue.Pos
	done chan error
}

// Append implements queue.Log. When ctx ends first the records may be committed all the same.
func (l *Log) Append(ctx context.Context, recs ...queue.Record) (queue.Pos, error) {
	if err := ctx.Err(); err != nil || len(recs) == 0 {
		return 0, err
	}
	size, err := appendSize(recs)
	if err != nil {
		return 0, err
	}
	r, ok := l.requests.Get().(*request)
	if !ok {
		r = &request{done: make(chan error, 1)}
	}
	r.recs, r.size = recs, size
	if !l.enqueue(r) {
		return 0, queue.ErrClosed
	}
	select {
	case err := <-r.done:
		last := r.last
		r.recs = nil
		l.requests.Put(r)
		return last, err
	case <-ctx.Done():
		l.withdraw(r)
		return 0, ctx.Err()
	}
}

// withdraw takes back a request that the committer has not taken yet: while the disk hangs those of callers who gave
// up would pile up.
func (l *Log) withdraw(r *request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := slices.Index(l.queue, r); i >= 0 {
		l.queue = slices.Delete(l.queue, i, i+1)
	}
}

func appendSize(recs []queue.Record) (size int64, err error) {
	for _, r := range recs {
		if len(r) > maxRecord {
			return 0, fmt.Errorf("record of %d bytes: more than %d", len(r), maxRecord)
		}
		size += itemSize(len(r))
	}
	if size > maxAppend {
		return 0, fmt.Errorf("records of %d bytes in one append: more than %d", size, maxAppend)
	}
	return size, nil
}

func (l *Log) enqueue(r *request) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.queue = append(l.queue, r)
	if len(l.queue) == 1 {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
	return true
}

// run is the committer: whatever arrived while the last sync ran goes into one write and one sync.
func (l *Log) run() {
	var batch []*request
	for {
		clear(batch)
		var ok bool
		if batch, ok = l.take(batch[:0]); !ok {
			l.mark()
			return
		}
		for rest := batch; len(rest) > 0; {
			rest = rest[l.commit(rest):]
		}
	}
}

// take waits for requests and swaps their list for the empty one given.
func (l *Log) take(empty []*request) (batch []*request, ok bool) {
	for {
		l.mu.Lock()
		batch, l.queue = l.queue, empty
		closed := l.closed
		l.mu.Unlock()
		switch {
		case closed:
			finish(batch, queue.ErrClosed)
			return nil, false
		case len(batch) > 0:
			return batch, true
		}
		empty = batch
		select {
		case <-l.wake:
		case <-l.closing:
		case <-l.retry():
			_ = l.roll(0) // kept in refused
		}
	}
}

// retry is for a disk that refuses: that it is well again must not depend on somebody who tries.
func (l *Log) retry() <-chan time.Time {
	if l.refused == nil {
		return nil
	}
	return time.After(retryAfter)
}

func finish(batch []*request, err error) {
	for _, r := range batch {
		r.done <- err
	}
}

// commit makes the first requests of the batch durable, or fails them, and says how many these were.
func (l *Log) commit(batch []*request) (n int) {
	l.writing.Store(int64(time.Since(l.opened)))
	defer l.writing.Store(0)
	if n = l.fit(batch); n == 0 {
		if err := l.roll(itemsStart + batchHeader + batch[0].size); err != nil {
			finish(batch, err)
			return len(batch)
		}
		n = l.fit(batch)
	}
	batch = batch[:n]
	entries := l.encode(batch)
	took, err := l.write()
	if err != nil {
		l.abandon(err)
	} else {
		l.publish(entries, took)
	}
	finish(batch, err)
	return n
}

// fit counts the requests that go into the next write.
func (l *Log) fit(batch []*request) (n int) {
	if l.active == nil {
		return 0
	}
	room := l.active.size - l.out.off - batchHeader
	var size int64
	for n < len(batch) && size+batch[n].size <= room && (n == 0 || size+batch[n].size <= maxBatch) {
		size += batch[n].size
		n++
	}
	return n
}

// encode builds the next write and tells each request its position.
func (l *Log) encode(batch []*request) []queue.Entry {
	count, size := 0, int64(batchHeader)
	for _, r := range batch {
		count += len(r.recs)
		size += r.size
	}
	entries := make([]queue.Entry, 0, count)
	l.out.grow(size)
	l.seq++
	l.out.buf = appendBatch(l.out.buf, l.active.seed, l.seq, l.synced)
	for _, r := range batch {
		for _, rec := range r.recs {
			l.seq++
			r.last = position(l.active.number, l.out.next())
			l.out.buf = appendItem(l.out.buf, l.active.seed, l.seq, kindRecord, rec)
			entries = append(entries, queue.Entry{Pos: r.last, Record: rec})
		}
	}
	return entries
}

// write writes what was built and makes it durable.
func (l *Log) write() (took time.Duration, err error) {
	if err := l.out.write(); err != nil {
		return 0, fmt.Errorf("journal: %w", err)
	}
	began := time.Now()
	if err := datasync(l.out.file); err != nil {
		return 0, fmt.Errorf("journal: sync %s: %w", l.active.path, err)
	}
	l.out.wrote()
	l.synced, l.marked = l.seq, false
	return time.Since(began), nil
}

// publish shows durable records to readers.
func (l *Log) publish(entries []queue.Entry, took time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.active.end, l.active.limit = l.out.off, l.synced
	if l.first == 0 {
		l.first = entries[0].Pos
	}
	l.last, l.lastSync = entries[len(entries)-1].Pos, took
	l.tail.add(entries)
}

// abandon leaves a segment that failed to write or sync, for good: the kernel may have dropped what it could not
// write, so a second sync that succeeds would prove nothing. One new segment is tried at once, unless the last one
// died less than a second ago.
func (l *Log) abandon(cause error) {
	l.logger.Error("journal segment is dead", "segment", l.active.path, "cause", cause)
	l.dropEmpty(l.active)
	again := !l.died.IsZero() && time.Since(l.died) < retryAfter
	l.died = time.Now()
	if again {
		l.tried = l.died
		l.refuse(cause)
		return
	}
	l.active, l.refused = nil, nil
	_ = l.roll(0) // kept in refused
}

// dropEmpty removes a dead segment in which nothing counts, so that a disk that fails every sync does not fill up.
// One segment stays in any case: the journal's numbers go on from it.
func (l *Log) dropEmpty(s *segment) {
	if s.end > itemsStart || !l.trimming.TryLock() {
		return
	}
	defer l.trimming.Unlock()
	l.mu.Lock()
	defer l.mu.Unlock()
	if n := len(l.segments) - 1; n > 0 && os.Remove(s.path) == nil {
		l.number--
		l.segments = l.segments[:n]
		l.retire(s)
	}
}

// refuse fails appends until a new segment could be made.
func (l *Log) refuse(err error) {
	l.active = nil
	l.mu.Lock()
	l.refused, l.refusing = err, err
	l.mu.Unlock()
}

// roll puts a new segment to use. When that has failed it is tried once a second at most.
func (l *Log) roll(need int64) error {
	if l.refused != nil && time.Since(l.tried) < retryAfter {
		return l.refused
	}
	s, err := l.begin(max(need, l.segmentSize))
	l.tried = time.Now()
	if err == nil {
		if err = l.proceed(s, itemsStart); err != nil {
			_ = s.file.Close()
		}
	}
	if err != nil {
		if l.refused == nil { // and not each second again
			l.logger.Error("journal cannot begin a segment", "cause", err)
		}
		l.refuse(fmt.Errorf("journal: no new segment: %w", err))
		return l.refused
	}
	l.mu.Lock()
	l.refused, l.refusing = nil, nil
	l.segments = append(l.segments, s)
	l.mu.Unlock()
	l.number = s.number
	if l.next == nil {
		l.prepareNext()
	}
	return nil
}

// begin makes a blank the next segment: its header is durable before its name is.
func (l *Log) begin(need int64) (*segment, error) {
	b, err := l.blankFor(need)
	if err != nil {
		return nil, err
	}
	h := header{incarnation: newIncarnation(), number: uint64(l.number) + 1, first: l.seq + 1, counts: l.synced}
	path := segmentPath(l.dir, l.number+1)
	err = writeHeader(b.file, h)
	if err == nil {
		err = os.Rename(b.path, path)
	}
	if err == nil {
		b.path = path
		err = dirs.Sync(l.dir)
	}
	if err != nil {
		_ = b.discard()
		return nil, err
	}
	return &segment{
		number: l.number + 1, file: b.file, path: path, head: h, seed: h.seed(),
		size: b.size, limit: l.seq, end: itemsStart,
	}, nil
}

// proceed makes s the segment that is written to, from off on.
func (l *Log) proceed(s *segment, off int64) error {
	file, err := l.writer(s.path)
	if err != nil {
		return err
	}
	if err := l.out.open(file, s.file, off); err != nil {
		return err
	}
	l.active = s
	return nil
}

// mark ends the journal with a batch header of its own, so that the next opening knows that all before it was
// synced. It is a courtesy: without it recovery takes the last write for unsynced.
func (l *Log) mark() {
	if l.active == nil || l.marked || l.active.size-l.out.off < batchHeader {
		return
	}
	l.seq++
	l.out.grow(batchHeader)
	l.out.buf = appendBatch(l.out.buf, l.active.seed, l.seq, l.synced)
	_, _ = l.write()
}
