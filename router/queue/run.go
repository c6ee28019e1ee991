package queue

import (
	"context"
	"fmt"
	"sync"
	"time"
)

const (
	sweepEvery = time.Second
	flushFor   = 5 * time.Second // how long Run tries to make results durable at its end
	spanRows   = 32 << 10        // looked at without letting go of the lock
)

// Run applies what the log yields, expires what is overdue and writes snapshots until ctx ends; then it flushes
// results, writes a last snapshot and returns nil. An error of the log's Read ends it too. It may be called once.
func (q *Queue) Run(ctx context.Context) error {
	defer close(q.done)
	life, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	house, leave := context.WithCancel(ctx)
	defer leave()
	var keepers, appending sync.WaitGroup
	applying := make(chan error, 1)
	stop := make(chan struct{})
	go func() { applying <- q.applyAll(life) }()
	appending.Go(func() { q.out.run(life, stop) })
	keepers.Go(func() { every(house, sweepEvery, q.sweep) })
	keepers.Go(func() { q.keepHistory(house) })
	defer q.past.h.Close()
	keepers.Go(func() { every(house, sweepEvery, q.keepSnapshots) })
	keepers.Go(func() { every(house, sweepEvery, func(now time.Time) { q.keepRetention(house, now) }) })

	var failed error
	select {
	case <-ctx.Done():
	case failed = <-applying:
		applying <- nil
	}
	leave()
	keepers.Wait()
	q.flush(life, end, stop, &appending, failed)
	end()
	appending.Wait()
	if ended := <-applying; failed == nil {
		failed = ended
	}
	if failed != nil {
		return failed
	}
	return q.snapshot()
}

// flush appends what waits and applies all that is durable, for at most flushFor.
func (q *Queue) flush(life context.Context, end func(), stop chan struct{}, appending *sync.WaitGroup, failed error) {
	close(stop)
	if failed != nil {
		return
	}
	timer := time.AfterFunc(flushFor, end)
	defer timer.Stop()
	appending.Wait()
	if q.recent.wait(life, q.log.Health().Last) != nil {
		q.opts.Logger.Warn("results of attempts are not durable, they will be made again",
			"results", q.results.Load())
	}
}

func (q *Queue) applyAll(ctx context.Context) error {
	for e, err := range q.log.Read(ctx, q.position()+1) {
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		q.applyEntry(e)
	}
	if ctx.Err() == nil {
		return fmt.Errorf("read the log: %w", ErrClosed)
	}
	return nil
}

func (q *Queue) position() Pos {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.state.applied
}

// every calls f each period until ctx ends.
func every(ctx context.Context, period time.Duration, f func(time.Time)) {
	t := time.NewTicker(period)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			f(time.Now())
		}
	}
}

// sweep ends leases that ran out and deliveries whose time is over. It looks at rows only when one may be.
func (q *Queue) sweep(now time.Time) {
	q.mu.Lock()
	for _, le := range q.leased() {
		if now.After(le.deadline) {
			q.ranOut(le, now)
		}
	}
	q.forsake(now)
	q.wake()
	due := q.state.soonest != 0 && q.state.soonest <= now.UnixNano()
	if due {
		q.state.soonest = 0 // rows that come while this looks lower it again
	}
	q.mu.Unlock()
	if !due {
		return
	}
	soonest := int64(0)
	q.eachRow(func(r ref, w *row) { q.sweepRow(r, w, now, &soonest) })
	q.mu.Lock()
	defer q.mu.Unlock()
	if soonest != 0 && (q.state.soonest == 0 || soonest < q.state.soonest) {
		q.state.soonest = soonest
	}
}

// sweepRow expires a row whose time is over, unless something else is on its way for it.
func (q *Queue) sweepRow(r ref, w *row, now time.Time, soonest *int64) {
	if w.expires == 0 || w.place == placeHeld || !w.pending() {
		if w.place == placeHeld && w.expires != 0 {
			*soonest = earliest(*soonest, w.expires)
		}
		return
	}
	if w.expires > now.UnixNano() || q.runs(w) {
		*soonest = earliest(*soonest, w.expires)
		return
	}
	q.state.pull(q.state.lane(w.dest), r)
	q.expire(r, now)
}

func earliest(a, b int64) int64 {
	if a == 0 {
		return b
	}
	return min(a, b)
}

// runs reports whether an attempt of this process may be running for the row.
func (q *Queue) runs(w *row) bool {
	return w.started() && q.lanes[q.state.names[w.dest]] != nil
}
