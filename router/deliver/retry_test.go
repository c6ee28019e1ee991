package deliver

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// TestDecide holds what becomes of a delivery after each kind of answer, with a backoff of 1 s doubling to 8 s and
// half of it as the jitter; it expires after an hour.
func TestDecide(t *testing.T) {
	status := func(code int) answer { return answer{result: resultStatus, status: code} }
	class := func(result string) answer { return answer{result: result} }
	asks := func(code int, d time.Duration) answer {
		return answer{result: resultStatus, status: code, after: d}
	}
	const counted, free = true, false
	for _, c := range []struct {
		name     string
		a        answer
		attempts int // before
		bound    int // retry.attempts
		probe    bool

		templated bool          // the URL is many places
		left      time.Duration // until it expires, 0 = an hour
		want      string
		counted   bool
	}{
		{name: "200", a: answer{result: resultOK, status: 200}, want: "delivered", counted: counted},
		{name: "204 of a probe", a: answer{result: resultOK, status: 204}, probe: true, want: "delivered", counted: counted},
		{name: "200 with Retry-After", a: answer{result: resultOK, status: 200, after: time.Minute}, want: "delivered", counted: counted},
		{name: "301", a: status(301), want: "dead refused", counted: counted},
		{name: "304", a: status(304), want: "dead refused", counted: counted},
		{name: "307", a: status(307), want: "dead refused", counted: counted},
		{name: "400", a: status(400), want: "dead refused", counted: counted},
		{name: "401", a: status(401), want: "dead refused", counted: counted},
		{name: "404", a: status(404), want: "dead refused", counted: counted},
		{name: "409", a: status(409), want: "dead refused", counted: counted},
		{name: "410", a: status(410), attempts: 2, bound: 3, want: "pending 0s", counted: free},
		{name: "410 of one of many places", a: status(410), templated: true, want: "dead refused", counted: counted},
		{name: "422", a: status(422), want: "dead refused", counted: counted},
		{name: "400 with Retry-After", a: asks(400, time.Minute), want: "dead refused", counted: counted},
		{name: "408", a: status(408), want: "pending 500ms", counted: counted},
		{name: "425", a: status(425), want: "pending 500ms", counted: counted},
		{name: "429", a: status(429), want: "pending 500ms", counted: counted},
		{name: "500", a: status(500), want: "pending 500ms", counted: counted},
		{name: "501", a: status(501), want: "pending 500ms", counted: counted},
		{name: "503", a: status(503), want: "pending 500ms", counted: counted},
		{name: "599", a: status(599), want: "pending 500ms", counted: counted},
		{name: "timeout", a: class(resultTimeout), want: "pending 500ms", counted: counted},
		{name: "connect", a: class(resultConnect), want: "pending 500ms", counted: counted},
		{name: "broken", a: class(resultBroken), want: "pending 500ms", counted: counted},
		{name: "broken after a 400", a: answer{result: resultBroken, status: 400}, want: "pending 500ms", counted: counted},
		{name: "dns", a: class(resultDNS), want: "pending 500ms", counted: counted},
		{name: "egress", a: class(resultEgress), want: "pending 500ms", counted: counted},
		{name: "tls", a: class(resultTLS), want: "pending 500ms", counted: counted},
		{name: "no request", a: class(resultRule), want: "dead rule_error", counted: counted},
		{name: "shutdown", a: class(resultShutdown), want: "pending 0s", counted: free},
		{name: "shutdown, last attempt", a: class(resultShutdown), attempts: 2, bound: 3, want: "pending 0s", counted: free},

		{name: "second", a: status(500), attempts: 1, want: "pending 1s", counted: counted},
		{name: "third", a: status(500), attempts: 2, want: "pending 2s", counted: counted},
		{name: "fourth", a: status(500), attempts: 3, want: "pending 4s", counted: counted},
		{name: "capped", a: status(500), attempts: 4, want: "pending 4s", counted: counted},
		{name: "capped for ever", a: status(500), attempts: 1 << 30, want: "pending 4s", counted: counted},

		{name: "one left", a: status(500), attempts: 1, bound: 3, want: "pending 1s", counted: counted},
		{name: "used up", a: status(500), attempts: 2, bound: 3, want: "dead exhausted", counted: counted},
		{name: "bound lowered", a: status(500), attempts: 7, bound: 3, want: "dead exhausted", counted: counted},
		{name: "only one", a: class(resultTimeout), bound: 1, want: "dead exhausted", counted: counted},
		{name: "probe", a: status(500), attempts: 2, bound: 3, probe: true, want: "pending 2s", counted: free},

		{name: "429 asks", a: asks(429, time.Minute), attempts: 2, bound: 3, want: "pending 1m0s", counted: free},
		{name: "503 asks", a: asks(503, time.Minute), attempts: 2, bound: 3, want: "pending 1m0s", counted: free},
		{name: "asks for less than the backoff", a: asks(503, time.Second), attempts: 3, want: "pending 4s", counted: free},
		{name: "500 may not ask", a: asks(500, time.Minute), want: "pending 500ms", counted: counted},

		{name: "just in time", a: status(500), left: 501 * time.Millisecond, want: "pending 500ms", counted: counted},
		{name: "too late", a: status(500), left: 500 * time.Millisecond, want: "dead expired", counted: counted},
		{name: "asked for too much", a: asks(429, time.Minute), left: time.Minute, want: "dead expired", counted: free},
		{name: "probe too late", a: status(500), probe: true, left: time.Millisecond, want: "dead expired", counted: free},
		{name: "delivered too late is delivered", a: answer{result: resultOK}, left: -time.Second, want: "delivered", counted: counted},
	} {
		t.Run(c.name, func(t *testing.T) {
			if c.left == 0 {
				c.left = time.Hour
			}
			d := *destination(t, "url: http://a/, retry: { backoff: 1s, max_backoff: 8s }")
			d.Retry.Attempts, d.Templated = c.bound, c.templated
			out := decide(&d, c.a, try{
				now: noon, expires: noon.Add(c.left), attempts: c.attempts, probe: c.probe, jitter: 0.5,
			})
			if got := describe(out); got != c.want || out.Counted != c.counted {
				t.Errorf("got %s, counted %v; want %s, %v", got, out.Counted, c.want, c.counted)
			}
		})
	}
}

