package deliver

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/sink"
)

const impatient = ", retry: { backoff: 1ms, max_backoff: 50ms }, breaker: { failures: 1000, cooldown: 10ms }"

// TestFixedURLHeals: what waits goes where the rules in force say, with the state that the name has.
func TestFixedURLHeals(t *testing.T) {
	_, wrong := newSink(t, sink.Options{Status: 500})
	s, right := newSink(t, sink.Options{})
	r := newRig(t, oneRoute("a", wrong+impatient), nil)
	id := r.send("a", "x")
	r.attempted(id, 2)
	r.load(oneRoute("a", right+impatient))
	d, as := r.final(id)
	if last := as[len(as)-1]; d.State != event.Delivered || last.RulesHash != r.set.Load().Hash() || s.Count() != 1 {
		t.Errorf("%v, last attempt %+v", d.State, last)
	}
}

// TestOpenBreakerSurvivesReload: a change of its numbers or of the URL is no reason to believe in it again.
func TestOpenBreakerSurvivesReload(t *testing.T) {
	s, url := newSink(t, sink.Options{Status: 500})
	r := newRig(t, oneRoute("a", url+", retry: { backoff: 1ms }, breaker: { failures: 1, cooldown: 1h }"), nil)
	id := r.send("a", "x")
	r.attempted(id, 1)
	r.load(oneRoute("a", url+", retry: { backoff: 1ms }, breaker: { failures: 3, cooldown: 2h }, limit: { concurrency: 2 }"))
	st := r.status("a")
	if st.Breaker != "open" || time.Until(st.NextProbe) < 100*time.Minute || st.Concurrency != 2 {
		t.Fatalf("after the change: %+v", st)
	}
	s.SetStatus(200)
	r.load(oneRoute("a", url+", retry: { backoff: 1ms }, breaker: { failures: 3, cooldown: 1ms }"))
	if d, _ := r.final(id); d.State != event.Delivered || s.Count() != 2 {
		t.Errorf("%v after %d requests", d.State, s.Count())
	}
}

// TestParkedAndResumed: a destination that is gone keeps what is owed to it, and gets it when it returns.
func TestParkedAndResumed(t *testing.T) {
	a, urlA := newSink(t, sink.Options{})
	b, urlB := newSink(t, sink.Options{})
	both := oneRoute("a", urlA, "b", urlB)
	r := newRig(t, both, nil)
	r.load(oneRoute("b", urlB))
	parked := r.send("a", "parked")
	r.final(r.send("b", "not parked"))
	if st := r.status("a"); !st.Parked || st.Pending != 1 || st.URL != "" {
		t.Errorf("status of the gone one: %+v", st)
	}
	r.load(oneRoute("b", urlB, "c", urlA)) // and a new one meanwhile
	r.final(r.send("c", "new"))
	if a.Count() != 1 || b.Count() != 1 {
		t.Fatalf("%d and %d requests, want one each", a.Count(), b.Count())
	}
	r.load(both)
	if d, as := r.final(parked); d.State != event.Delivered || len(as) != 1 {
		t.Errorf("%v after %+v", d.State, as)
	}
}

// TestParkedKeepsItsState: as long as something waits for it, a destination that is gone for a while is no new one.
func TestParkedKeepsItsState(t *testing.T) {
	s, url := newSink(t, sink.Options{Status: 500})
	trouble := url + ", retry: { backoff: 1ms }, breaker: { failures: 1, cooldown: 1h }"
	r := newRig(t, oneRoute("a", trouble, "b", url), nil)
	id := r.send("a", "x")
	r.attempted(id, 1)
	r.load(oneRoute("b", url))
	r.load(oneRoute("a", trouble, "b", url))
	if st := r.status("a"); st.Breaker != "open" || st.Parked {
		t.Errorf("after its return: %+v", st)
	}
	s.SetStatus(200)
	if err := r.Probe(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	if d, _ := r.final(id); d.State != event.Delivered || s.Count() != 2 {
		t.Errorf("%v after %d requests", d.State, s.Count())
	}
}

// TestNamesComeAndGo: a destination that is gone, and owed nothing, leaves no lane and no counts; it can be back at once.
func TestNamesComeAndGo(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	r := newRig(t, oneRoute("a", url, "b", url), nil)
	reg := prometheus.NewRegistry()
	if err := r.metrics.register(reg, r.Deliverer); err != nil {
		t.Fatal(err)
	}
	for range 50 {
		r.load(oneRoute("b", url))
		r.load(oneRoute("a", url, "b", url))
	}
	r.final(r.send("a", "it is back"))
	r.until("the result is known", func() bool { return r.queueStats("a").Pending == 0 })
	r.load(oneRoute("b", url))
	r.until("its lane has ended", func() bool {
		r.Deliverer.mu.Lock()
		defer r.Deliverer.mu.Unlock()
		return len(r.lanes) == 1 && len(r.leaving) == 0
	})
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetValue() == "a" {
					t.Errorf("%s still counts what is gone: %s", f.GetName(), m)
				}
			}
		}
	}
	late := r.send("a", "stored by the rules of before")
	r.load(oneRoute("a", url, "b", url))
	if d, _ := r.final(late); d.State != event.Delivered || s.Count() != 2 {
		t.Errorf("%v, %d requests", d.State, s.Count())
	}
}

