package faults_test

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/journal"
)

const manyRules = `
version: 1
sources: { in: { verify: none, body: text } }
destinations: { there: http://127.0.0.1:1 }
routes: [ { name: on, from: in, to: there } ]
`

// TestStartWithBacklog: a process that was killed when 100,000 deliveries waited (1,000,000 in `make crash`), one in
// twenty dead, accepts events again within a second, in 256 MiB of anonymous memory, and knows every one of them. The
// machine is shared: of three starts one has to be that quick.
func TestStartWithBacklog(t *testing.T) {
	n := 100_000
	if rig.Long() {
		n = 1_000_000
	}
	s := rig.NewServer(t, rig.Binary(t), manyRules)
	fillData(t, s.Data(), n)
	quick := 0
	for start := 1; start <= 3; start++ {
		s.Start()
		if acceptsWithin(t, s, time.Second) {
			quick++
		}
		rig.Eventually(t, backAtAll, "accepting at all", func() bool { return acceptsWithin(t, s, time.Second) })
		if got := anonymous(t, s.Pid()); got > 256<<20 {
			t.Errorf("%d MiB of anonymous memory", got>>20)
		}
		status, err := s.API().Status(t.Context())
		if err != nil || status.Queue.Dead != n/20 || status.Queue.Pending <= n-n/20 {
			t.Errorf("start %d: %+v, %v; want %d dead, and more than %d pending", start, status.Queue, err, n/20, n-n/20)
		}
		t.Logf("start %d: %d MiB of anonymous memory", start, anonymous(t, s.Pid())>>20)
		s.Kill()
	}
	if quick == 0 {
		t.Error("none of three starts accepted an event within a second")
	}
}

// acceptsWithin reports whether an event is acknowledged so soon.
func acceptsWithin(t *testing.T, s *rig.Server, limit time.Duration) bool {
	t.Helper()
	for began := time.Now(); time.Since(began) < limit; {
		if resp, err := http.Post("http://"+s.Listen+"/in/in", "text/plain", strings.NewReader("x")); err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusAccepted {
				return true
			}
		}
		rig.Wait(t.Context(), 5*time.Millisecond)
	}
	return false
}

// fillData fills a data directory with n deliveries of 1 KiB events, none of them due, and leaves it as a kill does: what
// came after the last snapshot is only in the log.
func fillData(t *testing.T, data string, n int) {
	t.Helper()
	log, err := journal.Open(filepath.Join(data, "journal"), journal.Options{})
	if err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open(t.Context(), log, queue.Options{Dir: filepath.Join(data, "state"), Bodies: filepath.Join(data, "bodies")})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- q.Run(t.Context()) }()
	var wg sync.WaitGroup
	for w := range 64 {
		wg.Go(func() {
			for i := w; i < n; i += 64 {
				enqueueOne(t, q, i)
			}
		})
	}
	wg.Wait()
	if err := log.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, queue.ErrClosed) {
		t.Fatalf("the queue ended with %v", err)
	}
}

// enqueueOne stores the i-th event of a backlog.
func enqueueOne(t *testing.T, q *queue.Queue, i int) {
	now := time.Now().UTC()
	ev := &event.Event{
		ID: event.NewEventID(now), Source: "in", ReceivedAt: now, Method: "POST", Path: "/in/in", Body: []byte(strings.Repeat("x", 1<<10)),
	}
	d := event.Delivery{
		ID: event.NewDeliveryID(now), Event: ev.ID, Route: "on", Destination: "there", Created: now,
		Due: now.Add(time.Hour), Expires: now.Add(24 * time.Hour), State: event.Pending,
	}
	if i%20 == 0 {
		d.State, d.Reason = event.Dead, event.ReasonMatch
	}
	if _, err := q.Enqueue(t.Context(), ev, []event.Delivery{d}); err != nil {
		t.Error(err)
	}
}
