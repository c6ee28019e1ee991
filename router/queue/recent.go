package queue

import (
	"context"
	"slices"
	"sync"

	"github.com/hookrouter/hookrouter/event"
)

// recent says how far the log is applied and, while somebody watches, what the last records did to deliveries: the
// record alone does not say whom an event superseded.
type recent struct {
	mu       sync.Mutex
	applied  Pos
	moved    chan struct{} // closed when applied grows; nil when nobody waits
	watchers int
	kept     []outcomes // the last ones, in order of pos
}

// outcomes are the deliveries that a record changed, as they were after it.
type outcomes struct {
	pos   Pos
	known bool // an event that was no new one
	rows  []event.Delivery
}

const recentKept = 4096

// passed moves on to pos.
func (r *recent) passed(pos Pos) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.advance(pos)
}

func (r *recent) advance(pos Pos) {
	r.applied = max(r.applied, pos)
	if r.moved != nil {
		close(r.moved)
		r.moved = nil
	}
}

// add is called with the state locked.
func (r *recent) add(s *state, pos Pos, eff *effect) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.watchers > 0 {
		o := outcomes{pos: pos, known: eff.known != 0}
		for i := range eff.rows {
			o.rows = append(o.rows, s.changed(&eff.rows[i]))
		}
		if len(r.kept) == 2*recentKept {
			r.kept = slices.Clone(r.kept[recentKept:])
		}
		r.kept = append(r.kept, o)
	}
	r.advance(pos)
}

// changed is the delivery of a change.
func (s *state) changed(c *rowChange) event.Delivery {
	d := s.data(0, &c.row, c.keys).Delivery
	d.Successor = c.successor
	return d
}

// wait returns when all up to pos is applied.
func (r *recent) wait(ctx context.Context, pos Pos) error {
	for {
		r.mu.Lock()
		if r.applied >= pos {
			r.mu.Unlock()
			return nil
		}
		if r.moved == nil {
			r.moved = make(chan struct{})
		}
		moved := r.moved
		r.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// find gives what the record at pos did, if that is still known.
func (r *recent) find(pos Pos) (outcomes, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i, ok := slices.BinarySearchFunc(r.kept, pos, func(o outcomes, p Pos) int { return int(int64(o.pos) - int64(p)) })
	if !ok {
		return outcomes{}, false
	}
	return r.kept[i], true
}

func (r *recent) watch(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.watchers += n
	if r.watchers == 0 {
		r.kept = nil
	}
}
