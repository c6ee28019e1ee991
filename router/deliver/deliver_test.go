package deliver

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/sink"
)

func TestDelivers(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	r := newRig(t, oneRoute("a", url), nil)
	id := r.send("a", "hello")
	d, as := r.final(id)
	if d.State != event.Delivered || d.Tries != 1 || d.Attempts != 1 || len(as) != 1 {
		t.Fatalf("delivery %+v after %d attempts", d, len(as))
	}
	sum := sha256.Sum256([]byte("hello"))
	a := as[0]
	if a.Result != "ok" || a.Status != 200 || a.SentHash != hex.EncodeToString(sum[:]) || a.URL == "" ||
		a.RulesHash != r.set.Load().Hash() || a.Number != 1 || a.Duration <= 0 {
		t.Errorf("attempt %+v", a)
	}
	got := s.Received()[0]
	if string(got.Body) != "hello" || got.ID != id.String() || got.Header.Get("Hookrouter-Attempt") != "1" {
		t.Errorf("received %+v", got)
	}
	if st := r.status("a"); st.Breaker != "closed" || st.Pending != 0 || st.Parked || st.URL == "" {
		t.Errorf("status %+v", st)
	}
}

// TestStatusBeforeLanes: a start answers before its lanes are there, and says already what is paused.
func TestStatusBeforeLanes(t *testing.T) {
	r := newRig(t, oneRoute("a", "url: http://127.0.0.1:1", "b", "url: http://127.0.0.1:1"), nil)
	if err := r.Pause(t.Context(), "a"); err != nil {
		t.Fatal(err)
	}
	next, err := New(Options{Queue: r.queue, Rules: r.set.Load})
	if err != nil {
		t.Fatal(err)
	}
	all := next.Destinations()
	if len(all) != 2 || !all[0].Paused || all[0].PausedSince.IsZero() || all[1].Paused || all[0].Parked || all[1].URL == "" {
		t.Errorf("destinations %+v", all)
	}
}

func TestManyAreDeliveredOnce(t *testing.T) {
	s, url := newSink(t, sink.Options{Keep: 4000})
	r := newRig(t, oneRoute("a", url), nil)
	r.sendMany("a", 2000)
	if err := s.Wait(2000, within); err != nil {
		t.Fatal(err)
	}
	r.until("all are delivered", func() bool { return r.status("a").Pending == 0 })
	seen := map[string]bool{}
	for _, req := range s.Received() {
		seen[req.ID] = true
	}
	if _, most := s.InFlight(); len(seen) != 2000 || s.Count() != 2000 || most > 32 {
		t.Errorf("%d requests for %d deliveries, %d at once; want 2000 each, at most 32", s.Count(), len(seen), most)
	}
}

func TestRetriesUntilDelivered(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	s.Choose(statuses(500, 503, 429, 408))
	r := newRig(t, oneRoute("a", url+", retry: { backoff: 5ms }"), nil)
	d, as := r.final(r.send("a", "x"))
	if d.State != event.Delivered || d.Tries != 5 || d.Attempts != 5 || len(as) != 5 || as[4].Number != 5 {
		t.Errorf("delivery %+v, attempts %+v", d, as)
	}
}

func TestDeadWithReason(t *testing.T) {
	s, url := newSink(t, sink.Options{Status: 500})
	s.Set("/refuse", sink.Behavior{Status: 422, Body: "no such project"})
	r := newRig(t, oneRoute("a", url+", retry: { backoff: 1ms, attempts: 3 }, breaker: { failures: 100 }"), nil)
	d, as := r.final(r.send("a", "x"))
	if d.State != event.Dead || d.Reason != event.ReasonExhausted || len(as) != 3 {
		t.Errorf("%v %v after %d attempts, want exhausted after 3", d.State, d.Reason, len(as))
	}
	d, _ = r.final(r.sendFor("a", "x", time.Millisecond))
	if d.State != event.Dead || d.Reason != event.ReasonExpired {
		t.Errorf("%v %v, want expired", d.State, d.Reason)
	}
	s.SetStatus(422)
	d, as = r.final(r.send("a", "x"))
	if d.State != event.Dead || d.Reason != event.ReasonRefused || len(as) != 1 || as[0].Status != 422 {
		t.Errorf("%v %v after %+v, want refused after one", d.State, d.Reason, as)
	}
	if st := r.status("a"); st.Dead != 3 || st.LastError == "" || st.LastErrorAt.IsZero() {
		t.Errorf("status %+v", st)
	}
}

// TestRulesDecideWithoutARequest: a skip and a fault of the rules end a delivery before anything is sent.
func TestRulesDecideWithoutARequest(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	r := newRig(t, `
version: 1
sources: { in: { verify: none, body: text } }
destinations: { skips: { `+url+` }, errs: { `+url+` } }
routes:
  - { name: skips, from: in, to: skips, transform: 'skip("draft")' }
  - { name: errs, from: in, to: errs, transform: "{a: body.no.such + 1}" }
`, nil)
	d, as := r.final(r.send("skips", "x"))
	if d.State != event.Canceled || d.Reason != event.ReasonSkipped || as[0].Result != "skipped" {
		t.Errorf("%v %v, %+v; want skipped", d.State, d.Reason, as)
	}
	detail, err := r.queue.Delivery(t.Context(), d.ID)
	if err != nil || detail.Detail != "skipped: draft" {
		t.Errorf("detail %+v, %v", detail, err)
	}
	d, as = r.final(r.send("errs", "x"))
	if d.State != event.Dead || d.Reason != event.ReasonRule || as[0].Result != "rule_error" || as[0].Error == "" {
		t.Errorf("%v %v, %+v; want a rule error", d.State, d.Reason, as)
	}
	if s.Count() != 0 {
		t.Errorf("%d requests were sent", s.Count())
	}
}
