package queue

import (
	"context"
	"errors"
	"fmt"
)

// weighed is how many events are read to know how large those that must be carried are.
const weighed = 64

// reach is how far retention goes: what is too old goes whatever that takes, since it is carried once in that time; what
// is too much, or has to go for want of room, only as far as that is worth it.
func (q *Queue) reach(ctx context.Context, left []remainder, age, size Pos, h Health) (Pos, error) {
	if h.Short > 0 {
		return q.worth(ctx, left, max(age, size), h)
	}
	if size <= age {
		return age, nil
	}
	to, err := q.worth(ctx, left, size, h)
	return max(age, to), err
}

// worth is the farthest position up to to before which at least as much can go as has to be carried: else what is
// pending would be written again and again to free nothing. Where the disk is short of room, what is carried must also
// fit twice into what is left. 0 when there is no such position.
func (q *Queue) worth(ctx context.Context, left []remainder, to Pos, h Health) (Pos, error) {
	each, whole, err := q.weigh(ctx, left)
	if err != nil {
		return 0, err
	}
	most := int64(1) << 62
	if h.Short > 0 && h.Free >= 0 {
		most = h.Free / 2
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	best, i, n := Pos(0), 0, 0 // events before x
	for _, x := range q.state.samples {
		if x.pos > to {
			break
		}
		for ; i < len(left) && left[i].pos < x.pos; i++ {
			if i == 0 || left[i].pos != left[i-1].pos {
				n++
			}
		}
		carried, gone := int64(n)*each, x.bytes-q.state.samples[0].bytes-int64(n)*whole
		if carried <= gone && carried <= most {
			best = x.pos
		}
	}
	return best, nil
}

// weigh is how many bytes the record of one of the events has on average, and how many it has with its body's file.
func (q *Queue) weigh(ctx context.Context, left []remainder) (each, whole int64, err error) {
	n := int64(0)
	var rec record
	for i := 0; i < len(left); i += 1 + len(left)/weighed {
		e, err := q.log.At(ctx, left[i].pos)
		switch {
		case errors.Is(err, ErrTrimmed) || errors.Is(err, ErrNotFound):
			continue
		case err != nil:
			return 0, 0, fmt.Errorf("event at %d: %w", left[i].pos, err)
		}
		if rec.decode(e.Record, false) == nil {
			each += int64(len(e.Record))
			whole += int64(len(e.Record)) + rec.beside()
			n++
		}
	}
	n = max(n, 1)
	return each / n, whole / n, nil
}
