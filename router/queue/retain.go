package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// sample says when the record at a position was written and how many bytes lay before it: retention by time and size
// looks for where to cut among samples.
type sample struct {
	pos   Pos
	time  int64
	bytes int64
}

// samplesPer is how finely retention cuts.
const samplesPer = 64

func (q *Queue) sample(e Entry, rec *record) {
	s, at := q.state, rec.time
	before := s.bytes
	s.bytes += int64(len(e.Record))
	s.records++
	if rec.kind == kindEvent { // the file of one that is carried stays where it is
		s.bytes += rec.beside()
	}
	if n := len(s.samples); n > 0 {
		last, r := s.samples[n-1], &q.opts.Retention
		if nanos(at)-last.time < int64(r.History)/samplesPer && s.bytes-last.bytes < min(r.Size, q.capacity)/samplesPer {
			return
		}
	}
	s.samples = append(s.samples, sample{e.Pos, nanos(at), before})
}

// SetRetention changes how long things are kept, from the next time that the queue looks. Fields that are 0 mean their
// defaults.
func (q *Queue) SetRetention(r Retention) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.opts.Retention = r.withDefaults()
}

// cuts are the positions before which all may go by age and by size, never behind the last snapshot; 0 for nothing. The
// log keeps no more than retention says, and less when the disk is short of room.
func (q *Queue) cuts(now time.Time, short int64) (age, size Pos) {
	snap, _ := q.snaps.last()
	q.mu.Lock()
	defer q.mu.Unlock()
	s, r := q.state, &q.opts.Retention
	if len(s.samples) == 0 {
		return 0, 0
	}
	old, keep := now.Add(-r.History).UnixNano(), r.Size
	if short > 0 {
		keep = min(keep, s.bytes-s.samples[0].bytes-short)
	}
	for _, x := range s.samples {
		if x.pos > snap {
			break
		}
		if x.time <= old {
			age = x.pos
		}
		if s.bytes-x.bytes > keep {
			size = x.pos
		}
	}
	return age, size
}

// retain lets go of what is older than retention wants. What of it is still pending, dead within retention, or a
// note or owner in force, is appended anew before.
//
// What cannot go now, because an attempt of it runs, say, is looked at again before the next snapshot.
func (q *Queue) retain(ctx context.Context, now time.Time) error {
	q.retained.unfinished = false
	h := q.log.Health()
	age, size := q.cuts(now, h.Short)
	if max(age, size) <= h.First {
		return nil
	}
	left, over := q.remains(max(age, size), now)
	to, err := q.reach(ctx, left, age, size, h)
	if err != nil || to <= h.First {
		return err
	}
	q.retained.unfinished = true
	wanted := to
	if to, err = q.carry(ctx, to, left, over); err != nil {
		return err
	}
	if to, err = q.trim(ctx, to); err != nil {
		return fmt.Errorf("trim the log: %w", err)
	}
	q.retained.unfinished = to < wanted
	if err := errors.Join(q.dropHistory(), q.dropBodies()); err != nil {
		return err
	}
	q.forgetKeys()
	q.mu.Lock()
	defer q.mu.Unlock()
	keep := slices.IndexFunc(q.state.samples, func(x sample) bool { return x.pos >= to })
	if keep > 0 {
		q.state.samples = slices.Delete(q.state.samples, 0, keep)
	}
	return nil
}

// trim lets go of what lies before to, but keeps what a replay or a duplicate came to need since it was looked at. It
// returns where it stopped.
func (q *Queue) trim(ctx context.Context, to Pos) (Pos, error) {
	unlock, err := q.stripes.lockAll(ctx)
	if err != nil {
		return 0, err
	}
	defer unlock()
	q.eachRow(func(_ ref, w *row) { to = min(to, w.eventPos) })
	return to, q.log.Trim(ctx, to)
}

// eachRow calls f with every row, many at a time and not all at once: nobody waits long for the state. Of rows that
// come or change meanwhile f may see what was before or after.
func (q *Queue) eachRow(f func(ref, *row)) {
	for from, more := 0, true; more; from += spanRows {
		q.locked(func() {
			q.state.table.span(from, from+spanRows, f)
			more = from+spanRows < q.state.table.rows.used
		})
	}
}

// carry appends anew what lies before to and is still needed, and returns up to where that was possible.
func (q *Queue) carry(ctx context.Context, to Pos, left []remainder, over []event.DeliveryID) (Pos, error) {
	for _, id := range over {
		if err := q.Drop(ctx, id); err != nil {
			return 0, err
		}
	}
	to, err := q.carryEvents(ctx, to, left)
	if err != nil {
		return 0, err
	}
	if err := q.carryNotes(ctx); err != nil {
		return 0, err
	}
	return to, q.carryOwners(ctx)
}

// carriers is how many events are carried at once: they share their commits.
const carriers = 16

// carryEvents carries oldest first, until one cannot be.
func (q *Queue) carryEvents(ctx context.Context, to Pos, left []remainder) (Pos, error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	events := make(chan []remainder)
	var mu sync.Mutex
	var carrying sync.WaitGroup
	for range carriers {
		carrying.Go(func() {
			for e := range events {
				moved, err := q.carryEvent(ctx, e)
				if err != nil {
					stop(err)
				}
				if !moved {
					mu.Lock()
					to = min(to, e[0].pos)
					mu.Unlock()
				}
			}
		})
	}
	for len(left) > 0 && ctx.Err() == nil {
		n := 1
		for n < len(left) && left[n].pos == left[0].pos {
			n++
		}
		mu.Lock()
		end := left[0].pos >= to
		mu.Unlock()
		if end {
			break
		}
		events <- left[:n]
		left = left[n:]
	}
	close(events)
	carrying.Wait()
	return to, context.Cause(ctx)
}

