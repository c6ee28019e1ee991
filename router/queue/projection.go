package queue

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/hookrouter/hookrouter/router/queue/history"
)

// projection is the history, for lists and look-ups, and how far it can be relied on. Every record that is applied
// is fed to it. When it is missing, damaged or does not fit the state it starts empty, and a second state machine
// reads the log for it until it has caught up with the live one; the queue serves meanwhile.
type projection struct {
	h       *history.History
	changes []history.Change // of one record, used again; guarded by Queue.mu
	live    atomic.Bool      // what is applied is fed to it; changed only under Queue.mu
}

// rebuildAgain is how long a rebuild waits after one that failed, for example on a full disk.
const rebuildAgain = 10 * time.Second

// openHistory is called when the state is what the snapshot says. The history must reach as far: the records behind
// the snapshot are applied again, those before it are not.
func (q *Queue) openHistory() error {
	h, err := history.Open(filepath.Join(q.opts.Dir, "history"), q.opts.History)
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	q.past.h = h
	if mark := Pos(h.Applied()); mark >= q.state.applied && mark <= q.log.Health().Last {
		q.past.live.Store(true)
		return nil
	}
	if err := h.Reset(); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// rebuilding reports whether rows may be missing.
func (p *projection) rebuilding() bool { return !p.live.Load() || p.h.Err() != nil }

// feed tells the history what a record did; q.mu is held. rec is nil when it could not be decoded.
func (q *Queue) feed(rec *record, eff *effect) {
	if q.past.live.Load() {
		q.past.apply(q.state, rec, eff)
	}
}

func (p *projection) apply(s *state, rec *record, eff *effect) {
	p.changes = p.changes[:0]
	if rec != nil {
		p.changes = s.told(rec, eff, p.changes)
	}
	p.h.Apply(uint64(s.applied), p.changes)
}

// syncHistory makes the history reach as far as a snapshot of now; without that, a start would rebuild it.
func (q *Queue) syncHistory() {
	if q.past.rebuilding() {
		return
	}
	if err := q.past.h.Sync(); err != nil {
		q.opts.Logger.Warn("history is not written", "error", err)
	}
}

// dropHistory lets go of the rows whose records are gone.
func (q *Queue) dropHistory() error {
	if err := q.past.h.Drop(uint64(q.log.Health().First)); err != nil {
		return fmt.Errorf("drop old history: %w", err)
	}
	return nil
}

// keepHistory writes the history behind the state, and rebuilds it when it has to be, until ctx ends.
func (q *Queue) keepHistory(ctx context.Context) {
	for ctx.Err() == nil {
		err := q.pursue(ctx)
		if err == nil || ctx.Err() != nil {
			continue
		}
		q.mu.Lock()
		q.past.live.Store(false)
		q.mu.Unlock()
		q.opts.Logger.Warn("history is rebuilt", "error", err)
		for q.past.h.Reset() != nil && ctx.Err() == nil {
			pause(ctx, rebuildAgain)
		}
	}
}

// pursue rebuilds the history if it is not live, then runs it until ctx ends or it fails.
func (q *Queue) pursue(ctx context.Context) error {
	if err := q.past.h.Err(); err != nil {
		return err
	}
	run, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- q.past.h.Run(run) }()
	if q.past.rebuilding() {
		if err := q.rebuildHistory(run); err != nil {
			stop()
			err = errors.Join(err, <-ended)
			pause(ctx, rebuildAgain)
			return err
		}
	}
	return <-ended
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// rebuildHistory reads the log from its first record to where the live state is and joins it there.
func (q *Queue) rebuildHistory(ctx context.Context) error {
	begun := time.Now()
	s, rec, target := newState(), &record{}, q.position()
	defer s.free()
	feeder := projection{h: q.past.h}
	if target == 0 && q.joined(s, &target) {
		return nil
	}
	for e, err := range q.log.Read(ctx, 1) {
		if err != nil {
			return fmt.Errorf("read the log: %w", err)
		}
		feeder.relive(s, rec, e)
		if err := feeder.h.Err(); err != nil {
			return err
		}
		if s.applied >= target && q.joined(s, &target) {
			q.opts.Logger.Info("history is rebuilt", "took", time.Since(begun))
			return nil
		}
	}
	return ctx.Err()
}

// relive applies an entry to a state of its own and tells the history.
func (p *projection) relive(s *state, rec *record, e Entry) {
	if rec.decode(e.Record, false) != nil {
		s.applied = e.Pos
		p.apply(s, nil, nil)
		return
	}
	p.apply(s, rec, s.apply(rec, e.Pos))
	s.rest()
}

// joined makes the history live when s is where the live state is, and else sets the next target.
func (q *Queue) joined(s *state, target *Pos) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if *target = q.state.applied; s.applied != *target {
		return false
	}
	q.past.live.Store(true)
	return true
}
