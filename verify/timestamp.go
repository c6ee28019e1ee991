package verify

import (
	"net/http"
	"strconv"
	"time"
)

// defaultTolerance is what most senders' own libraries allow.
const defaultTolerance = 5 * time.Minute

// window is how old a time may be, and how far ahead.
func (t *Timestamp) window() (past, future time.Duration) {
	past, future = t.Tolerance, t.Tolerance
	if t.Tolerance == 0 {
		past, future = defaultTolerance, defaultTolerance
	}
	if t.Past > 0 {
		past = t.Past
	}
	if t.Future > 0 {
		future = t.Future
	}
	return past, future
}

// check refuses what is not a time in the unit or too far from now, in either direction. Whole seconds count where the
// sender sends whole seconds, as its own library does.
func (t *Timestamp) check(text string, now time.Time) error {
	at, ok := t.parse(text)
	if !ok {
		return refuse("timestamp %s is not %s", clip(text), t.wants())
	}
	if t.Unit == "" || t.Unit == "s" {
		now = now.Truncate(time.Second)
	}
	past, future := t.window()
	switch { // not by a difference: that of times far apart is cut off
	case at.Before(now.Add(-past)):
		return t.far(text, "old", now.Sub(at), past)
	case at.After(now.Add(future)):
		return t.far(text, "in the future", at.Sub(now), future)
	}
	return nil
}

// far says how far a time is out, or that it is in another unit.
func (t *Timestamp) far(text, where string, off, tolerance time.Duration) error {
	const secondsNow, millisecondsNow = 10, 13 // the digits of times in these decades
	switch inSeconds := t.Unit == "" || t.Unit == "s"; {
	case inSeconds && len(text) == millisecondsNow:
		return refuse("timestamp %s looks like milliseconds, and the scheme counts seconds", clip(text))
	case t.Unit == "ms" && len(text) == secondsNow:
		return refuse("timestamp %s looks like seconds, and the scheme counts milliseconds", clip(text))
	}
	return refuse("timestamp %s %s, tolerance %s; a clock that is %s off would explain it", seconds(off), where, seconds(tolerance), seconds(off))
}

// seconds is a duration for people, rounded up.
func seconds(d time.Duration) string {
	whole := int64(d / time.Second)
	if d%time.Second > 0 {
		whole++
	}
	return strconv.FormatInt(whole, 10) + " s"
}

func (t *Timestamp) parse(text string) (time.Time, bool) {
	switch t.Unit {
	case "rfc3339":
		at, err := time.Parse(time.RFC3339Nano, text)
		return at, err == nil && text[10] == 'T'
	case "http":
		at, err := http.ParseTime(text)
		return at, err == nil
	}
	n, ok := parseDecimal(text)
	if t.Unit == "ms" {
		return time.UnixMilli(n), ok
	}
	return time.Unix(n, 0), ok
}

func (t *Timestamp) wants() string {
	switch t.Unit {
	case "rfc3339":
		return "a time such as 2026-03-02T09:58:20Z"
	case "http":
		return "an HTTP date"
	}
	return "a plain number"
}

// text is now as the sender would write it.
func (t *Timestamp) text(now time.Time) string {
	switch t.Unit {
	case "rfc3339":
		return now.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	case "http":
		return now.UTC().Format(http.TimeFormat)
	case "ms":
		return strconv.FormatInt(now.UnixMilli(), 10)
	}
	return strconv.FormatInt(now.Unix(), 10)
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