// remainder is a row whose event lies before a cut.
type remainder struct {
	pos Pos // of the event
	row ref // which by now may be free, or another one
}

// remains lists the rows before to that have to be carried, those of one event together, oldest first, and the dead
// that are past their retention.
func (q *Queue) remains(to Pos, now time.Time) (left []remainder, over []event.DeliveryID) {
	q.eachRow(func(r ref, w *row) {
		switch {
		case w.eventPos >= to:
		case w.state == event.Dead && now.Sub(fromNanos(w.updated)) > q.opts.Retention.Dead:
			over = append(over, w.id)
		default:
			left = append(left, remainder{w.eventPos, r})
		}
	})
	slices.SortFunc(left, func(a, b remainder) int { return cmp.Compare(a.pos, b.pos) })
	return left, over
}

// carryEvent appends one event with its rows. They are held meanwhile: what a record says of them must still be so
// when it is applied, for a rebuild will know only the record. False when one of them cannot be held now.
func (q *Queue) carryEvent(ctx context.Context, e []remainder) (bool, error) {
	id := q.eventOf(e)
	if id.IsZero() {
		return true, nil
	}
	unlock, err := q.stripes.lock(ctx, id)
	if err != nil {
		return false, err
	}
	rows, ok := q.hold(e)
	free := func() {
		q.letGo(rows)
		unlock()
	}
	if ok && len(rows) > 0 {
		ok, err = q.quiet(ctx, rows)
	}
	if err != nil || !ok || len(rows) == 0 {
		free()
		return ok, err
	}
	first, err := q.eventAt(ctx, e[0].pos, true)
	if err != nil {
		free()
		if errors.Is(err, ErrNotFound) {
			return true, q.giveUp(ctx, id, rows, err)
		}
		return false, fmt.Errorf("carry event %s: %w", id, err)
	}
	last, err := q.lastWords(ctx, rows, e[0].pos)
	if err != nil {
		free()
		return false, fmt.Errorf("carry event %s: %w", id, err)
	}
	rec := &record{kind: kindCarried, time: time.Now().UTC(), event: first.rec.event, body: first.rec.body, rows: rows, told: last}
	a, err := q.commitHeld(ctx, rec, free)
	if err != nil {
		return false, fmt.Errorf("carry event %s: %w", id, err)
	}
	return a.hits == len(rows), nil
}

// eventOf is zero when all rows of the event left memory or were carried.
func (q *Queue) eventOf(e []remainder) (id event.EventID) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, x := range e {
		if w := q.state.table.row(x.row); w.state != 0 && w.eventPos == x.pos {
			id = w.event
		}
	}
	return id
}

// giveUp ends the deliveries of an event whose record is damaged: nothing can be made of it any more, and it must not
// keep all that came after it.
func (q *Queue) giveUp(ctx context.Context, id event.EventID, rows []rowData, cause error) error {
	q.opts.Logger.Error("a damaged event is given up", "event", id.String(), "deliveries", len(rows), "error", cause)
	for i := range rows {
		if err := q.Cancel(ctx, rows[i].ID); err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return nil
}

// quiet waits out the starts that were on their way when their leases were given back, and reports whether the rows
// are still as they were held.
func (q *Queue) quiet(ctx context.Context, rows []rowData) (bool, error) {
	if err := q.out.pass(ctx); err != nil {
		return false, err
	}
	if err := q.recent.wait(ctx, q.log.Health().Last); err != nil {
		return false, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range rows {
		r := q.state.table.find(rows[i].ID)
		if r == 0 || q.state.table.row(r).place != placeHeld || q.state.table.row(r).last != rows[i].Prev {
			return false, nil
		}
	}
	return true, nil
}

// hold takes rows out of their heaps. A row whose attempt runs, that is leased or that a coming event may supersede
// cannot be held; one that left memory need not.
func (q *Queue) hold(e []remainder) (rows []rowData, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.state
	for _, x := range e {
		w, k := s.table.row(x.row), s.keys[x.row]
		if w.state == 0 || w.eventPos != x.pos {
			continue
		}
		if w.started() || w.place == placeHeld || w.pending() && k != nil && k.first != 0 {
			return rows, false
		}
		s.pull(s.lane(w.dest), x.row)
		w.place = placeHeld
		rows = append(rows, s.data(x.row, w, k))
	}
	return rows, true
}

func (q *Queue) letGo(rows []rowData) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for i := range rows {
		r := q.state.table.find(rows[i].ID)
		if r == 0 {
			continue
		}
		if w := q.state.table.row(r); w.place == placeHeld {
			w.place = placeNone
			if w.pending() {
				q.state.backToHeap(r)
			}
		}
	}
	q.wake()
}

// carryNotes says again what notes are set.
func (q *Queue) carryNotes(ctx context.Context) error {
	q.noting.Lock()
	defer q.noting.Unlock()
	for key, value := range q.Notes("") {
		if err := q.setNote(ctx, key, value); err != nil {
			return err
		}
	}
	return nil
}

// carryOwners says again who owns which lane.
func (q *Queue) carryOwners(ctx context.Context) error {
	q.opening.Lock()
	defer q.opening.Unlock()
	owners := map[string]token{}
	q.mu.Lock()
	for _, l := range q.state.lanes {
		if l.owner != (token{}) {
			owners[l.destination] = l.owner
		}
	}
	q.mu.Unlock()
	for destination, owner := range owners {
		if err := q.own(ctx, destination, owner); err != nil {
			return err
		}
	}
	return nil
}
