package ingest_test

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/rules"
)

// limited is a rules file with one source "in" under this limit, and others beside it.
func limited(limit string) string {
	return "version: 1\nsources:\n  in: { preset: github, secret: " + secret + ", limit: " + limit + " }\n" +
		"  beside: { preset: github, secret: " + secret + " }\n  open: { verify: none }\n"
}

func limitedRig(t *testing.T, limit string) *rig {
	t.Helper()
	r := newRig(t)
	r.rules.Store(parse(t, limited(limit)))
	return r
}

// TestRateIsOfOneSource: of a hundred sources with the same rate, the one that sends too much is refused, nobody else.
func TestRateIsOfOneSource(t *testing.T) {
	const sources = 100
	var text strings.Builder
	text.WriteString("version: 1\nsources:\n")
	for i := range sources {
		fmt.Fprintf(&text, "  s%d: { preset: github, secret: %s, limit: { rate: 10/m } }\n", i, secret)
	}
	r := newRig(t)
	r.rules.Store(parse(t, text.String()))
	var noisy, others atomic.Int64 // refused
	var all sync.WaitGroup
	all.Go(func() {
		for i := range 200 {
			switch got := r.send("s0", fmt.Sprintf(`{"noisy":%d}`, i)); got.Status {
			case http.StatusTooManyRequests:
				noisy.Add(1)
			case http.StatusAccepted:
			default:
				t.Errorf("the noisy one is answered %+v", got)
			}
		}
	})
	for i := 1; i < sources; i++ {
		all.Go(func() {
			for n := range 5 {
				if got := r.send(fmt.Sprintf("s%d", i), fmt.Sprintf(`{"n":%d}`, n)); got.Status != http.StatusAccepted {
					others.Add(1)
				}
			}
		})
	}
	all.Wait()
	if noisy.Load() < 180 || others.Load() > 0 {
		t.Errorf("refused: %d of 200 of the noisy one, %d of the others", noisy.Load(), others.Load())
	}
}

// TestRetryAfterIsRight: who comes when it was told to is taken, and was not told to wait a second longer than needed.
func TestRetryAfterIsRight(t *testing.T) {
	r := limitedRig(t, "{ rate: 20/m }") // one in 3 s, after 20 at once
	n := 0
	send := func() answer { n++; return r.send("in", fmt.Sprintf(`{"n":%d}`, n)) }
	for range 20 {
		if got := send(); got.Status != http.StatusAccepted {
			t.Fatalf("one of the first: %+v", got)
		}
	}
	refused := send()
	told, err := strconv.Atoi(refused.Header.Get("Retry-After"))
	if refused.Status != http.StatusTooManyRequests || err != nil || told < 1 || told > 3 {
		t.Fatalf("one too many: %+v", refused)
	}
	at := time.Now()
	for send().Status != http.StatusAccepted {
		if time.Since(at) > time.Duration(told)*time.Second+500*time.Millisecond {
			t.Fatalf("told to come after %d s, and still refused", told)
		}
		time.Sleep(50 * time.Millisecond) // no event tells when there is room again
	}
	if early := time.Duration(told)*time.Second - time.Since(at); early > time.Second {
		t.Errorf("told to wait %d s, there was room %v before", told, early)
	}
}

// TestStrangersUseNoRate: what cannot be verified leaves the rate to the sender whose it is.
func TestStrangersUseNoRate(t *testing.T) {
	r := limitedRig(t, "{ rate: 3/h }")
	for i := range 50 {
		forged := r.request("in", fmt.Sprintf(`{"forged":%d}`, i))
		forged.Header.Set("X-Hub-Signature-256", flip(forged.Header.Get("X-Hub-Signature-256")))
		if got := r.do(forged); got.Status != http.StatusUnauthorized {
			t.Fatalf("forged: %+v", got)
		}
	}
	var got []int
	for i := range 4 {
		got = append(got, r.send("in", fmt.Sprintf(`{"n":%d}`, i)).Status)
	}
	if fmt.Sprint(got) != "[202 202 202 429]" {
		t.Errorf("the sender whose rate it is: %v", got)
	}
}

// TestOverRateIsNotRead: the answer comes before the body does.
func TestOverRateIsNotRead(t *testing.T) {
	r := limitedRig(t, "{ rate: 1/h }")
	r.send("in", `{}`)
	conn := r.write(head("in", "Content-Length: 100"))
	_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second)) // long before the body's 15 s
	if got := readAnswer(t, conn); got.StatusCode != http.StatusTooManyRequests {
		t.Errorf("answer %s", got.Status)
	}
	if got := r.send("beside", `{}`); got.Status != http.StatusAccepted {
		t.Errorf("another source: %+v", got)
	}
	if x := r.ingest.Refusals("in"); len(x) != 1 || !strings.Contains(x[0].Reason, "rate") {
		t.Errorf("refusals %+v", x)
	}
}

