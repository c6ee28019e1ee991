package deliver

import (
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/sink"
)

// TestStorm: a destination fails for three cooldowns under load. Attempts meanwhile are at most the failures that
// trip it, those in flight then, and one a cooldown; afterwards everything arrives; the neighbour never waits. With
// HOOKROUTER_LONG=1 it fails for a minute.
func TestStorm(t *testing.T) {
	const failures, cooldown, concurrency = 5, time.Second, 8
	lasts := 3*cooldown + cooldown/2
	if os.Getenv("HOOKROUTER_LONG") == "1" {
		lasts = time.Minute
	}
	bad, badURL := newSink(t, sink.Options{Keep: 4000})
	_, goodURL := newSink(t, sink.Options{})
	r := newRig(t, oneRoute(
		"bad", badURL+", breaker: { failures: 5, cooldown: 1s }, limit: { concurrency: 8 }"+
			", retry: { backoff: 20ms, max_backoff: 100ms, attempts: 10 }",
		"good", goodURL), nil)
	r.sendMany("bad", 200)
	r.until("warm", func() bool { return r.status("bad").Pending == 0 })

	bad.SetStatus(500)
	before, began := bad.Count(), time.Now()
	var oldest time.Duration
	pace := time.NewTicker(20 * time.Millisecond)
	defer pace.Stop()
	for now := began; now.Sub(began) < lasts; now = <-pace.C {
		r.sendMany("bad", 5)
		r.sendMany("good", 5)
		if st := r.status("good"); !st.Oldest.IsZero() {
			oldest = max(oldest, time.Since(st.Oldest))
		}
	}
	cooldowns := int(time.Since(began)/cooldown) + 1
	during := bad.Count() - before
	if most := failures + concurrency + cooldowns; during > most {
		t.Errorf("%d attempts in %d cooldowns, want at most %d + %d in flight + 1 each", during, cooldowns, failures, concurrency)
	}
	if during < failures+2 {
		t.Errorf("%d attempts: it did not probe", during)
	}
	if oldest > time.Second {
		t.Errorf("the neighbour's oldest pending delivery was %v old", oldest)
	}
	bad.SetStatus(200)
	r.until("all delivered", func() bool { return r.status("bad").Pending+r.status("good").Pending == 0 })
	if st := r.status("bad"); st.Dead != 0 || st.Breaker != "closed" {
		t.Errorf("after the storm: %+v", st)
	}
}

// TestProbesDoNotCount: whatever an open breaker tries costs the delivery no attempt.
func TestProbesDoNotCount(t *testing.T) {
	s, url := newSink(t, sink.Options{Status: 500})
	r := newRig(t, oneRoute("a", url+
		", breaker: { failures: 1, cooldown: 20ms }, retry: { backoff: 1ms, max_backoff: 1ms, attempts: 2 }"), nil)
	id := r.send("a", "x")
	d, as := r.attempted(id, 6)
	if d.State != event.Pending || d.Attempts != 1 || d.Tries < 6 {
		t.Fatalf("%v with %d attempts counted of %d; want pending, 1", d.State, d.Attempts, len(as))
	}
	s.SetStatus(200)
	if d, _ = r.final(id); d.State != event.Delivered {
		t.Errorf("%v %v", d.State, d.Reason)
	}
}

