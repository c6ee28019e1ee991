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
	failures   int       // in a row, while closed
	building   bool      // an inner one is being driven to the state: no news either
}

var (
	errUnwell    = errors.New("destination is unwell")
	errUnrelated = errors.New("attempt says nothing about the destination")
)

// apply takes over changed numbers. gobreaker has no setters, so a new one is driven to the state of the old.
func (b *breaker) apply(numbers rules.Breaker, now time.Time) {
	numbers.Failures, numbers.Probes = max(1, numbers.Failures), max(1, numbers.Probes)
	if b.inner != nil && numbers == b.numbers {
		return
	}
	opened := b.until.Add(-b.numbers.Cooldown)
	b.numbers = numbers
	b.inner = b.make()
	b.generation++
	b.building = true
	defer func() { b.building = false }()
	switch b.state {
	case gobreaker.StateClosed:
		b.fail(min(b.failures, numbers.Failures-1))
	case gobreaker.StateOpen:
		b.fail(numbers.Failures)
		b.until = opened.Add(numbers.Cooldown)
	case gobreaker.StateHalfOpen: // open, and its time is over: the next probe makes it half-open again
		b.fail(numbers.Failures)
		b.state, b.until = gobreaker.StateOpen, now
	}
}

func (b *breaker) make() *gobreaker.TwoStepCircuitBreaker[struct{}] {
	trip := uint32(b.numbers.Failures)
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests:   uint32(b.numbers.Probes),
		Timeout:       time.Nanosecond,
		ReadyToTrip:   func(c gobreaker.Counts) bool { return c.ConsecutiveFailures >= trip },
		IsExcluded:    func(err error) bool { return errors.Is(err, errUnrelated) },
		OnStateChange: b.record,
	})
}

func (b *breaker) fail(times int) {
	for range times {
		if done, err := b.inner.Allow(); err == nil {
			done(errUnwell)
		}
	}
}

// record only notes the change: gobreaker holds its lock meanwhile. All its calls run under the lane's mutex.
func (b *breaker) record(_ string, from, to gobreaker.State) {
	if b.building {
		return
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

func (b *breaker) enter() (permit, bool) {
	done, err := b.inner.Allow()
	if err != nil {
		return permit{}, false
	}
	return permit{generation: b.generation, probe: b.state == gobreaker.StateHalfOpen, done: done}, true
}

func (b *breaker) report(p permit, v verdict) {
	if p.generation != b.generation {
		return
	}
	switch v {
	case healthy:
		b.failures = 0
		p.done(nil)
	case unwell:
		b.failures++
		p.done(errUnwell)
	default:
		p.done(errUnrelated)
	}
}

// probe ends the wait of an open breaker.
func (b *breaker) probe(now time.Time) {
	if b.state == gobreaker.StateOpen {
		b.until = now
	}
}