// TestLimitOutlivesTheRules: rules that leave the numbers alone forgive nothing; other numbers count from the start.
func TestLimitOutlivesTheRules(t *testing.T) {
	r := limitedRig(t, "{ rate: 2/h, concurrency: 9 }")
	n := 0
	send := func() int { n++; return r.send("in", fmt.Sprintf(`{"n":%d}`, n)).Status }
	got := []int{send(), send(), send()}
	r.rules.Store(parse(t, limited("{ concurrency: 9, rate: 2/h }")+"# another file\n"))
	got = append(got, send())
	r.rules.Store(parse(t, limited("{ rate: 1/h, concurrency: 9 }")))
	got = append(got, send(), send())
	if fmt.Sprint(got) != "[202 202 429 429 202 429]" {
		t.Errorf("answers %v", got)
	}
}

// TestConcurrencyOfASource: bodies that take their time fill the places of their own source, of nobody else, and give
// them back however they end.
func TestConcurrencyOfASource(t *testing.T) {
	r := limitedRig(t, "{ concurrency: 3 }")
	in, _ := r.rules.Load().Source("in")
	running := func(n int64) {
		t.Helper()
		eventually(t, fmt.Sprintf("%d run", n), func() bool { return r.ingest.Use(in).Running == n })
	}
	var slow []io.WriteCloser
	for range 3 {
		slow = append(slow, r.write(head("in", "Content-Length: 2")))
	}
	running(3)
	got := r.send("in", `{}`)
	if got.Status != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("one too many: %+v", got)
	}
	if got := r.send("beside", `{}`); got.Status != http.StatusAccepted {
		t.Errorf("another source: %+v", got)
	}
	if n := r.ingest.Stats("in").Results["over_concurrency"]; n != 1 {
		t.Errorf("counted %d times", n)
	}
	_ = slow[0].Close() // cut off
	running(2)
	if _, err := io.WriteString(slow[1], "{}"); err != nil { // refused: it is not signed
		t.Fatal(err)
	}
	running(1)
	if got := r.send("in", `{}`); got.Status != http.StatusAccepted {
		t.Errorf("with a place free: %+v", got)
	}
	running(1)
}

// TestUseOfALimit is what operators see.
func TestUseOfALimit(t *testing.T) {
	r := limitedRig(t, "{ rate: 5/h }")
	in, _ := r.rules.Load().Source("in")
	if use := r.ingest.Use(in); use.Left != 5 {
		t.Errorf("%+v", use)
	}
	r.send("in", `{}`)
	if use := r.ingest.Use(in); use.Left != 4 || use.Running != 0 {
		t.Errorf("%+v", use)
	}
	if in.Limit != (rules.SourceLimit{Rate: 5.0 / 3600, Burst: 5}) {
		t.Errorf("%+v", in.Limit)
	}
}

// TestRequestsAtOneTime: what is more than can be answered is refused before its body is read, and its connection goes on.
func TestRequestsAtOneTime(t *testing.T) {
	r, log, ended := slowRig(t, func(o *ingest.Options) { o.Requests = 1 })
	go func() {
		for range ended { // slowRig wants somebody to listen
		}
	}()
	stored := r.write(head("open", "Content-Length: 2") + "{}")
	<-log.asked
	conn := r.write(head("open", "Content-Length: 2"))
	_ = conn.SetDeadline(time.Now().Add(5 * time.Second)) // long before the body's 15 s
	if got := readAnswer(t, conn); got.StatusCode != http.StatusServiceUnavailable || got.Header.Get("Retry-After") == "" {
		t.Errorf("one more: %s", got.Status)
	}
	whole := r.write(head("open", "Content-Length: 2") + "{}")
	if got := readAnswer(t, whole); got.StatusCode != http.StatusServiceUnavailable || got.Close {
		t.Errorf("one more, with its body: %s, closed %v", got.Status, got.Close)
	}
	close(log.done)
	if got := readAnswer(t, stored); got.StatusCode != http.StatusAccepted {
		t.Errorf("the one that is stored: %s", got.Status)
	}
	eventually(t, "there is room", func() bool { return r.ingest.BytesInFlight() == 0 })
	if _, err := io.WriteString(whole, head("open", "Content-Length: 2")+"{}"); err != nil {
		t.Fatal(err)
	}
	if got := readAnswer(t, whole); got.StatusCode != http.StatusAccepted {
		t.Errorf("on the same connection, with room: %s", got.Status)
	}
	if n := r.ingest.Stats("open").Results; n["overloaded"] != 2 {
		t.Errorf("counted %v", n)
	}
}