func TestProbeNow(t *testing.T) {
	s, url := newSink(t, sink.Options{Status: 500})
	r := newRig(t, oneRoute("a", url+", breaker: { failures: 1, cooldown: 1h }, retry: { backoff: 1ms }"), nil)
	id := r.send("a", "x")
	r.attempted(id, 1)
	st := r.status("a")
	if st.Breaker != "open" || time.Until(st.NextProbe) < 50*time.Minute || st.BreakerSince.IsZero() {
		t.Fatalf("status %+v", st)
	}
	s.SetStatus(200)
	if err := r.Probe(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if d, _ := r.final(id); d.State != event.Delivered || r.status("a").Breaker != "closed" {
		t.Errorf("%v, breaker %s", d.State, r.status("a").Breaker)
	}
	if err := r.Probe(t.Context(), "nobody"); err == nil {
		t.Error("an unknown destination was probed")
	}
}

// TestHungDestinationIsAlone: it holds its own slots, and nobody else's.
func TestHungDestinationIsAlone(t *testing.T) {
	hung, hungURL := newSink(t, sink.Options{})
	hung.Set("", sink.Behavior{Fault: sink.Hang})
	good, goodURL := newSink(t, sink.Options{Keep: -1})
	r := newRig(t, oneRoute(
		"hung", hungURL+", timeout: 30s, limit: { concurrency: 4 }", "good", goodURL), nil)
	r.sendMany("hung", 100)
	if err := hung.Wait(1, within); err != nil {
		t.Fatal(err)
	}
	r.sendMany("good", 300)
	r.until("the good one has all", func() bool { return good.Count() == 300 && r.status("good").Pending == 0 })
	if st := r.status("hung"); st.Pending != 100 || st.InFlight > 4 || st.InFlight == 0 {
		t.Errorf("hung one: %+v", st)
	}
}

// TestHungProbe: a probe that hangs ends on its deadline and the next one follows.
func TestHungProbe(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	s.Choose(func(r sink.Request) sink.Behavior {
		if r.Number <= 3 {
			return sink.Behavior{Fault: sink.Hang}
		}
		return sink.Behavior{}
	})
	r := newRig(t, oneRoute("a", url+
		", timeout: 100ms, breaker: { failures: 1, cooldown: 50ms }, retry: { backoff: 1ms, max_backoff: 1ms }"), nil)
	d, as := r.final(r.send("a", "x"))
	if d.State != event.Delivered || len(as) != 4 || as[1].Result != "timeout" {
		t.Errorf("%v after %+v", d.State, as)
	}
}

// TestRetryAfterHolds: the lane waits as long as it was asked, every delivery of it, and the wait costs no attempt.
func TestRetryAfterHolds(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	var mu sync.Mutex
	var times []time.Time
	s.Choose(func(r sink.Request) sink.Behavior {
		mu.Lock()
		defer mu.Unlock()
		times = append(times, r.Time)
		if r.Number == 1 {
			return sink.Behavior{Status: http.StatusTooManyRequests, RetryAfter: "1"}
		}
		return sink.Behavior{}
	})
	r := newRig(t, oneRoute("a", url+", retry: { backoff: 1ms, max_backoff: 1ms, attempts: 1 }"), nil)
	id := r.send("a", "first")
	r.attempted(id, 1)
	if st := r.status("a"); !st.Hold.After(time.Now()) {
		t.Errorf("status %+v", st)
	}
	other := r.send("a", "second")
	first, _ := r.final(id)
	second, _ := r.final(other)
	if first.State != event.Delivered || first.Attempts != 1 || first.Tries != 2 || second.State != event.Delivered {
		t.Errorf("first %+v, second %+v", first, second)
	}
	for _, at := range times[1:] {
		if wait := at.Sub(times[0]); wait < 900*time.Millisecond {
			t.Errorf("came back after %v, asked for 1 s", wait)
		}
	}
}

// TestRetryAfterOfATemplatedURL holds that delivery only: another one may go somewhere else.
func TestRetryAfterOfATemplatedURL(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	s.Set("/busy", sink.Behavior{Status: 503, RetryAfter: "3600"})
	url = url[:len(url)-1] + `/$(body)"`
	r := newRig(t, oneRoute("a", url), nil)
	busy := r.send("a", "busy")
	r.attempted(busy, 1)
	if d, _ := r.final(r.send("a", "free")); d.State != event.Delivered {
		t.Errorf("%v", d.State)
	}
	if d, _ := r.delivery(busy); d.State == event.Pending && time.Until(d.Due) < 59*time.Minute {
		t.Errorf("due in %v, asked for an hour", time.Until(d.Due))
	}
}

func TestResumeEndsAHold(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	s.Choose(func(r sink.Request) sink.Behavior {
		if r.Number == 1 {
			return sink.Behavior{Status: 429, RetryAfter: "600"}
		}
		return sink.Behavior{}
	})
	r := newRig(t, oneRoute("a", url), nil)
	r.attempted(r.send("a", "x"), 1)
	id := r.send("a", "y")
	if err := r.Resume(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if d, _ := r.final(id); d.State != event.Delivered {
		t.Errorf("%v", d.State)
	}
}

// TestLostResponse: what was processed and not answered comes again as the same thing.
func TestLostResponse(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	s.Choose(func(r sink.Request) sink.Behavior {
		return []sink.Behavior{{Fault: sink.Reset}, {Fault: sink.Close}, {}}[r.Number-1]
	})
	r := newRig(t, oneRoute("a", url+", retry: { backoff: 1ms }"), nil)
	id := r.send("a", "the same bytes")
	d, as := r.final(id)
	if d.State != event.Delivered || len(as) != 3 || as[0].SentHash != as[2].SentHash {
		t.Fatalf("%v after %+v", d.State, as)
	}
	for i, req := range s.Received() {
		number := req.Header.Get("Hookrouter-Attempt")
		if string(req.Body) != "the same bytes" || req.ID != id.String() || number != strconv.Itoa(i+1) {
			t.Errorf("request %d: %s %q %v", i+1, req.ID, req.Body, req.Header)
		}
	}
}

// TestRateIsObserved counts what arrived between the first and the last of a burst.
func TestRateIsObserved(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	r := newRig(t, oneRoute("a", url+", limit: { rate: 20/s }"), nil)
	r.sendMany("a", 25)
	r.until("all delivered", func() bool { return s.Count() == 25 && r.status("a").Pending == 0 })
	var at []time.Time
	for _, req := range s.Received() {
		at = append(at, req.Time)
	}
	slices.SortFunc(at, time.Time.Compare)
	if took := at[24].Sub(at[0]); took < 24*time.Second/20-100*time.Millisecond {
		t.Errorf("25 at 20/s arrived within %v", took)
	}
}
