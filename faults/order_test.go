package faults_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
	"github.com/hookrouter/hookrouter/verify"
)

const orderRules = `
version: 1
sources: { in: { verify: none, body: text, dedupe: body } }
destinations:
  line:
    url: "http://%s/"
    order_by: 'split(body, " ")[0]'
    retry: { backoff: 5ms, max_backoff: 50ms }
    breaker: { failures: 1000000 }
routes:
  - { name: all, from: in, to: line }
`

// TestCrashOrder: each key arrives in the order in which it was accepted, one at a time, although the server is killed and
// the destination fails now and then.
func TestCrashOrder(t *testing.T) {
	t.Parallel()
	keys, each, kills := 50, 20, 2
	if rig.Long() {
		keys, each, kills = 1000, 100, 20
	}
	lines := rig.NewLines()
	dest := sink.New(sink.Options{Keep: 1})
	dest.Choose(func(r sink.Request) sink.Behavior {
		taken := r.Number%7 > 0
		lines.Arrive(string(r.Body), taken)
		return map[bool]sink.Behavior{true: {}, false: {Status: http.StatusInternalServerError}}[taken]
	})
	server := rig.NewServer(t, rig.Binary(t), fmt.Sprintf(orderRules, rig.Listen(t, dest)))
	server.Start()
	server.WaitReady(10 * time.Second)
	var all sync.WaitGroup
	for k := range keys {
		all.Go(func() { inOrder(t, "http://"+server.Listen+"/in/in", k, each) })
	}
	for i := range kills {
		rig.Eventually(t, 10*time.Minute, "much is delivered", func() bool { return lines.Done() > keys*each*(i+1)/(kills+1) })
		server.Kill()
		server.Start()
		server.WaitReady(time.Minute)
	}
	all.Wait()
	rig.Eventually(t, 10*time.Minute, "all are delivered", func() bool { return lines.Done() == keys*each })
	if faults := lines.Faults(); len(faults) > 0 {
		t.Errorf("%d are out of order, the first: %s", len(faults), faults[0])
	}
}

// inOrder sends the events of one key, each again until it is acknowledged.
func inOrder(t *testing.T, url string, key, n int) {
	for i := range n {
		for {
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
			r := &verify.Request{Method: http.MethodPost, URL: url, Header: http.Header{}, Body: fmt.Appendf(nil, "k%d %d", key, i+1)}
			a, err := rig.Post(ctx, http.DefaultClient, r)
			cancel()
			if err == nil && a.Status == http.StatusAccepted {
				break
			}
			if !rig.Wait(t.Context(), 5*time.Millisecond) {
				return
			}
		}
	}
}
