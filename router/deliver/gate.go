package deliver

import (
	"math"
	"math/rand/v2"
	"time"

	"github.com/sony/gobreaker/v2"
	"golang.org/x/time/rate"

	"github.com/hookrouter/hookrouter/rules"
)

// gate decides whether an attempt may start now. It closes for a pause, a hold, an open breaker, a used-up rate or
// when enough attempts run; it never waits itself: room says when to ask again. It is not safe for concurrent use,
// the lane's mutex guards it.
type gate struct {
	limit   rules.Limit
	limiter *rate.Limiter // nil: no rate
	breaker breaker

	parked bool      // not in the rules
	paused bool      // by a person
	hold   time.Time // the destination asked to be left alone until then

	ramp      int       // most attempts at once when this step of a start began; full afterwards
	rampDone  int       // successes at this step
	rampBegan time.Time // the step
	rampNext  time.Time // no next step before then
	rampTurn  int       // grows when less is allowed: what began before says nothing about that

	ready   int           // leases that wait for a slot
	running int           // attempts that run
	typical time.Duration // moving average of what an attempt takes
}

// permit is what one attempt holds of the gate.
type permit struct {
	generation int // of the breaker
	turn       int // of the ramp
	probe      bool
	done       func(error)
}

// verdict is what an attempt says about the destination.
type verdict int

const (
	unrelated verdict = iota // it never got there, or we cut it
	healthy
	unwell
)

const (
	full = math.MaxInt // ramp: no bound of its own

	// Leases are taken ahead of free slots only where an attempt takes less than quick: the commit of their starts is
	// then worth hiding, and they wait so shortly that nothing can supersede them meanwhile.
	quick    = 20 * time.Millisecond
	aheadMin = 4 // concurrency from which on it is worth it
)

func newGate(dest *rules.Destination, changed func(from, to string)) *gate {
	g := &gate{typical: quick}
	g.breaker.changed = changed
	g.restart(time.Now())
	g.apply(dest, time.Now())
	return g
}

// apply takes over limits and breaker numbers; what it was in the middle of goes on.
func (g *gate) apply(dest *rules.Destination, now time.Time) {
	g.parked = false
	g.breaker.apply(dest.Breaker, now)
	if g.limit == dest.Limit {
		return
	}
	g.limit = dest.Limit
	g.limit.Concurrency = max(1, g.limit.Concurrency)
	if g.limit.Rate <= 0 {
		g.limiter = nil
		return
	}
	per, burst := rate.Limit(g.limit.Rate), max(1, int(g.limit.Rate/20))
	if g.limiter == nil {
		g.limiter = rate.NewLimiter(per, burst)
		return
	}
	g.limiter.SetLimitAt(now, per)
	g.limiter.SetBurstAt(now, burst)
}

// ahead is how many leases may be taken beyond that.
func (g *gate) ahead() int {
	if g.limiter != nil || g.breaker.state != gobreaker.StateClosed {
		return 0
	}
	if g.ramp != full || g.limit.Concurrency < aheadMin || g.typical >= quick {
		return 0
	}
	return g.limit.Concurrency
}

// shut says until when nothing may start at all: zero for now is fine, forever when only a change can open it.
func (g *gate) shut(now time.Time) (until time.Time, closed bool) {
	if g.parked || g.paused {
		return time.Time{}, true
	}
	for _, t := range [...]time.Time{g.hold, g.breaker.until} {
		if t.After(now) && t.After(until) {
			until = t
		}
	}
	return until, !until.IsZero()
}

// room is how many more leases may be taken now. When it is none, again says when to ask anew; zero means after the
// next change.
func (g *gate) room(now time.Time) (n int, again time.Time) {
	if until, closed := g.shut(now); closed {
		return 0, until
	}
	if g.breaker.state != gobreaker.StateClosed {
		n = g.breaker.room() - g.ready
	} else {
		n = g.slots(now)
	}
	if n <= 0 || g.limiter == nil {
		return max(0, n), time.Time{}
	}
	tokens := g.limiter.TokensAt(now)
	if tokens < 1 {
		missing := (1 - tokens) / g.limit.Rate
		return 0, now.Add(time.Duration(math.Ceil(missing*float64(time.Second))) + time.Microsecond)
	}
	return min(n, int(tokens)), time.Time{}
}

