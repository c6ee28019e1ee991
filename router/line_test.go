package router_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/sink"
	"github.com/hookrouter/hookrouter/verify"
)

const publishRules = `
version: 1
sources:
  cms: { preset: contentful, secret: "${SECRET}" }
destinations:
  build: http://SINK/build
routes:
  - name: publish-to-build
    from: cms
    when: event endsWith "Entry.publish"
    to: build
    transform: |
      {ref: "main", reason: "cms " + body.sys.id}
`

func publish(t *testing.T) *verify.Request {
	t.Helper()
	r, err := verify.Sample("contentful", "ContentManagement.Entry.publish")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAPublishBecomesABuild(t *testing.T) {
	t.Parallel()
	h := open(t, publishRules)
	r := publish(t)
	status, body := h.post("cms", "contentful", testSecret, r)
	if status != http.StatusAccepted {
		t.Fatalf("answer: %d %s", status, body)
	}
	h.received(1)
	var sent struct{ Sys struct{ ID string } }
	if err := json.Unmarshal(r.Body, &sent); err != nil {
		t.Fatal(err)
	}
	got := h.sink.Received()[0]
	want := fmt.Sprintf(`{"reason":"cms %s","ref":"main"}`, sent.Sys.ID)
	if string(got.Body) != want || got.Path != "/build" || got.Header.Get("Content-Type") != "application/json" {
		t.Errorf("build received %s %s %q, want %s", got.Path, got.Body, got.Header, want)
	}
	for name, want := range map[string]string{
		"Hookrouter-Source": "cms", "Hookrouter-Route": "publish-to-build", "Hookrouter-Attempt": "1",
		"Hookrouter-Type": "ContentManagement.Entry.publish",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("header %s = %q, want %q", name, got.Header.Get(name), want)
		}
	}
}

// TestAForgeryLeavesNoTrace: what was not verified is written nowhere, not even in part.
func TestAForgeryLeavesNoTrace(t *testing.T) {
	t.Parallel()
	h := open(t, publishRules)
	h.post("cms", "contentful", testSecret, publish(t)) // so that lanes are open and say nothing more
	h.eventually(10*time.Second, "delivered", func() bool { return h.sink.Count() == 1 && h.status().Queue.Pending == 0 })
	before := h.status().Queue.Position
	marker := "marker-of-the-forgery"
	forged := publish(t)
	forged.URL = "http://" + h.Addr() + "/in/cms"
	sign(t, forged, testSecret)
	forged.Body = bytes.Replace(forged.Body, []byte(`{`), []byte(`{"x":"`+marker+`",`), 1)
	forged.Header["X-Marker"] = []string{marker}
	status, body := h.raw(forged)
	if status != http.StatusUnauthorized || strings.Contains(body, marker) {
		t.Fatalf("answer: %d %s, want 401", status, body)
	}
	if after := h.status().Queue.Position; after != before {
		t.Errorf("the log grew from %d to %d", before, after)
	}
	h.stop()
	if names := filesWith(t, filepath.Join(h.dir, "data"), marker); len(names) > 0 {
		t.Errorf("traces in %v", names)
	}
	if strings.Contains(h.logs.text(), marker) {
		t.Error("traces in the log")
	}
}

