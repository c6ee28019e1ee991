package queue

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// A claim is on a delivery whose answer a sender waits for: who holds it, and nobody else, makes its attempt. It names
// the process, so that the next one knows that nobody waits any more, and the request, so that one which comes again
// takes no place of the first. A claim ends with its round, and in settle: what would send the delivery back to pending
// makes it dead, or lets the lane have it.
type claim string

// The kinds of claims, each the first byte.
const (
	claimOnce    = "1" // the delivery is dead without an answer
	claimRelease = "r" // it waits for its next attempt without an answer
)

// newClaim is "" when nobody waits.
func (q *Queue) newClaim(r event.Reply, request event.EventID) claim {
	kind := claim(claimOnce)
	switch r {
	case event.NoReply:
		return ""
	case event.ReplyOrQueue:
		kind = claimRelease
	}
	return kind + claim(q.instance[:]) + claim(request[:])
}

func (c claim) reply() event.Reply {
	switch {
	case strings.HasPrefix(string(c), claimOnce):
		return event.ReplyOnce
	case strings.HasPrefix(string(c), claimRelease):
		return event.ReplyOrQueue
	}
	return event.NoReply
}

// isOf reports whether the process of an owner made the claim.
func (c claim) isOf(owner token) bool {
	return len(c) > len(owner)/2 && string(c[1:1+len(owner)/2]) == string(owner[:len(owner)/2])
}

// Claim is the right to attempt one delivery, for the answer that a sender waits for. The zero Claim is on none.
type Claim struct {
	Delivery    event.DeliveryID
	Destination string
	claim       claim
}

// Reply says what becomes of the delivery without an answer.
func (c Claim) Reply() event.Reply { return c.claim.reply() }

// claimed gives the claim on a row, "" when there is none.
func (s *state) claimed(r ref) claim {
	if s.table.row(r).flags&rowKeyed == 0 {
		return ""
	}
	return claim(s.keys[r].claim)
}

// setClaim changes the claim on a row that is in no lane. One with a claim has no other keys: it waits for nothing.
func (s *state) setClaim(r ref, c claim) {
	w := s.table.row(r)
	switch {
	case c != "":
		merged := uint32(0)
		if w.flags&rowKeyed != 0 {
			merged = s.keys[r].merged
		}
		w.flags |= rowKeyed
		s.keys[r] = &rowKeys{claim: string(c), merged: merged}
	case w.flags&rowKeyed != 0:
		s.keys[r].claim = ""
	}
}

// unclaim lets the lane have a pending row.
func (s *state) unclaim(r ref) {
	delete(s.lane(s.table.row(r).dest).claimed, r)
	s.keys[r].claim = ""
}

// orphans are the rows of a lane that were claimed by another process than its owner's, and whose attempt does not run.
func (s *state) orphans(l *laneRows) []ref {
	all := slices.Collect(maps.Keys(l.claimed))
	all = slices.DeleteFunc(all, func(r ref) bool { return s.table.row(r).started() || s.claimed(r).isOf(l.owner) })
	slices.SortFunc(all, func(a, b ref) int { return bytes.Compare(s.table.row(a).id[:], s.table.row(b).id[:]) })
	return all
}

// held gives the row that c is on, 0 when that is over or its attempt begun; q.mu is held.
func (q *Queue) held(c Claim) ref {
	r := q.state.table.find(c.Delivery)
	if r == 0 || c.claim == "" {
		return 0
	}
	if w := q.state.table.row(r); !w.pending() || w.started() || w.place != placeNone || q.state.claimed(r) != c.claim {
		return 0
	}
	return r
}

// Claimed reports whether c is on a delivery whose attempt has not begun.
func (q *Queue) Claimed(c Claim) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.held(c) != 0
}

// LeaseClaimed reserves the delivery that c is on for ttl, whatever else the lane does. It never blocks. nil when its
// claim is over. Begin or Release must be called on the lease; when there was no attempt, Abandon follows.
func (l *Lane) LeaseClaimed(c Claim, ttl time.Duration) *Lease {
	q := l.q
	q.mu.Lock()
	defer q.mu.Unlock()
	r := q.held(c)
	if r == 0 || l.closed {
		return nil
	}
	return l.reserve(q.state.table.row(r), time.Now(), ttl)
}

// Abandon gives up a claim without an attempt, for the operator's reason why: the delivery is dead or waits for its lane.
// It never blocks, and does nothing when the claim is over.
func (q *Queue) Abandon(c Claim, why string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if r := q.held(c); r != 0 {
		q.abandon(r, time.Now().UTC(), why)
	}
}

func (q *Queue) abandon(r ref, now time.Time, why string) {
	w := q.state.table.row(r)
	w.place = placeHeld
	rec := record{kind: kindFinish, time: now, about: q.state.about(w), how: howExpired}
	rec.outcome = event.Outcome{State: event.Dead, Reason: event.ReasonUnanswered, Detail: why}
	if q.state.claimed(r).reply() != event.ReplyOnce {
		rec.outcome = event.Outcome{State: event.Pending, Due: fromNanos(w.due)}
	}
	q.out.add(item{rec: rec.encode()})
}

// claimLife is longer than any sender waits for an answer.
const claimLife = time.Minute

// forsake gives up claims that nobody took: whoever made them was told, in error, that nothing was stored; q.mu is held.
func (q *Queue) forsake(now time.Time) {
	for _, l := range q.state.lanes {
		for r := range l.claimed {
			w := q.state.table.row(r)
			if w.place == placeNone && !w.started() && now.Sub(fromNanos(w.since)) > claimLife {
				q.abandon(r, now.UTC(), "nobody waited for the answer")
			}
		}
	}
}
