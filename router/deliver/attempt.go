package deliver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
)

// attempt makes one attempt and tells gate and queue what came of it. It returns how long the request took.
func (l *lane) attempt(le *queue.Lease, p permit) time.Duration {
	if l.run.leasing.Err() != nil {
		le.Release()
		l.report(p, unrelated)
		return 0
	}
	ev, dl, err := le.Begin(l.run.attempt)
	if err != nil {
		l.notBegun(p, err)
		return 0
	}
	a, _ := l.make(le, p, ev, dl, l.send)
	return a.Duration
}

// sender sends the request of an attempt.
type sender func(*rules.Destination, *rules.Request) answer

// make makes the attempt of a lease that has begun.
func (l *lane) make(
	le *queue.Lease, p permit, ev *event.Event, dl *event.Delivery, send sender,
) (event.Attempt, event.Outcome) {
	set := l.opts.Rules()
	a := event.Attempt{Number: dl.Tries, Round: dl.Round, Started: time.Now(), RulesHash: set.Hash()}
	out, v := l.tryUnharmed(set, ev, dl, p.probe, &a, send)
	if dl.Reply == event.ReplyOnce {
		out = once(out, &a)
	}
	a.Duration = time.Since(a.Started)
	l.metrics.observe(a)
	l.remember(a)
	l.report(p, v) // before Finish: the delivery may be leased again the moment it has returned
	l.finish(le, a, out)
	return a, out
}

// try renders and sends.
func (l *lane) try(
	set *rules.Set, ev *event.Event, dl *event.Delivery, probe bool, a *event.Attempt, send sender,
) (event.Outcome, verdict) {
	dest, ok := set.Destination(l.name)
	if !ok {
		return notSent(rules.ErrParked, a), unrelated
	}
	if !a.Started.Before(dl.Expires) {
		a.Result = resultExpired
		return event.Outcome{State: event.Dead, Reason: event.ReasonExpired}, unrelated
	}
	req, err := set.Render(ev, dl, dl.Tries)
	if err != nil {
		return notSent(err, a), unrelated
	}
	sum := sha256.Sum256(req.Body)
	a.URL, a.SentHash = req.MaskedURL, hex.EncodeToString(sum[:])
	ans := send(dest, req)
	a.Result, a.Status, a.Answer, a.Error = ans.result, ans.status, ans.body, ans.err
	now := time.Now()
	switch {
	case ans.asksToWait() && !dest.Templated: // else it holds for one place, and not for the others
		l.hold(now.Add(ans.after))
	case ans.gone(dest):
		l.gone(dest, a.Started)
	}
	out := decide(dest, ans, try{
		now: now, expires: dl.Expires, attempts: dl.Attempts, probe: probe, jitter: rand.Float64(),
	})
	return out, verdictOn(ans)
}

func verdictOn(a answer) verdict {
	switch {
	case a.result == resultShutdown || a.result == resultRule:
		return unrelated
	case a.troubled():
		return unwell
	}
	return healthy
}

// notSent is the outcome of an attempt that has no request.
func notSent(err error, a *event.Attempt) event.Outcome {
	var skip *rules.Skip
	switch {
	case errors.Is(err, rules.ErrParked):
		a.Result = resultParked
		return event.Outcome{State: event.Pending, Due: a.Started}
	case errors.As(err, &skip):
		a.Result = resultSkipped
		return event.Outcome{State: event.Canceled, Reason: event.ReasonSkipped, Detail: err.Error(), Counted: true}
	}
	a.Result, a.Error = resultRule, err.Error()
	return event.Outcome{State: event.Dead, Reason: event.ReasonRule, Detail: err.Error(), Counted: true}
}

func (l *lane) send(dest *rules.Destination, req *rules.Request) answer {
	l.mu.Lock()
	t := l.transport
	l.mu.Unlock()
	ctx, cancel := context.WithTimeout(l.run.attempt, dest.Timeout)
	defer cancel()
	ans := t.attempt(ctx, dest, req)
	if ans.result != resultOK && ans.status == 0 && l.run.attempt.Err() != nil {
		ans.result = resultShutdown
	}
	return ans
}

// notBegun is the end of a lease whose attempt could not start: it was superseded, its event cannot be read now, or we
// are ending. The queue sees to it that it does not come back at once.
func (l *lane) notBegun(p permit, err error) {
	l.report(p, unrelated)
	if !errors.Is(err, queue.ErrLost) && l.run.attempt.Err() == nil {
		l.seldom.Do(func() { l.log.Error("attempt could not start", "error", err) })
	}
}

func (l *lane) finish(le *queue.Lease, a event.Attempt, out event.Outcome) {
	if out.State == event.Dead {
		l.seldom.Do(func() {
			l.log.Warn("delivery is dead", "delivery", le.ID(), "route", le.Route(), "reason", out.Reason.String(),
				"attempt", a.Number, "status", a.Status, "error", a.Error)
		})
	}
	err := l.queue.Finish(l.run.results, le, a, out)
	if err != nil && !errors.Is(err, queue.ErrLost) {
		l.seldom.Do(func() { l.log.Error("result was not stored", "delivery", le.ID(), "error", err) })
	}
}

func (l *lane) report(p permit, v verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gate.report(time.Now(), p, v)
}

func (l *lane) hold(until time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gate.holdUntil(until)
	l.wake()
}

// remember keeps the last error for people.
func (l *lane) remember(a event.Attempt) {
	if a.Error == "" || a.Result == resultShutdown {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastError, l.errorAt = a.Error, a.Started
}
