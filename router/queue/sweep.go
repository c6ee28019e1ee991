package queue

import (
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// expire appends that a delivery's time ran out. Its row is in no heap; q.mu is held.
func (q *Queue) expire(r ref, now time.Time) {
	w := q.state.table.row(r)
	w.place = placeHeld
	rec := record{kind: kindFinish, time: now.UTC(), about: q.state.about(w), how: howExpired}
	rec.outcome = event.Outcome{State: event.Dead, Reason: event.ReasonExpired}
	q.out.add(item{rec: rec.encode()})
}

// ranOut ends a lease whose holder did not come back in time; q.mu is held. Its outcome is unknown, so it counts as
// lost and is due at once.
func (q *Queue) ranOut(le *Lease, now time.Time) {
	w := le.row()
	le.over()
	if w == nil {
		return
	}
	rec := record{kind: kindFinish, time: now.UTC(), about: le.about, owner: le.lane.owner, how: howRanOut, tried: true}
	rec.about.prev = le.last
	rec.attempt = event.Attempt{
		Number: le.about.number, Round: le.about.round, Started: le.began,
		Duration: now.Sub(le.began), Result: "lost",
	}
	rec.outcome = event.Outcome{State: event.Pending, Due: now.UTC()}
	q.out.add(item{rec: rec.encode()})
}
