package router_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestMetrics: what dashboards and alerts are built on is there, and has a value for each source and destination.
func TestMetrics(t *testing.T) {
	t.Parallel()
	h := open(t, publishRules)
	h.post("cms", "contentful", testSecret, publish(t))
	h.eventually(10*time.Second, "delivered", func() bool { return h.sink.Count() == 1 && h.status().Queue.Pending == 0 })
	text := h.metrics()
	for _, series := range []string{
		`hookrouter_events_total{result="accepted",source="cms"} 1`,
		`hookrouter_deliveries{destination="build",state="pending"} 0`,
		`hookrouter_deliveries{destination="build",state="dead"} 0`,
		`hookrouter_attempts_total{destination="build",result="ok"} 1`,
		`hookrouter_attempt_duration_seconds_count 1`,
		`hookrouter_ack_duration_seconds_count 1`,
		`hookrouter_oldest_pending_seconds{destination="build"} 0`,
		`hookrouter_breaker_state{destination="build"} 0`,
		`hookrouter_config_last_reload_successful 1`,
		`hookrouter_config_hash `,
	} {
		if !strings.Contains(text, "\n"+series) {
			t.Errorf("no %s", series)
		}
	}
}

func (h *house) metrics() string {
	h.t.Helper()
	resp, err := http.Get("http://" + h.AdminAddr() + "/metrics")
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	return string(text)
}
