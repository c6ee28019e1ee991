package router_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/verify"
)

const relay = `version: 1
sources: { in: { verify: none, dedupe: none } }
destinations: { next: { url: "NEXT", retry: { backoff: 1h, max_backoff: 1h } } }
routes: [ { name: on, from: in, to: next } ]
`

// TestRingStops: two hookrouters that send everything to each other carry an event five times on, then refuse it
// loudly, and keep it for a person.
func TestRingStops(t *testing.T) {
	a, b := prepare(t), prepare(t)
	relayTo := func(h *house, to string) { h.write(strings.Replace(relay, "NEXT", to, 1)) }
	relayTo(a, "http://127.0.0.1:9/")
	a.run()
	relayTo(b, "http://"+a.Addr()+"/in/in")
	b.run()
	relayTo(a, "http://"+b.Addr()+"/in/in")
	if err := a.Reload(); err != nil {
		t.Fatal(err)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if status, body := a.raw(&verify.Request{Method: "POST", URL: "http://" + a.Addr() + "/in/in", Body: []byte(`{}`), Header: header}); status != 202 {
		t.Fatalf("%d %s", status, body)
	}
	// The first is a's, and five more come around: a, b, a, b, a, b. The sixth hop, to a, is refused.
	a.eventually(10*time.Second, "the loop is refused", func() bool { return strings.Contains(a.logs.text(), "leads back") })
	b.eventually(10*time.Second, "the delivery waits", func() bool { return pending(b) == 1 })
	if n, m := stored(t, a), stored(t, b); n != 3 || m != 3 {
		t.Errorf("%d and %d events, want 3 and 3", n, m)
	}
	if pending(a) != 0 {
		t.Errorf("%d deliveries of a are pending", pending(a))
	}
}

// TestAdminTakesNoDeliveries: rules whose destination is the admin API get nothing done there.
func TestAdminTakesNoDeliveries(t *testing.T) {
	h := open(t, strings.Replace(relay, "NEXT", "http://SINK/", 1))
	h.write(strings.Replace(relay, "NEXT", "http://"+h.AdminAddr()+"/api/v1/destinations/next/pause", 1))
	if err := h.Reload(); err != nil {
		t.Fatal(err)
	}
	h.raw(&verify.Request{Method: "POST", URL: "http://" + h.Addr() + "/in/in", Body: []byte(`{}`), Header: http.Header{}})
	h.eventually(10*time.Second, "the attempt is refused", func() bool {
		for _, d := range h.status().Destinations {
			if strings.Contains(d.LastError, "508") {
				return !d.Paused
			}
		}
		return false
	})
}

func pending(h *house) (n int) {
	for _, d := range h.status().Destinations {
		n += d.Pending
	}
	return n
}

func stored(t *testing.T, h *house) int {
	t.Helper()
	page, err := h.api.Events(t.Context(), client.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	return len(page.Items)
}
