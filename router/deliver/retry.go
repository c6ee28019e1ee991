package deliver

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
)

// The classes of attempts: event.Attempt.Result and the label of metrics.
const (
	resultOK       = "ok"
	resultStatus   = "status"     // any answer but 2xx
	resultTimeout  = "timeout"    // no whole answer within the destination's timeout
	resultConnect  = "connect"    // no connection
	resultBroken   = "broken"     // the connection or the protocol broke before the answer was whole
	resultDNS      = "dns"        // the name was not resolved
	resultTLS      = "tls"        // no trust in the other side
	resultToken    = "token"      // no token for the request: the attempt did not reach the destination
	resultEgress   = "egress"     // our own policy forbids the address: a mistake of the operator's, who can mend it
	resultRule     = "rule_error" // the rules made no request of it
	resultSkipped  = "skipped"    // the rules said so
	resultParked   = "parked"     // the rules changed between lease and attempt
	resultExpired  = "expired"    // its time ran out between lease and attempt
	resultShutdown = "shutdown"   // we cut it off
	resultPanic    = "panic"      // a fault of ours, that one delivery met with
)

// results are all classes, for the metrics.
func results() []string {
	return []string{
		resultOK, resultStatus, resultTimeout, resultConnect, resultBroken, resultDNS, resultTLS, resultToken, resultEgress,
		resultRule, resultSkipped, resultParked, resultExpired, resultShutdown, resultPanic,
	}
}

// answer is what came of an attempt that sent a request.
type answer struct {
	result string
	status int           // 0 when there was none
	after  time.Duration // what Retry-After asks for; 0 when it asks for nothing
	body   string        // its beginning
	err    string        // operator's text, "" when ok

	whole       []byte // all of the body, for a sender who waits; nil when nobody does, or it is too long
	contentType string
}

// asksToWait reports whether the destination said when to come back: that is no failure of the delivery.
func (a answer) asksToWait() bool {
	return a.after > 0 && (a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable)
}

// gone reports whether the destination said that it is no more, for good.
func (a answer) gone(d *rules.Destination) bool {
	return a.result == resultStatus && d.PausedBy(a.status)
}

// troubled reports whether the breaker counts it as a failure.
func (a answer) troubled() bool {
	switch a.result {
	case resultTimeout, resultConnect, resultBroken, resultDNS, resultTLS, resultToken, resultEgress:
		return true
	}
	return a.result == resultStatus && a.status >= 500
}

// retried reports whether another attempt could help. What kept an attempt from the destination always passes, or an
// operator mends it.
func (a answer) retried(on rules.Answers) bool {
	switch a.result {
	case resultStatus:
		return on.Status(a.status)
	case resultEgress, resultToken:
		return true
	}
	return on.Failure(a.result)
}

// try is what besides the answer decides about the next attempt.
type try struct {
	now      time.Time
	expires  time.Time // of the delivery
	attempts int       // counted ones before this one
	probe    bool      // it was made to find out whether the destination recovered
	jitter   float64   // in [0, 1)
}

// decide says what an answer does to its delivery. It is a pure function.
func decide(d *rules.Destination, a answer, t try) event.Outcome {
	r := d.Retry
	switch {
	case a.result == resultOK:
		return event.Outcome{State: event.Delivered, Counted: true}
	case a.result == resultShutdown:
		return event.Outcome{State: event.Pending, Due: t.now}
	case a.result == resultRule:
		return event.Outcome{State: event.Dead, Reason: event.ReasonRule, Detail: a.err, Counted: true}
	case a.gone(d):
		return event.Outcome{State: event.Pending, Due: t.now} // its lane is paused
	case !a.retried(r.On):
		return event.Outcome{State: event.Dead, Reason: event.ReasonRefused, Detail: a.err, Counted: true}
	}
	counted := !t.probe && !a.asksToWait()
	if counted && usedUp(r, t.attempts+1) {
		return event.Outcome{State: event.Dead, Reason: event.ReasonExhausted, Detail: a.err, Counted: true}
	}
	wait := pauseAfter(r, t.attempts+1, t.jitter)
	if a.asksToWait() {
		wait = max(wait, a.after)
	}
	due := t.now.Add(wait)
	if !due.Before(t.expires) {
		return event.Outcome{State: event.Dead, Reason: event.ReasonExpired, Detail: a.err, Counted: counted}
	}
	return event.Outcome{State: event.Pending, Due: due, Counted: counted}
}

// usedUp reports whether the n-th attempt was the last one.
func usedUp(r rules.Retry, n int) bool {
	return r.Attempts > 0 && n >= r.Attempts || len(r.Schedule) > 0 && n > len(r.Schedule)
}

// pauseAfter is the wait after the n-th attempt. A schedule is kept as it is written.
func pauseAfter(r rules.Retry, n int, jitter float64) time.Duration {
	if len(r.Schedule) > 0 {
		return r.Schedule[min(n, len(r.Schedule))-1]
	}
	return backoff(r, n, jitter)
}

// backoff is the wait after the n-th attempt: anything up to the n-th step, so that what failed together does not
// come back together.
func backoff(r rules.Retry, n int, jitter float64) time.Duration {
	step := r.Backoff
	for i := 1; i < n && step < r.MaxBackoff; i++ {
		step *= 2
	}
	return time.Duration(jitter * float64(min(step, r.MaxBackoff)))
}

// maxRetryAfter bounds how long a destination can make us wait.
const maxRetryAfter = time.Hour

// retryAfter reads Retry-After: seconds or a date. Several headers mean the longest; what is neither, or not in the
// future, asks for nothing.
func retryAfter(values []string, now time.Time) time.Duration {
	var longest time.Duration
	for _, v := range values {
		longest = max(longest, oneRetryAfter(strings.TrimSpace(v), now))
	}
	return min(longest, maxRetryAfter)
}

func oneRetryAfter(v string, now time.Time) time.Duration {
	if v != "" && strings.Trim(v, "0123456789") == "" {
		seconds, err := strconv.ParseUint(v, 10, 31)
		if err != nil {
			return maxRetryAfter // all digits, so it is too large
		}
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	return at.Sub(now)
}