// TestRouteIsGone: its deliveries wait aside, others of the same lane go on, and it does not spin.
func TestRouteIsGone(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	r := newRig(t, oneRoute("a", url), nil)
	without := oneRoute("a", url)
	without = without[:len(without)-len("to: a }\n")] + "to: a, enabled: false }\n"
	r.load(without)
	id := r.send("a", "x")
	r.until("it is aside", func() bool { return r.queueStats("a").Aside == 1 })
	if s.Count() != 0 {
		t.Error("a delivery of a disabled route was attempted")
	}
	r.load(oneRoute("a", url))
	if d, _ := r.final(id); d.State != event.Delivered {
		t.Errorf("%v", d.State)
	}
}

// TestShutdownCutsWithoutCounting: an attempt that outlasts the drain is over, and was none.
func TestShutdownCutsWithoutCounting(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	s.Set("", sink.Behavior{Fault: sink.Hang})
	r := newRig(t, oneRoute("a", url+", timeout: 60s"), nil)
	id := r.send("a", "x")
	if err := s.Wait(1, within); err != nil {
		t.Fatal(err)
	}
	r.stop()
	d, err := r.queue.Delivery(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if d.Delivery.State != event.Pending || d.Delivery.Attempts != 0 || len(d.Attempts) != 1 || d.Attempts[0].Result != "shutdown" {
		t.Errorf("%+v after %+v", d.Delivery, d.Attempts)
	}
}

// TestShutdownLetsAttemptsFinish: what ends within the drain is a result like any other.
func TestShutdownLetsAttemptsFinish(t *testing.T) {
	arrived, answer := make(chan struct{}), make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(arrived)
		<-answer
	}))
	defer srv.Close()
	r := newRig(t, oneRoute("a", `url: "`+srv.URL+`", timeout: 60s`), nil)
	id := r.send("a", "x")
	<-arrived
	stopped := make(chan struct{})
	go func() { r.stop(); close(stopped) }()
	r.until("leasing has ended", func() bool {
		r.Deliverer.mu.Lock()
		defer r.Deliverer.mu.Unlock()
		return r.run == nil
	})
	close(answer)
	<-stopped
	d, err := r.queue.Delivery(t.Context(), id)
	if err != nil || d.Delivery.State != event.Delivered {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestMetrics(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	s.Choose(statuses(500))
	r := newRig(t, oneRoute("a", url+impatient), nil)
	reg := prometheus.NewRegistry()
	if err := r.metrics.register(reg, r.Deliverer); err != nil {
		t.Fatal(err)
	}
	r.final(r.send("a", "x"))
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			key := f.GetName()
			for _, l := range m.GetLabel() {
				key += " " + l.GetName() + "=" + l.GetValue()
			}
			got[key] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	for key, want := range map[string]float64{
		"hookrouter_attempts_total destination=a result=ok":      1,
		"hookrouter_attempts_total destination=a result=status":  1,
		"hookrouter_attempts_total destination=a result=timeout": 0,
		"hookrouter_attempt_duration_seconds":                    2,
		"hookrouter_breaker_state destination=a":                 0,
	} {
		if have, ok := got[key]; !ok || have != want {
			t.Errorf("%s is %v (there: %v), want %v", key, have, ok, want)
		}
	}
}

// TestReloadCostsNothing: with thirty reloads what waits for a retry keeps its attempts and its time, what runs is not
// cut, and the others go on.
func TestReloadCostsNothing(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	s.Set("/failing", sink.Behavior{Status: 500})
	s.Set("/hung", sink.Behavior{Fault: sink.Hang})
	at := func(path string) string { return url[:len(url)-1] + path + `"` }
	version := func(n int) string {
		change := fmt.Sprintf(", timeout: %ds, limit: { concurrency: %d }", 30+n%3, 4+n%5)
		return oneRoute("failing", at("/failing")+", retry: { schedule: [30m] }"+change, "hung", at("/hung")+change, "fine", at("/fine")+change)
	}
	r := newRig(t, version(0), nil)
	failed, running := r.send("failing", "x"), r.send("hung", "x")
	before, _ := r.attempted(failed, 1)
	r.until("one runs", func() bool { return r.status("hung").InFlight == 1 })
	for n := range 30 {
		r.load(version(n))
		r.final(r.send("fine", "x"))
	}
	after, attempts := r.delivery(failed)
	if len(attempts) != 1 || after.Attempts != 1 || !after.Due.Equal(before.Due) || after.State != event.Pending {
		t.Errorf("what waited: %+v after %d attempts, before %+v", after, len(attempts), before)
	}
	if d, attempts := r.delivery(running); len(attempts) != 0 || r.status("hung").InFlight != 1 {
		t.Errorf("what ran: %+v after %d attempts, %+v", d, len(attempts), r.status("hung"))
	}
}