// TestAnswersByTheRules: what `on` and `success` name. A dot is a retry, D delivered, R refused, P a pause.
func TestAnswersByTheRules(t *testing.T) {
	const statuses, classes = "200 204 302 400 404 409 410 429 500 501 503", "timeout connect broken dns tls egress"
	for _, c := range []struct{ lines, statuses, classes string }{
		{"", "D D R R R R P . . . .", ". . . . . ."},
		{`retry: { on: "!501" }`, "D D R R R R P . . R .", ". . . . . ."},
		{`retry: { on: ["!501", "!timeout", "!429"] }`, "D D R R R R P R . R .", "R . . . . ."},
		{`retry: { on: [5xx, "!501", 429] }`, "D D R R R R P . . R .", "R R R R R ."},
		{`retry: { on: [503, connect, dns] }`, "D D R R R R P R R R .", "R . R . R ."},
		{`retry: { on: [4xx] }`, "D D R . . . P . R R R", "R R R R R ."},
		{`retry: { on: ["!4xx", 410, 409] }`, "D D R R R . . R R R R", "R R R R R ."},
		{`retry: { on: "!410" }`, "D D R R R R R . . . .", ". . . . . ."},
		{`success: [2xx, 409]`, "D D R R R D P . . . .", ". . . . . ."},
		{`success: "!204"`, "D R R R R R P . . . .", ". . . . . ."},
		{`success: [200, 302, 410, 5xx], retry: { on: 204 }`, "D . D R R R D R D D D", "R R R R R ."},
	} {
		d := destination(t, "url: http://a/, "+c.lines)
		letter := func(a answer) string {
			out := decide(d, a, try{now: noon, expires: noon.Add(time.Hour * 48), jitter: 0.5})
			switch {
			case a.gone(d):
				return "P"
			case out.Reason == event.ReasonRefused:
				return "R"
			case out.State == event.Delivered:
				return "D"
			}
			return "."
		}
		var got, gotClasses []string
		for _, status := range strings.Fields(statuses) {
			code, _ := strconv.Atoi(status)
			a := answer{result: resultStatus, status: code}
			if d.Success.Status(code) {
				a.result = resultOK
			}
			got = append(got, letter(a))
		}
		for _, class := range strings.Fields(classes) {
			gotClasses = append(gotClasses, letter(answer{result: class}))
		}
		if strings.Join(got, " ") != c.statuses || strings.Join(gotClasses, " ") != c.classes {
			t.Errorf("%s\n   %s\ngot  %s | %s\nwant %s | %s", c.lines, statuses, got, gotClasses, c.statuses, c.classes)
		}
	}
}

// TestSchedule: the pauses are those of the file, and a failure after the last one is final. What does not count takes
// the pause of the attempt before it again.
func TestSchedule(t *testing.T) {
	d := destination(t, "url: http://a/, retry: { schedule: [5s, 5m, 30m] }")
	failed := answer{result: resultStatus, status: 500}
	for attempts, want := range []string{"pending 5s", "pending 5m0s", "pending 30m0s", "dead exhausted", "dead exhausted"} {
		out := decide(d, failed, try{now: noon, expires: noon.Add(time.Hour), attempts: attempts, jitter: 0.9})
		if got := describe(out); got != want || !out.Counted {
			t.Errorf("after %d attempts: %s, want %s", attempts, got, want)
		}
		probe := decide(d, failed, try{now: noon, expires: noon.Add(time.Hour), attempts: attempts, probe: true})
		if got := describe(probe); probe.Counted || attempts < 3 && got != want || attempts > 3 && got != "pending 30m0s" {
			t.Errorf("probe after %d attempts: %s, want %s", attempts, got, want)
		}
	}
}

