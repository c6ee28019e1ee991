package faults_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

const timerRules = `
version: 1
sources:
  stripe: { preset: stripe, secret: "` + rig.Secret + `" }
destinations:
  all: { url: "http://%s/", retry: { schedule: [%s, 1h] }, breaker: { failures: 1000000 } }
routes:
  - { name: all, from: stripe, to: all }
`

// TestCrashTimers: what waits for its second attempt when the process is killed gets it at its time, and once.
func TestCrashTimers(t *testing.T) {
	t.Parallel()
	events, pause, down := 300, 4*time.Second, time.Second
	if rig.Long() {
		events, pause, down = 10_000, 60*time.Second, 30*time.Second
	}
	var mu sync.Mutex
	first, early, wrong := map[string]time.Time{}, 0, 0
	dest := sink.New(sink.Options{Keep: 1})
	dest.Choose(func(r sink.Request) sink.Behavior {
		mu.Lock()
		defer mu.Unlock()
		began, again := first[r.ID]
		if !again {
			first[r.ID] = r.Time
			return sink.Behavior{Status: http.StatusInternalServerError}
		}
		if r.Time.Sub(began) < pause-100*time.Millisecond {
			early++
		}
		if r.Header.Get("Hookrouter-Attempt") != "2" {
			wrong++
		}
		return sink.Behavior{}
	})
	server := rig.NewServer(t, rig.Binary(t), fmt.Sprintf(timerRules, rig.Listen(t, dest), pause))
	server.Start()
	server.WaitReady(10 * time.Second)
	all := postMany(t, server.Listen, events)
	all.Wait()
	if err := dest.Wait(events, time.Minute); err != nil {
		t.Fatal(err)
	}
	if waiting := status(t, server).Queue.Pending; waiting != events {
		t.Fatalf("%d wait for their second attempt, want %d", waiting, events)
	}
	server.Kill()
	rig.Wait(t.Context(), down)
	server.Start()
	server.WaitReady(10 * time.Second)
	lost := rig.Settle(t, server.API(), pause+time.Minute)
	mu.Lock()
	defer mu.Unlock()
	if got := dest.Count(); got != 2*events || early > 0 || wrong > 0 || lost > 0 {
		t.Errorf("%d attempts for %d events, %d of them early, %d with a wrong number, %d cut off", got, events, early, wrong, lost)
	}
}

// postMany sends events with ids of their own from 64 senders, each until it is acknowledged.
func postMany(t *testing.T, addr string, n int) *sync.WaitGroup {
	var all sync.WaitGroup
	for first := range 64 {
		all.Go(func() {
			for i := first; i < n; i += 64 {
				postUntilTaken(t, addr, fmt.Sprintf(`{"id":"evt_%d","type":"t"}`, i))
			}
		})
	}
	return &all
}

func status(t *testing.T, s *rig.Server) *client.Status {
	t.Helper()
	st, err := s.API().Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// TestCrashFanOut: an event goes to twenty destinations, of which four refuse it, three fail a few times, and the process
// is killed in the middle: each delivery comes to its own end, and none that was taken is made again but for those that
// ran then.
func TestCrashFanOut(t *testing.T) {
	t.Parallel()
	events, kills := 30, 2
	if rig.Long() {
		events, kills = 2000, 50
	}
	var mu sync.Mutex
	taken, tries := map[string]int{}, map[string]int{}
	dest := sink.New(sink.Options{Keep: 1})
	dest.Choose(func(r sink.Request) sink.Behavior {
		mu.Lock()
		defer mu.Unlock()
		tries[r.ID]++
		switch {
		case r.Path < "/04":
			return sink.Behavior{Status: http.StatusUnprocessableEntity}
		case r.Path < "/07" && tries[r.ID] < 3:
			return sink.Behavior{Status: http.StatusBadGateway}
		}
		taken[r.ID]++
		return sink.Behavior{}
	})
	addr := rig.Listen(t, dest)
	rules := "version: 1\nsources: { stripe: { preset: stripe, secret: " + rig.Secret + " } }\n" +
		"defaults: { retry: { backoff: 5ms, max_backoff: 20ms }, breaker: { failures: 1000000 } }\ndestinations:\n"
	routes := "routes:\n"
	for i := range 20 {
		rules += fmt.Sprintf("  d%d: http://%s/%02d\n", i, addr, i)
		routes += fmt.Sprintf("  - { name: r%d, from: stripe, to: d%d }\n", i, i)
	}
	server := rig.NewServer(t, rig.Binary(t), rules+routes)
	server.Start()
	server.WaitReady(10 * time.Second)
	all := postMany(t, server.Listen, events)
	for range kills {
		rig.Wait(t.Context(), time.Duration(50+rand.IntN(200))*time.Millisecond)
		server.Kill()
		server.Start()
		server.WaitReady(10 * time.Second)
	}
	all.Wait()
	rig.Eventually(t, 2*time.Minute, "nothing pending", func() bool { return status(t, server).Queue.Pending == 0 })
	states, perEvent, lost := map[string]int{}, map[string]int{}, 0
	rig.EveryDelivery(t, server.API(), func(d client.Delivery) {
		states[d.State.String()+d.Reason]++
		perEvent[d.Event.String()]++
		lost += d.Lost
	})
	for ev, n := range perEvent {
		if n != 20 {
			t.Errorf("event %s has %d deliveries", ev, n)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	again := 0
	for _, n := range taken {
		again += n - 1
	}
	aside := states["deadquarantined"] // who ran whenever the process died, one at most for each time
	if aside > kills || states["delivered"]+states["deadrefused"]+aside != 20*events || states["delivered"] > 16*events ||
		states["deadrefused"] > 4*events || len(perEvent) != events || len(taken) < states["delivered"] || again > lost {
		t.Errorf("%d events came to %v; %d deliveries were taken, %d of them again, %d attempts were cut off",
			len(perEvent), states, len(taken), again, lost)
	}
}
