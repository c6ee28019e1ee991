package queue

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// What rules do with a payload can end the process: a stack that overflows or memory that is used up cannot be recovered
// from, so no code of ours says whose fault it was. The log says it. Deliveries whose attempt ran when the process died
// are suspects: one of them, or none. At the next start each is rehearsed, that is rendered, while nothing else runs and
// the log has its start. One that the process dies of then is quarantined.

// Bits of an owner's token.
const (
	rehearsing = 0x80 // it owns the lane to rehearse its suspects, one at a time
	acquitting = 0x40 // the process before rendered nothing when it ended, see mark
)

func (t token) inRehearsal() token {
	t[8] |= rehearsing
	return t
}

func (t token) rehearses() bool { return t[8]&rehearsing != 0 }

func (t token) acquits() bool { return t[8]&acquitting != 0 }

// accuse makes suspects of the rows whose attempts the end of a lane's owner cut off, if that was the end of its
// process. One that was rehearsed then is guilty, unless it is known that nothing was rendered: its event goes into
// quarantine.
func (s *state) accuse(cut []ref, before token, own *record) {
	if [8]byte(before[:8]) == [8]byte(own.owner[:8]) {
		return
	}
	for _, r := range cut {
		w := s.table.row(r)
		guilty := w.suspect() && before.rehearses() && !own.owner.acquits()
		w.flags |= rowSuspect
		if guilty {
			s.quarantine(w.event, own.time)
		}
	}
}

// quarantine makes the suspects of an event dead: with one of them guilty, the others would be the next deaths.
func (s *state) quarantine(id event.EventID, at time.Time) {
	s.table.each(func(r ref, w *row) {
		if w.event == id && w.pending() && w.suspect() && !w.started() {
			s.touch(r)
			s.bury(r, event.ReasonQuarantined, 0, at)
			s.out.hits++
		}
	})
}

// rehearsalTime is how long a rehearsal may take until it counts as lost.
const rehearsalTime = time.Minute

// Rehearse hands each suspect that is wanted to f, one at a time; no Lane must be open yet. f does with it all that an
// attempt does but send it, and tells it as an attempt; that is durable, and the delivery waits as before. It goes on
// until ctx ends; an error is the log's.
func (q *Queue) Rehearse(
	ctx context.Context, want func(route, destination string) bool, f func(*event.Event, *event.Delivery) event.Attempt,
) error {
	all := q.suspects(want)
	lanes := map[string]*Lane{}
	defer func() {
		for _, l := range lanes {
			l.Close()
		}
	}()
	for destination := range all { // first of all, so that all suspects are known
		l, err := q.openLane(ctx, destination, q.newToken().inRehearsal())
		if err != nil {
			return err
		}
		lanes[destination] = l
	}
	m := openMark(q.opts.Mark) // what it said of the process before is in the log by now
	defer m.close()
	g := func(ev *event.Event, d *event.Delivery) event.Attempt {
		m.set(rendering)
		defer m.set(resting)
		return f(ev, d)
	}
	for _, destination := range slices.Sorted(maps.Keys(all)) {
		if err := lanes[destination].rehearse(ctx, all[destination], g); err != nil {
			return fmt.Errorf("rehearse the suspects of %q: %w", destination, err)
		}
	}
	return q.out.pass(ctx) // before the lanes have other owners
}

// suspects lists, by destination, what is or will be one as soon as the lane has an owner.
func (q *Queue) suspects(want func(route, destination string) bool) map[string][]event.DeliveryID {
	all := map[string][]event.DeliveryID{}
	q.eachRow(func(_ ref, w *row) {
		route, destination := q.state.names[w.route], q.state.names[w.dest]
		if w.pending() && (w.started() || w.suspect()) && want(route, destination) {
			all[destination] = append(all[destination], w.id)
		}
	})
	return all
}

func (l *Lane) rehearse(ctx context.Context, ids []event.DeliveryID, f func(*event.Event, *event.Delivery) event.Attempt) error {
	for _, id := range ids {
		le := l.leaseSuspect(id)
		if le == nil {
			continue
		}
		ev, d, err := le.Begin(ctx)
		switch {
		case ctx.Err() != nil || errors.Is(err, ErrClosed):
			return err
		case err != nil:
			continue // Begin has seen to it
		}
		a := f(ev, d)
		if err := l.finish(le, a, event.Outcome{State: event.Pending, Due: d.Due}); err != nil && !errors.Is(err, ErrLost) {
			return err
		}
	}
	return nil
}

// leaseSuspect is nil when the delivery is none any more.
func (l *Lane) leaseSuspect(id event.DeliveryID) *Lease {
	q := l.q
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.state.table.find(id)
	if r == 0 {
		return nil
	}
	w := q.state.table.row(r)
	if !w.pending() || !w.suspect() || w.started() || w.place == placeHeld {
		return nil
	}
	q.state.pull(l.rows, r)
	return l.reserve(w, now, rehearsalTime)
}
