package queue

import (
	"context"
	"sync"
	"time"
)

// appender hands starts and finishes to the log, all that wait at once in one append. What the log refuses is tried
// again until the queue ends: a result must not be lost, and a start whose lease is over meanwhile is left out.
type appender struct {
	q     *Queue
	mu    sync.Mutex
	items []item
	busy  bool          // what was taken is being appended
	more  chan struct{} // holds one token when items came
}

// item is one record on its way.
type item struct {
	rec   Record
	lease *Lease        // of a start
	lane  *Lane         // whose result it is, nil for others
	past  chan struct{} // no record: closed when what was added before is appended, nil for others
}

const (
	appendAtOnce = 1024
	appendPause  = 50 * time.Millisecond // after the log refused, doubling
	appendMax    = time.Second
)

func (a *appender) init(q *Queue) {
	a.q = q
	a.more = make(chan struct{}, 1)
}

// add never blocks. It may be called with q.mu held.
func (a *appender) add(i item) {
	a.mu.Lock()
	a.items = append(a.items, i)
	a.mu.Unlock()
	select {
	case a.more <- struct{}{}:
	default:
	}
}

// pass waits until what was added before is appended, or left out.
func (a *appender) pass(ctx context.Context) error {
	a.mu.Lock()
	idle := !a.busy && len(a.items) == 0
	a.mu.Unlock()
	if idle {
		return nil
	}
	past := make(chan struct{})
	a.add(item{past: past})
	select {
	case <-past:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (a *appender) take() []item {
	a.mu.Lock()
	defer a.mu.Unlock()
	n := min(len(a.items), appendAtOnce)
	a.busy = n > 0
	batch := a.items[:n:n]
	a.items = a.items[n:]
	if len(a.items) == 0 {
		a.items = nil
	}
	return batch
}

// run appends until stop is closed and nothing is left, or ctx ends.
func (a *appender) run(ctx context.Context, stop <-chan struct{}) {
	for {
		batch := a.take()
		if len(batch) > 0 {
			if !a.write(ctx, batch) {
				return
			}
			continue
		}
		select {
		case <-a.more:
		case <-ctx.Done():
			return
		case <-stop:
			if batch = a.take(); len(batch) == 0 {
				return
			}
			if !a.write(ctx, batch) {
				return
			}
		}
	}
}

// write appends the batch, again and again if it must; false when ctx ended first.
func (a *appender) write(ctx context.Context, batch []item) bool {
	for pause := appendPause; ; pause = min(2*pause, appendMax) {
		recs := a.wanted(batch)
		if len(recs) == 0 {
			a.synced(batch)
			return true
		}
		_, err := a.q.log.Append(ctx, recs...)
		if err == nil {
			a.synced(batch)
			return true
		}
		a.q.opts.Logger.Warn("attempts wait for the log", "records", len(recs), "error", err)
		a.prune()
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false
		}
	}
}

// wanted are the records of the batch but for starts whose lease is over.
func (a *appender) wanted(batch []item) []Record {
	recs := make([]Record, 0, len(batch))
	a.q.mu.Lock()
	defer a.q.mu.Unlock()
	for _, i := range batch {
		if i.rec != nil && (i.lease == nil || i.lease.phase == leaseWaits) {
			recs = append(recs, i.rec)
		}
	}
	return recs
}

// prune drops starts whose lease is over: while the log refuses, each lease that runs out leaves one behind.
func (a *appender) prune() {
	a.mu.Lock()
	old := a.items
	a.items = nil
	a.mu.Unlock()
	var kept []item
	a.q.mu.Lock() // before a.mu: add is called with it held
	for _, i := range old {
		if i.lease == nil || i.lease.phase == leaseWaits {
			kept = append(kept, i)
		}
	}
	a.q.mu.Unlock()
	a.mu.Lock()
	a.items = append(kept, a.items...)
	a.mu.Unlock()
}

// synced says of a batch that it is durable.
func (a *appender) synced(batch []item) {
	a.q.mu.Lock()
	for _, i := range batch {
		if i.lane != nil {
			i.lane.unsynced--
			a.q.results.Add(-1)
		}
	}
	a.q.mu.Unlock()
	for _, i := range batch {
		if i.lane != nil {
			i.lane.roomy()
		}
		if i.past != nil {
			close(i.past)
		}
	}
}
