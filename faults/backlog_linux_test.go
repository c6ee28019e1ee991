package faults_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// TestOpenBreakerBacklog: a hundred thousand deliveries, a million in `make crash`, wait behind an open breaker. It
// probes, one delivery each second; nobody's attempts are counted, and the process has next to nothing to do.
func TestOpenBreakerBacklog(t *testing.T) {
	t.Parallel()
	const perEvent, failures = 1000, 3
	events, span, limit := 100, 4*time.Second, time.Minute
	if rig.Long() {
		events, span, limit = 1000, 10*time.Minute, time.Hour
	}
	dest := sink.New(sink.Options{Keep: -1, Status: http.StatusServiceUnavailable})
	var rules strings.Builder
	fmt.Fprintf(&rules, "version: 1\nsources: { in: { verify: none, body: text } }\ndestinations:\n"+
		"  down: { url: \"http://%s/\", breaker: { failures: 3, cooldown: 1s }, retry: { backoff: 1ms, max_backoff: 1ms, attempts: 1 } }\nroutes:\n",
		rig.Listen(t, dest))
	for i := range perEvent {
		fmt.Fprintf(&rules, "  - { name: r%d, from: in, to: down }\n", i)
	}
	s := rig.NewServer(t, rig.Binary(t), rules.String())
	s.Start("--max-pending", "2000000")
	s.WaitReady(20 * time.Second)
	for i := range events {
		if status := postText(t, s.Listen, fmt.Sprint(i)); status != http.StatusAccepted {
			t.Fatalf("answered %d", status)
		}
	}
	rig.Eventually(t, 20*time.Second, "the breaker is open", func() bool { return one(t, s).Breaker == "open" })
	var used time.Duration
	rig.Eventually(t, limit, "less than 2 % of a core is used", func() bool { // snapshot and history first
		before, began := cpuTime(t, s.Process.Process.Pid), time.Now()
		rig.Wait(t.Context(), span)
		used = cpuTime(t, s.Process.Process.Pid) - before
		return used < time.Since(began)/50
	})
	memory, d := s.Resident(), one(t, s)
	t.Logf("%d wait: %v of CPU in %v, %d MiB, %d requests", d.Pending, used, span, memory>>20, dest.Count())
	if memory > 256<<20 {
		t.Errorf("%d bytes of memory", memory)
	}
	if d.Dead != failures || d.Pending != events*perEvent-failures || dest.Count() < failures+3 {
		t.Errorf("%d dead and %d pending after %d requests; want dead only the %d that opened the breaker", d.Dead, d.Pending, dest.Count(), failures)
	}
}

// one is the only destination of a server.
func one(t *testing.T, s *rig.Server) client.Destination {
	t.Helper()
	page, err := s.API().Destinations(t.Context())
	if err != nil || len(page.Items) != 1 {
		t.Fatal(page, err)
	}
	return page.Items[0]
}