// slots is how many more leases may be taken while the breaker is closed; those ahead are taken in batches.
func (g *gate) slots(now time.Time) int {
	ahead := g.ahead()
	if ahead > 0 && g.ready > ahead/2 {
		return 0
	}
	return g.most(now) + ahead - g.ready - g.running
}

// lease notes that n leases were taken.
func (g *gate) lease(now time.Time, n int) {
	g.ready += n
	if g.limiter != nil && n > 0 {
		g.limiter.AllowN(now, n)
	}
}

// enter lets one of the leases start its attempt, if that is still right.
func (g *gate) enter(now time.Time) (permit, bool) {
	if _, closed := g.shut(now); closed || g.ready == 0 {
		return permit{}, false
	}
	if g.breaker.state == gobreaker.StateClosed && g.running >= g.most(now) {
		return permit{}, false
	}
	p, ok := g.breaker.enter()
	p.turn = g.rampTurn
	if ok {
		g.ready--
		g.running++
	}
	return p, ok
}

// report tells what an attempt found; its slot is free only with leave.
func (g *gate) report(now time.Time, p permit, v verdict) {
	before := g.breaker.state
	g.breaker.report(p, v)
	switch {
	case g.breaker.state == gobreaker.StateClosed && before != gobreaker.StateClosed:
		g.restart(now)
	case g.breaker.state == gobreaker.StateClosed && p.turn == g.rampTurn:
		g.climb(now, v)
	}
}

// leave frees the slot of an attempt that took so long.
func (g *gate) leave(took time.Duration) {
	g.running--
	g.typical += (took - g.typical) / 8
}

// holdUntil leaves the destination alone until then, and begins gently afterwards.
func (g *gate) holdUntil(until time.Time) {
	if until.After(g.hold) {
		g.hold = until
		g.restart(until)
	}
}

// endHold ends a hold before its time.
func (g *gate) endHold(now time.Time) {
	if g.hold.After(now) {
		g.hold = time.Time{}
		g.restart(now)
	}
}

const rampPause = time.Second // between two steps of the ramp, and up to a quarter more

// restart begins at one attempt at a time again: what waits must not fall upon a destination that has just come back.
func (g *gate) restart(now time.Time) { g.stepBack(1, now) }

// stepBack allows less; what began before says nothing about that.
func (g *gate) stepBack(ramp int, now time.Time) {
	g.rampTurn++
	g.step(ramp, now)
}

// step sets how many attempts may run at once when the next step of the ramp begins. Its length varies, so that
// processes which started together do not climb together.
func (g *gate) step(ramp int, now time.Time) {
	g.ramp, g.rampDone = ramp, 0
	g.rampBegan, g.rampNext = now, now.Add(rampPause+rand.N(rampPause/4))
}

// most is how many attempts may run at once while the breaker is closed. Within a step of the ramp it grows to twice as
// many, bit by bit and by one for each success at most: what is too much is found by few attempts.
func (g *gate) most(now time.Time) int {
	if g.ramp == full {
		return g.limit.Concurrency
	}
	passed := min(1, max(0, float64(now.Sub(g.rampBegan))/float64(g.rampNext.Sub(g.rampBegan))))
	return min(g.ramp+g.rampDone, int(float64(g.ramp)*math.Exp2(passed)), g.limit.Concurrency)
}

// climb takes the next step of the ramp when this one is over and everything that it allows went well; trouble halves
// what is allowed.
func (g *gate) climb(now time.Time, v verdict) {
	switch {
	case g.ramp == full || v == unrelated:
	case v == unwell:
		g.stepBack(max(1, g.most(now)/2), now)
	default:
		g.rampDone++
		if g.rampDone < g.ramp || now.Before(g.rampNext) {
			return
		}
		next := 2 * g.ramp
		if next >= g.limit.Concurrency {
			next = full
		}
		g.step(next, now)
	}
}
