package verify

import (
	"strconv"
	"time"
)

// defaultTolerance is what most senders' own libraries allow.
const defaultTolerance = 5 * time.Minute

func (t *Timestamp) tolerance() time.Duration {
	if t.Tolerance == 0 {
		return defaultTolerance
	}
	return t.Tolerance
}

// now is the clock in the unit of the timestamp, rounded down like the senders' own libraries do.
func (t *Timestamp) now(at time.Time) int64 {
	if t.Unit == "ms" {
		return at.UnixMilli()
	}
	return at.Unix()
}

// check refuses what is not a plain decimal or too far from now, in either direction.
func (t *Timestamp) check(text string, now time.Time) error {
	ts, ok := parseDecimal(text)
	if !ok {
		return refuse("timestamp %s is not a plain number", clip(text))
	}
	second := int64(1)
	if t.Unit == "ms" {
		second = 1000
	}
	tolerance := int64(t.tolerance()/time.Millisecond) * second / 1000
	switch age := t.now(now) - ts; {
	case age > tolerance:
		return refuse("timestamp %d s old, tolerance %d s", (age+second-1)/second, tolerance/second)
	case -age > tolerance:
		return refuse("timestamp %d s in the future, tolerance %d s", (-age+second-1)/second, tolerance/second)
	}
	return nil
}

// parseDecimal reads a number as senders write it: ASCII digits only, no sign, no leading zero, and at most 15 of them,
// which no arithmetic here overflows.
func parseDecimal(s string) (n int64, ok bool) {
	if s == "" || len(s) > 15 || s[0] == '0' {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = n*10 + int64(s[i]-'0')
	}
	return n, true
}

// clip quotes a text from a request for a reason: short, printable, on one line.
func clip(s string) string {
	const most = 40
	if len(s) > most {
		return strconv.QuoteToASCII(s[:most]) + "…"
	}
	return strconv.QuoteToASCII(s)
}

// text is now as the sender would write it.
func (t *Timestamp) text(now time.Time) string { return strconv.FormatInt(t.now(now), 10) }
