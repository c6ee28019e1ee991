package deliver

import (
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/hookrouter/hookrouter/rules"
)

// breaker wraps gobreaker's, which counts and trips. When an open one may try again is decided here: gobreaker's own
// timeout is as short as it can be, and it is not touched before until. So an attempt that reports late cannot move
// it, a changed cooldown applies at once, and a probe is on its way only when a delivery is.
type breaker struct {
	inner   *gobreaker.TwoStepCircuitBreaker[struct{}]
	numbers rules.Breaker
	changed func(from, to string)

	state      gobreaker.State
	since      time.Time // of state, zero when it never changed
	until      time.Time // when an open breaker lets the next attempt through; zero when it is not open
	generation int       // grows with each change: results of older attempts are no news
	failures   int       // in a row, while closed; gobreaker would forget those that leave its window
}

var (
	errUnwell    = errors.New("destination is unwell")
	errUnrelated = errors.New("attempt says nothing about the destination")
)

// apply takes over changed numbers. gobreaker has no setters, so a new one is driven to the state of the old; what the
// window of a ratio held is counted anew.
func (b *breaker) apply(numbers rules.Breaker, now time.Time) {
	if numbers.Ratio == 0 {
		numbers.Failures = max(1, numbers.Failures)
	}
	numbers.Probes = max(1, numbers.Probes)
	if b.inner != nil && numbers == b.numbers {
		return
	}
	opened := b.until.Add(-b.numbers.Cooldown)
	b.numbers = numbers
	b.inner = b.make()
	b.generation++
	b.failures = min(b.failures, max(0, numbers.Failures-1)) // a change alone opens nothing
	switch b.state {
	case gobreaker.StateClosed:
		return
	case gobreaker.StateOpen:
		b.until = opened.Add(numbers.Cooldown)
	case gobreaker.StateHalfOpen: // its time is over: the next probe makes it half-open again
		b.state, b.until = gobreaker.StateOpen, now
	}
	b.tell(errUnwell)
}

// buckets are the steps in which what a ratio looks back on moves on.
const buckets = 10

func (b *breaker) make() *gobreaker.TwoStepCircuitBreaker[struct{}] {
	settings := gobreaker.Settings{
		MaxRequests:   uint32(b.numbers.Probes),
		Timeout:       time.Nanosecond,
		ReadyToTrip:   b.trips,
		IsExcluded:    func(err error) bool { return errors.Is(err, errUnrelated) },
		OnStateChange: b.record,
	}
	if b.numbers.Ratio > 0 {
		settings.Interval, settings.BucketPeriod = b.numbers.Window, max(1, b.numbers.Window/buckets)
	}
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](settings)
}

// trips is asked after each failure of a closed breaker.
func (b *breaker) trips(c gobreaker.Counts) bool {
	if b.state != gobreaker.StateClosed {
		return true // a new inner one is driven to where the old one was
	}
	n := b.numbers
	if n.Failures > 0 && b.failures >= n.Failures {
		return true
	}
	answers := c.TotalSuccesses + c.TotalFailures
	return n.Ratio > 0 && answers >= uint32(n.Min) && float64(c.TotalFailures) >= n.Ratio*float64(answers)
}

// tell counts a result at the time when it came, so that a window sees what slow attempts found, too.
func (b *breaker) tell(err error) {
	if done, refused := b.inner.Allow(); refused == nil {
		done(err)
	}
}

// record only notes the change: gobreaker holds its lock meanwhile. All its calls run under the lane's mutex.
func (b *breaker) record(_ string, from, to gobreaker.State) {
	if to == b.state {
		return // a new inner one has arrived there
	}
	now := time.Now()
	b.state, b.since, b.failures, b.until = to, now, 0, time.Time{}
	b.generation++
	if to == gobreaker.StateOpen {
		b.until = now.Add(b.numbers.Cooldown)
	}
	if b.changed != nil {
		b.changed(from.String(), to.String())
	}
}

// room is how many probes may start while the breaker is not closed. It is asked only after until.
func (b *breaker) room() int {
	if b.inner.State() == gobreaker.StateOpen { // its time is over, so this made it half-open, or the clock stands still
		return 0
	}
	c := b.inner.Counts()
	return b.numbers.Probes - int(c.Requests-c.TotalExclusions)
}

// shut reports whether it lets no attempt through now. It is asked only after until.
func (b *breaker) shut() bool { return b.state != gobreaker.StateClosed && b.room() <= 0 }

// enter lets an attempt through. A closed breaker hears of it when it ends, a half-open one counts its probes.
func (b *breaker) enter() (permit, bool) {
	p := permit{generation: b.generation}
	if b.state == gobreaker.StateClosed {
		return p, true
	}
	done, err := b.inner.Allow()
	if err != nil {
		return permit{}, false
	}
	p.probe, p.done, p.generation = true, done, b.generation
	return p, true
}

func (b *breaker) report(p permit, v verdict) {
	if p.generation != b.generation {
		return
	}
	err := errUnrelated
	switch v {
	case healthy:
		b.failures, err = 0, nil
	case unwell:
		b.failures++
		err = errUnwell
	}
	if p.probe {
		p.done(err)
	} else {
		b.tell(err)
	}
}

// probe ends the wait of an open breaker.
func (b *breaker) probe(now time.Time) {
	if b.state == gobreaker.StateOpen {
		b.until = now
	}
}
