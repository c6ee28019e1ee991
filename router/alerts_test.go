package router_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/sink"
	"github.com/hookrouter/hookrouter/verify"
)

const alertRules = `
version: 1
sources: { open: { verify: none } }
destinations:
  bad: { url: "http://SINK/bad", breaker: { failures: 1000 } }
  sick: { url: "http://SINK/sick", retry: { backoff: 1h, max_backoff: 1h }, breaker: { failures: 1, cooldown: 1h } }
  ops: { url: "http://SINK/ops", retry: { attempts: 1 } }
routes:
  - { name: bad, from: open, when: body.to == "bad", to: bad }
  - { name: sick, from: open, when: body.to == "sick", to: sick }
alerts: { to: ops, every: 3s, oldest_pending: 4s }
`

type told struct {
	Alert, Text string
	Count       int
	Items       []map[string]any
}

// alerts are those that arrived, oldest first.
func (h *house) alerts(kind string) (all []told) {
	h.t.Helper()
	for _, r := range h.sink.Received() {
		if r.Path != "/ops" {
			continue
		}
		var a told
		if err := json.Unmarshal(r.Body, &a); err != nil {
			h.t.Fatalf("%v: %s", err, r.Body)
		}
		if a.Alert == kind {
			all = append(all, a)
		}
	}
	return all
}

func (h *house) event(to string) {
	h.t.Helper()
	status, _ := h.raw(&verify.Request{
		Method: http.MethodPost, URL: "http://" + h.Addr() + "/in/open", Body: []byte(`{"to":"` + to + `"}`),
		Header: http.Header{"Content-Type": {"application/json"}},
	})
	if status != http.StatusAccepted {
		h.t.Fatalf("answered %d", status)
	}
}

// TestAlerts: a storm of dead letters is few alerts that count them all; a breaker, a refused file and what waits for long
// are told once; and what befalls the alerts themselves is not.
func TestAlerts(t *testing.T) {
	t.Parallel()
	h := open(t, alertRules)
	h.sink.Set("/bad", sink.Behavior{Status: 422})
	h.sink.Set("/sick", sink.Behavior{Status: 500})
	began := time.Now()
	const storm = 300
	for range storm {
		h.event("bad")
	}
	h.event("sick")
	h.write("version: 1\nnonsense: true\n")
	h.eventually(20*time.Second, "all is told", func() bool {
		sum := 0
		for _, a := range h.alerts("dead") {
			sum += a.Count
		}
		return sum == storm && len(h.alerts("breaker")) > 0 && len(h.alerts("reload")) > 0 && len(h.alerts("age")) > 0
	})
	if n, most := len(h.alerts("dead")), int(time.Since(began)/(3*time.Second))+1; n > most {
		t.Errorf("%d alerts about dead letters, want %d at most", n, most)
	}
	first := h.alerts("dead")[0]
	if item := first.Items[0]; item["destination"] != "bad" || item["error_class"] != "422" || item["last_error"] == "" || !strings.Contains(first.Text, " to bad by bad: refused 422") {
		t.Errorf("alert %+v", first)
	}
	for kind, text := range map[string]string{"breaker": "breaker of sick is open", "reload": `unknown key "nonsense"`, "age": "sick is behind: 1 pending"} {
		if got := h.alerts(kind); len(got) != 1 || !strings.Contains(got[0].Text, text) {
			t.Errorf("about %s: %+v, want once %s", kind, got, text)
		}
	}

	h.write(h.rules(alertRules))
	h.sink.Set("/ops", sink.Behavior{Status: 400}) // the alerts that come next die
	before := h.listed()
	for n := range 2 {
		h.event("bad")
		h.eventually(20*time.Second, "the alert is dead", func() bool {
			groups, err := h.api.DeadGroups(t.Context(), client.Filter{Destination: "ops"})
			return err == nil && len(groups.Items) == 1 && groups.Items[0].Count == n+1
		})
	}
	if n := h.listed() - before; n != 2 {
		t.Errorf("%d alerts after two deaths, want 2", n)
	}
	for _, a := range h.alerts("dead") {
		if strings.Contains(a.Text, "to ops") {
			t.Errorf("an alert about an alert: %+v", a)
		}
	}
}

// listed counts the alerts that were made.
func (h *house) listed() int {
	h.t.Helper()
	page, err := h.api.Events(h.t.Context(), client.Filter{Source: "hookrouter", Limit: 1000})
	if err != nil {
		h.t.Fatal(err)
	}
	return len(page.Items)
}
