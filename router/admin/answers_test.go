package admin_test

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
)

func (r *rig) get(path string) (*http.Response, string) {
	r.t.Helper()
	resp, err := http.Get(r.server.URL + path)
	must(r.t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(r.t, err)
	return resp, string(body)
}

// TestBodyIsOnlyEverSaved: a body that is a page must not become one of ours.
func TestBodyIsOnlyEverSaved(t *testing.T) {
	r := newRig(t)
	const page = "<script>alert(1)</script>"
	id := r.send(page)
	resp, body := r.get("/api/v1/events/" + id.String() + "/body")
	h := resp.Header
	if body != page || h.Get("Content-Type") != "application/octet-stream" || h.Get("X-Content-Type-Options") != "nosniff" ||
		h.Get("Content-Disposition") != `attachment; filename="`+id.String()+`.bin"` || !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("body %q, headers %v", body, h)
	}
}

func TestBadRequestsAreTold(t *testing.T) {
	r := newRig(t)
	delivery := event.NewDeliveryID(time.Now()).String()
	for path, want := range map[string]int{
		"/api/v1/events/evt_x":               400,
		"/api/v1/events/" + delivery:         400,
		"/api/v1/deliveries/nothing":         400,
		"/api/v1/events?cursor=nonsense":     400,
		"/api/v1/deliveries?cursor=%00":      400,
		"/api/v1/deliveries?state=unmatched": 400,
		"/api/v1/events?state=unmatched":     200,
		"/api/v1/events/evt_x/body":          400,
		"/api/v1/stream?from=x":              400,
	} {
		if resp, body := r.get(path); resp.StatusCode != want {
			t.Errorf("%s: %d %s, want %d", path, resp.StatusCode, body, want)
		}
	}
}

func TestSecretsOfSendersAreNotShown(t *testing.T) {
	r := newRig(t)
	req, err := http.NewRequest(http.MethodPost, r.public.URL+"/in/open?api_token=shown-nowhere&b=1", strings.NewReader("{}"))
	must(t, err)
	req.Header.Set("Authorization", "Bearer shown-nowhere")
	resp, err := http.DefaultClient.Do(req)
	must(t, err)
	resp.Body.Close()
	list, err := r.client.Events(t.Context(), client.Filter{})
	must(t, err)
	_, body := r.get("/api/v1/events/" + list.Items[0].ID.String())
	if strings.Contains(body, "shown-nowhere") || !strings.Contains(body, "api_token=***&b=1") || !strings.Contains(body, `"Authorization":["***"]`) {
		t.Errorf("event %s", body)
	}
}

func TestMetrics(t *testing.T) {
	r := newRig(t)
	r.settled(r.send(`{"to":"good"}`), 1)
	resp, body := r.get("/metrics")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	for _, want := range []string{
		`hookrouter_events_total{result="accepted",source="open"} 1`, `hookrouter_events_total{result="unverified",source="pass"} 0`,
		`hookrouter_ack_duration_seconds_count 1`, `hookrouter_bytes_in_flight 0`, `hookrouter_parked_deliveries 0`,
		`hookrouter_log_refusing 0`, `hookrouter_deliveries_max [1-9]`, `hookrouter_log_bytes [1-9]`,
	} {
		if !regexp.MustCompile(`(?m)^` + strings.NewReplacer("{", `\{`, "}", `\}`).Replace(want)).MatchString(body) {
			t.Errorf("no %s in\n%s", want, body)
		}
	}
}