func describe(o event.Outcome) string {
	text := o.State.String()
	if o.State == event.Pending {
		text += " " + o.Due.Sub(noon).String()
	}
	return strings.TrimSpace(text + " " + o.Reason.String())
}

func TestBackoffIsSpreadOverTheWholeStep(t *testing.T) {
	r := rules.Retry{Backoff: time.Second, MaxBackoff: time.Hour}
	for n, want := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 12: 2048 * time.Second, 13: time.Hour, 400: time.Hour} {
		if low, high := backoff(r, n, 0), backoff(r, n, 0.999999); low != 0 || high > want || high < want*99/100 {
			t.Errorf("step %d is %v to %v, want 0 to %v", n, low, high, want)
		}
	}
	if got := backoff(rules.Retry{}, 5, 0.9); got != 0 {
		t.Errorf("no backoff is %v", got)
	}
}

func TestRetryAfter(t *testing.T) {
	date := func(d time.Duration) string { return noon.Add(d).Format(http.TimeFormat) }
	for _, c := range []struct {
		header string // several are separated by "|"
		want   time.Duration
	}{
		{"0", 0}, {"1", time.Second}, {"7", 7 * time.Second}, {"007", 7 * time.Second}, {"120", 2 * time.Minute},
		{"3599", 3599 * time.Second}, {"3600", time.Hour}, {"3601", time.Hour}, {"86400", time.Hour},
		{"2147483647", time.Hour}, {"2147483648", time.Hour}, {"1000000000", time.Hour}, {"4294967296", time.Hour},
		{"9223372036854775808", time.Hour}, {strings.Repeat("9", 400), time.Hour}, {strings.Repeat("0", 400), 0},
		{" 5 ", 5 * time.Second}, {"\t5", 5 * time.Second},
		{"", 0}, {" ", 0}, {"-1", 0}, {"-3600", 0}, {"+5", 0}, {"1.5", 0}, {"1e9", 0}, {"0x10", 0}, {"5s", 0}, {"5 s", 0},
		{"5,6", 0}, {"٣", 0}, {"１２", 0}, {"NaN", 0}, {"Inf", 0}, {"soon", 0}, {"\"5\"", 0}, {"5;5", 0}, {"1_000", 0},
		{date(30 * time.Second), 30 * time.Second},
		{date(59 * time.Minute), 59 * time.Minute},
		{date(2 * time.Hour), time.Hour},
		{date(24 * 365 * 20 * time.Hour), time.Hour},
		{date(0), 0}, {date(-time.Second), 0}, {date(-time.Hour), 0}, {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
		{"Sunday, 01-Mar-26 12:00:40 GMT", 40 * time.Second}, {"Sun Mar  1 12:00:50 2026", 50 * time.Second},
		{"Sun, 01 Mar 2026 12:00:40", 0}, {"2026-03-01T12:00:40Z", 0}, {"Sun, 32 Mar 2026 12:00:40 GMT", 0},
		{"5|9", 9 * time.Second}, {"9|5", 9 * time.Second}, {"soon|9", 9 * time.Second}, {"9|" + date(40*time.Second), 40 * time.Second},
		{"5|9999999", time.Hour}, {"-1|0", 0},
	} {
		if got := retryAfter(strings.Split(c.header, "|"), noon); got != c.want {
			t.Errorf("Retry-After %.60q is %v, want %v", c.header, got, c.want)
		}
	}
	if got := retryAfter(nil, noon); got != 0 {
		t.Errorf("no Retry-After is %v", got)
	}
}

func TestOnlyTroubleCountsForTheBreaker(t *testing.T) {
	for code := 100; code < 600; code++ {
		a := answer{result: resultStatus, status: code}
		if code/100 == 2 {
			a.result = resultOK
		}
		if want := code >= 500; a.troubled() != want {
			t.Errorf("%d counts: %v, want %v", code, a.troubled(), want)
		}
	}
	counts := map[string]bool{
		resultTimeout: true, resultConnect: true, resultBroken: true, resultDNS: true, resultTLS: true,
		resultEgress: true, resultToken: true,
	}
	for _, result := range results() {
		if got := verdictOn(answer{result: result}) == unwell; got != counts[result] {
			t.Errorf("%s counts: %v, want %v", result, got, counts[result])
		}
	}
}
