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

// editorSecret signs publishes; Contentful's secrets have 64 characters.
const editorSecret = "a-secret-of-the-tests-that-is-sixty-four-characters-long-0123456"

const coalesceRules = `
version: 1
sources:
  cms: { preset: contentful, secret: "` + editorSecret + `" }
destinations:
  build: { url: "http://%s/build", limit: { concurrency: 64 } }
routes:
  - name: publish-to-build
    from: cms
    to: build
    coalesce: { key: body.key, wait: %s, max: 2m }
`

// TestCrashCoalesce: fifty publishes are one build, with the last body, although the server is killed in their middle.
func TestCrashCoalesce(t *testing.T) {
	t.Parallel()
	quiet := 2 * time.Second
	if rig.Long() {
		quiet = 10 * time.Second
	}
	c := newEditor(t, quiet)
	pace := time.NewTicker(2 * time.Second / 50)
	defer pace.Stop()
	for i := range 50 {
		if i == 25 {
			c.server.Kill()
			c.server.Start()
		}
		c.publish("site", i)
		<-pace.C
	}
	c.builds(map[string]int{"site": 49})
}

// TestCrashCoalesceManyKeys: the same for 500 keys at once.
func TestCrashCoalesceManyKeys(t *testing.T) {
	t.Parallel()
	const keys, rounds, editors = 500, 4, 25
	c := newEditor(t, 2*time.Second)
	var all sync.WaitGroup
	halfway := make(chan struct{}, editors)
	for e := range editors {
		all.Go(func() {
			for round := range rounds {
				for k := e; k < keys; k += editors {
					c.publish(fmt.Sprintf("key-%d", k), round)
				}
				if round == 1 {
					halfway <- struct{}{}
				}
			}
		})
	}
	<-halfway
	c.server.Kill()
	c.server.Start()
	all.Wait()
	want := map[string]int{}
	for k := range keys {
		want[fmt.Sprintf("key-%d", k)] = rounds - 1
	}
	c.builds(want)
}

// editor publishes pages through a server and knows what was built.
type editor struct {
	t      *testing.T
	server *rig.Server
	verify *verify.Verifier

	mu    sync.Mutex
	built map[string][]string // bodies by key
}

func newEditor(t *testing.T, quiet time.Duration) *editor {
	t.Helper()
	v, err := rig.Verifier("contentful", editorSecret)
	if err != nil {
		t.Fatal(err)
	}
	c := &editor{t: t, verify: v, built: map[string][]string{}}
	c.server = rig.NewServer(t, rig.Binary(t), fmt.Sprintf(coalesceRules, rig.Listen(t, sink.New(sink.Options{Keep: -1, Seen: c.build})), quiet))
	c.server.Start()
	c.server.WaitReady(10 * time.Second)
	return c
}

func (c *editor) build(r sink.Request) {
	var key string
	var n int
	_, _ = fmt.Sscanf(string(r.Body), `{"key":%q,"n":%d}`, &key, &n) // another body is a key that nobody wants
	c.mu.Lock()
	defer c.mu.Unlock()
	c.built[key] = append(c.built[key], string(r.Body))
}

func body(key string, n int) string { return fmt.Sprintf(`{"key":%q,"n":%d}`, key, n) }

// publish sends the n-th publish of key until it is acknowledged.
func (c *editor) publish(key string, n int) {
	ctx, cancel := context.WithTimeout(c.t.Context(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		r := &verify.Request{
			Method: http.MethodPost, URL: "http://" + c.server.Listen + "/in/cms", Body: []byte(body(key, n)),
			Header: http.Header{"Content-Type": {"application/json"}, "X-Contentful-Topic": {"ContentManagement.Entry.publish"}},
		}
		if err := c.verify.Sign(r, time.Now()); err != nil {
			c.t.Error(err)
			return
		}
		if a, err := rig.Post(ctx, http.DefaultClient, r); err == nil && a.Status == http.StatusAccepted {
			return
		}
		rig.Wait(ctx, 5*time.Millisecond)
	}
	c.t.Errorf("publish %s %d was never acknowledged", key, n)
}

// builds waits until nothing is pending and compares: each key once, with the body of its last publish.
func (c *editor) builds(want map[string]int) {
	c.t.Helper()
	rig.Settle(c.t, c.server.API(), time.Minute)
	c.mu.Lock()
	defer c.mu.Unlock()
	wrong := 0
	for key, n := range want {
		if got := c.built[key]; len(got) != 1 || got[0] != body(key, n) {
			if wrong++; wrong <= 5 {
				c.t.Errorf("%s: built %v, want once %s", key, got, body(key, n))
			}
		}
	}
	if wrong > 0 || len(c.built) != len(want) {
		c.t.Errorf("%d of %d keys are wrong, %d were built", wrong, len(want), len(c.built))
	}
}