// filesWith lists the files below dir that hold text.
func filesWith(t *testing.T, dir, text string) (names []string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if bytes.Contains(data, []byte(text)) {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func sign(t *testing.T, r *verify.Request, secret string) {
	t.Helper()
	p, _ := verify.Lookup("contentful")
	v, err := verify.New(p.Verify, verify.Keys{Secrets: []string{secret}})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.Sign(r, time.Now()); err != nil {
		t.Fatal(err)
	}
}

// received waits for n deliveries.
func (h *house) received(n int) {
	h.t.Helper()
	if err := h.sink.Wait(n, 10*time.Second); err != nil {
		h.t.Fatalf("%d deliveries, want %d: %v", h.sink.Count(), n, err)
	}
}

const outageRules = `
version: 1
sources:
  in: { preset: stripe, secret: "${SECRET}" }
destinations:
  bad:
    url: http://SINK/bad
    limit: { concurrency: 8 }
    breaker: { failures: 5, cooldown: 1s }
    retry: { backoff: 50ms, max_backoff: 200ms, max_age: 1h }
  good: http://SINK/good
routes:
  - { name: all, from: in, to: [bad, good] }
`

// TestLongOutage: while a destination fails, its breaker bounds the attempts, its neighbour keeps its speed, and
// afterwards everything arrives.
func TestLongOutage(t *testing.T) {
	t.Parallel()
	const failures, concurrency, events = 5, 8, 200
	cooldowns := 3
	if os.Getenv("HOOKROUTER_LONG") != "" {
		cooldowns = 60
	}
	h := open(t, outageRules)
	h.sink.Set("/bad", sink.Behavior{Status: http.StatusInternalServerError})
	for n := range events {
		if status, body := h.send("in", "stripe", "", n+1); status != http.StatusAccepted {
			t.Fatalf("event %d: %d %s", n, status, body)
		}
	}
	down := time.NewTimer(time.Duration(cooldowns) * time.Second)
	h.neighbourKeepsUp("good", down.C)
	attempts := h.at("/bad")
	h.sink.Set("/bad", sink.Behavior{})
	if most := failures + concurrency + cooldowns + 1; attempts > most {
		t.Errorf("%d attempts in %d cooldowns, want at most %d", attempts, cooldowns, most)
	}
	h.eventually(30*time.Second, "everything delivered", func() bool { return h.status().Queue.Pending == 0 })
	if good := h.at("/good"); good != events {
		t.Errorf("the neighbour got %d, want %d", good, events)
	}
	if s := h.status(); s.Queue.Dead != 0 {
		t.Errorf("%d dead", s.Queue.Dead)
	}
}

// neighbourKeepsUp looks at a destination until the timer ends: nothing may wait there for a second.
func (h *house) neighbourKeepsUp(name string, until <-chan time.Time) {
	h.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		d := h.destination(name)
		if !d.Oldest.IsZero() && time.Since(d.Oldest) > time.Second {
			h.t.Errorf("%s has had something pending since %v", name, d.Oldest)
		}
		select {
		case <-until:
			return
		case <-tick.C:
		}
	}
}

func (h *house) destination(name string) client.Destination {
	h.t.Helper()
	for _, d := range h.status().Destinations {
		if d.Name == name {
			return d
		}
	}
	h.t.Fatalf("no destination %q in the status", name)
	return client.Destination{}
}

func (h *house) at(path string) (n int) {
	for _, r := range h.sink.Received() {
		if r.Path == path {
			n++
		}
	}
	return n
}

// TestAFixedURLHealsWhatWaits: deliveries go where the rules of now say, not where those of their accept said.
func TestAFixedURLHealsWhatWaits(t *testing.T) {
	t.Parallel()
	h := open(t, strings.ReplaceAll(outageRules, "SINK/bad", "127.0.0.1:1/bad"))
	for n := range 20 {
		h.send("in", "stripe", "", n+1)
	}
	h.eventually(10*time.Second, "an attempt failed", func() bool { return h.destination("bad").Breaker != "closed" })
	h.write(h.rules(outageRules))
	h.eventually(20*time.Second, "everything delivered", func() bool { return h.status().Queue.Pending == 0 })
	if n := h.at("/bad"); n != 20 {
		t.Errorf("%d deliveries arrived, want 20", n)
	}
}

// TestAGoneRouteParks: its deliveries wait for it to return.
func TestAGoneRouteParks(t *testing.T) {
	t.Parallel()
	h := open(t, outageRules)
	h.sink.Set("/bad", sink.Behavior{Status: http.StatusServiceUnavailable})
	h.send("in", "stripe", "", 1)
	h.eventually(10*time.Second, "an attempt failed", func() bool { return h.at("/bad") > 0 })
	h.write(h.rules(strings.ReplaceAll(outageRules, "name: all,", "name: other,")))
	if err := h.Reload(); err != nil {
		t.Fatal(err)
	}
	h.sink.Set("/bad", sink.Behavior{})
	h.send("in", "stripe", "", 2)
	h.eventually(10*time.Second, "the new route delivers, the other's delivery is aside", func() bool {
		d := h.destination("bad")
		return d.Pending == 1 && d.Aside == 1
	})
	h.write(h.rules(outageRules))
	if err := h.Reload(); err != nil {
		t.Fatal(err)
	}
	h.eventually(10*time.Second, "the route came back and delivers", func() bool { return h.status().Queue.Pending == 0 })
	page, err := h.api.Deliveries(t.Context(), client.Filter{Destination: "bad"})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range page.Items {
		if d.State != event.Delivered {
			t.Errorf("delivery by route %s is %s", d.Route, d.State)
		}
	}
}
