package faults_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

const replyRules = `
version: 1
sources: { ask: { verify: none } }
destinations:
  once: { url: "http://%[1]s/once", timeout: 20s }
  fall: { url: "http://%[1]s/fall", timeout: 20s }
routes:
  - { name: once, from: ask, to: once, when: body.to == "once", reply: upstream }
  - { name: fall, from: ask, to: fall, when: body.to == "fall", reply: { from: upstream, fallback: queue } }
`

// TestCrashReply: the process is killed while senders wait for answers. What was to be answered only is not tried again
// behind a sender's back; what falls back to the queue is.
func TestCrashReply(t *testing.T) {
	t.Parallel()
	rounds := 2
	if rig.Long() {
		rounds = 50
	}
	dest := sink.New(sink.Options{})
	s := rig.NewServer(t, rig.Binary(t), fmt.Sprintf(replyRules, rig.Listen(t, dest)))
	for range rounds {
		dest.Reset()
		dest.Set("", sink.Behavior{Fault: sink.Hang})
		s.Start()
		s.WaitReady(10 * time.Second)
		var senders sync.WaitGroup
		for _, to := range []string{"once", "fall"} {
			senders.Go(func() {
				resp, err := http.Post("http://"+s.Listen+"/in/ask", "application/json", strings.NewReader(fmt.Sprintf(`{"to":%q}`, to)))
				if err == nil {
					t.Errorf("%s: answered %d", to, resp.StatusCode)
					_ = resp.Body.Close()
				}
			})
		}
		if err := dest.Wait(2, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		s.Kill()
		senders.Wait()
		dest.Set("", sink.Behavior{})
		s.Start()
		s.WaitReady(10 * time.Second)
		if err := dest.Wait(3, 10*time.Second); err != nil {
			t.Fatal(err)
		}
		rig.Eventually(t, 10*time.Second, "nothing pending", func() bool {
			status, err := s.API().Status(t.Context())
			return err == nil && status.Queue.Pending == 0
		})
		s.Stop()
	}
	s.Start()
	s.WaitReady(10 * time.Second)
	ended := map[string]int{}
	rig.EveryDelivery(t, s.API(), func(d client.Delivery) {
		ended[fmt.Sprint(d.Destination, " ", d.State, " ", d.Reason)]++
	})
	want := map[string]int{
		fmt.Sprint("once ", event.Dead, " ", event.ReasonUnanswered): rounds,
		fmt.Sprint("fall ", event.Delivered, " "):                    rounds,
	}
	if fmt.Sprint(ended) != fmt.Sprint(want) {
		t.Errorf("ended as %v, want %v", ended, want)
	}
	for _, r := range dest.Received() {
		if r.Path == "/once" && r.Header.Get("Hookrouter-Attempt") != "1" {
			t.Errorf("tried again: %+v", r)
		}
	}
}
