package queue

import (
	"context"
	"errors"
	"fmt"

	"github.com/hookrouter/hookrouter/router/queue/bodies"
)

// inlineUpTo is the largest body that is written to the log itself.
const inlineUpTo = 1 << 20

// beside is how many bytes of the event are not in its record.
func (r *record) beside() int64 {
	if r.body.File == "" {
		return 0
	}
	return int64(r.body.Length)
}

// openBodies opens the store of large bodies, when there is one, and removes what a crash left without a record. The
// state must be that of the whole log.
func (q *Queue) openBodies() (err error) {
	if q.opts.Bodies == "" {
		return nil
	}
	if q.bodies, err = bodies.Open(q.opts.Bodies); err != nil {
		return fmt.Errorf("bodies: %w", err)
	}
	names, err := q.bodies.Names()
	if err != nil {
		return fmt.Errorf("bodies: %w", err)
	}
	h, orphans := q.log.Health(), 0
	for _, name := range names {
		if pos, ok := q.state.files[name]; ok && pos >= h.First {
			continue
		}
		if orphans++; h.Damaged > 0 {
			continue // its record may be among the damaged ones
		}
		if err := q.bodies.Remove(name); err != nil {
			return fmt.Errorf("bodies: %w", err)
		}
	}
	if orphans > 0 && h.Damaged > 0 {
		q.opts.Logger.Warn("bodies without a record are kept, because records are damaged", "dir", q.opts.Bodies, "files", orphans)
	}
	return nil
}

// commitEvent is commit for an event. A body too large for the log is durable in its file before the record is written,
// and the file goes again if the record does not come to be the event's.
func (q *Queue) commitEvent(ctx context.Context, rec *record) (applied, error) {
	if q.bodies == nil || len(rec.event.Body) <= inlineUpTo {
		return q.commit(ctx, rec)
	}
	ref, err := q.bodies.Put(ctx, rec.event.ID.String(), rec.event.Body)
	if err != nil {
		return applied{}, fmt.Errorf("write the body: %w", err)
	}
	rec.body, rec.event.Body = ref, nil
	return q.commitThen(ctx, rec, func(a applied, err error) {
		if err != nil && !errors.Is(err, ErrClosed) || err == nil && a.known != 0 {
			_ = q.bodies.Remove(ref.File) // or the next start does
		}
	})
}

// readWhole is readEvent with headers and body, wherever that is.
func (q *Queue) readWhole(ctx context.Context, pos Pos, rec *record) (err error) {
	if err := q.readEvent(ctx, pos, true, rec); err != nil || rec.body.File == "" {
		return err
	}
	if q.bodies == nil {
		return fmt.Errorf("file %s, and no directory for bodies: %w", rec.body.File, ErrDamaged)
	}
	rec.event.Body, err = q.bodies.Get(rec.body)
	if errors.Is(err, ErrDamaged) && pos < q.log.Health().First {
		err = ErrTrimmed // meanwhile
	}
	return err
}

// hasBody reports whether an event could be delivered. When its body is lost, the sender who comes again with the same
// event brings it back.
func (q *Queue) hasBody(f *found) bool {
	return f.rec.body.File == "" || q.bodies != nil && !errors.Is(q.bodies.Check(f.rec.body), ErrDamaged)
}

// dropBodies removes the files whose records are gone.
func (q *Queue) dropBodies() error {
	first := q.log.Health().First
	var gone []string
	q.mu.Lock()
	for name, pos := range q.state.files {
		if pos < first {
			gone = append(gone, name)
			delete(q.state.files, name)
		}
	}
	q.mu.Unlock()
	if q.bodies == nil {
		return nil
	}
	for _, name := range gone {
		if err := q.bodies.Remove(name); err != nil {
			return fmt.Errorf("remove a body: %w", err)
		}
	}
	return nil
}
