package router_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/sink"
)

const replyRules = `
version: 1
sources: { ask: { verify: none, dedupe: body.id, body: json, respond: { status: 200, headers: { X-Source: own } } } }
defaults: { retry: { backoff: 1ms, max_backoff: 20ms } }
destinations:
  bot: { url: "http://SINK/bot", timeout: 2s, auth: { bearer: "${SECRET}" } }
  busy: { url: "http://SINK/busy", timeout: 2s, limit: { concurrency: 1 } }
routes:
  - { name: once, from: ask, to: bot, when: body.do == "once", reply: upstream }
  - { name: fall, from: ask, to: bot, when: body.do == "fall", reply: { from: upstream, fallback: queue } }
  - { name: skip, from: ask, to: bot, when: body.do == "skip", transform: skip("no"), reply: upstream }
  - { name: busy, from: ask, to: busy, when: 'body.do == "busy"' }
  - { name: ask-busy, from: ask, to: busy, when: 'body.do == "ask-busy"', reply: upstream }
  - { name: rule, from: ask, when: 'body.do == "rule"', reply: { status: 201, body: "hi, $(body.id)" } }
`

// conversation is a house whose senders wait for answers.
type conversation struct {
	*house
	mu sync.Mutex
	n  int
}

func converse(t *testing.T) *conversation {
	t.Helper()
	return &conversation{house: open(t, replyRules)}
}

// said is the answer to a request, with its body.
type said struct {
	*http.Response
	body string
}

func (c *conversation) ask(do string) said {
	c.t.Helper()
	c.mu.Lock()
	c.n++
	id := fmt.Sprint("e", c.n)
	c.mu.Unlock()
	return c.askAs(do, id)
}

func (c *conversation) askAs(do, id string) said {
	c.t.Helper()
	resp, err := http.Post("http://"+c.Addr()+"/in/ask", "application/json", strings.NewReader(fmt.Sprintf(`{"do":%q,"id":%q}`, do, id)))
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return said{Response: resp, body: string(body)}
}

// last is the delivery that was made last.
func (c *conversation) last() *client.DeliveryDetail {
	c.t.Helper()
	page, err := c.api.Deliveries(context.Background(), client.Filter{})
	if err != nil || len(page.Items) == 0 {
		c.t.Fatalf("%v, %d deliveries", err, len(page.Items))
	}
	d, err := c.api.Delivery(context.Background(), page.Items[0].ID)
	if err != nil {
		c.t.Fatal(err)
	}
	return d
}

// ends waits until the last delivery is in a state for a reason, after so many attempts.
func (c *conversation) ends(state, reason string, tries int) {
	c.t.Helper()
	c.eventually(10*time.Second, "the delivery is "+state, func() bool { return fmt.Sprint(c.last().State) == state })
	if d := c.last(); d.Reason != reason || d.Tries != tries {
		c.t.Errorf("%s for %q after %d attempts, want %q after %d: %+v", state, d.Reason, d.Tries, reason, tries, d.History)
	}
}

// TestReplyGoesBack: the answer of the destination is that for the sender, and nothing is tried again behind its back.
func TestReplyGoesBack(t *testing.T) {
	c := converse(t)
	const mib = 1 << 20
	page := http.Header{"Content-Type": {"text/x-own; charset=latin1"}, "X-Other": {"no"}, "Set-Cookie": {"no"}}
	for name, x := range map[string]struct {
		behavior      sink.Behavior
		status        int
		state, reason string
	}{
		"ok":             {sink.Behavior{Body: "welcome", Header: page}, 200, "delivered", ""},
		"empty":          {sink.Behavior{Status: 204, Header: page}, 204, "delivered", ""},
		"refused":        {sink.Behavior{Status: 404, Body: "who?", Header: page}, 404, "dead", "refused"},
		"own trouble":    {sink.Behavior{Status: 500, Body: "oh", Header: page}, 500, "dead", "unanswered"},
		"busy":           {sink.Behavior{Status: 503, RetryAfter: "0", Body: "later", Header: page}, 503, "dead", "unanswered"},
		"just 1 MiB":     {sink.Behavior{Body: strings.Repeat("x", mib), Header: page}, 200, "delivered", ""},
		"over 1 MiB":     {sink.Behavior{Body: strings.Repeat("x", mib+1), Header: page}, 502, "delivered", ""},
		"elsewhere":      {sink.Behavior{Status: 302, Header: http.Header{"Location": {"/other"}}}, 502, "dead", "refused"},
		"gone for good":  {sink.Behavior{Status: 410, Body: "gone"}, 502, "dead", "unanswered"},
		"connection cut": {sink.Behavior{Fault: sink.Reset}, 502, "dead", "unanswered"},
		"half an answer": {sink.Behavior{Fault: sink.ShortBody}, 502, "dead", "unanswered"},
		"silence":        {sink.Behavior{Fault: sink.Hang}, 504, "dead", "unanswered"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &conversation{house: c.house, n: len(name) * 1000}
			c.sink.Set("", x.behavior)
			if name == "silence" {
				defer c.sink.Set("", sink.Behavior{})
			}
			before := c.sink.Count()
			got := c.askAs("once", name)
			ours := x.status == 502 || x.status == 504
			if got.StatusCode != x.status || !ours && (got.body != x.behavior.Body || got.Header.Get("Content-Type") != page.Get("Content-Type")) {
				t.Errorf("%d %q, %d bytes", got.StatusCode, got.Header, len(got.body))
			}
			if ours && got.Header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%q %s", got.Header, got.body)
			}
			if got.Header.Get("X-Other") != "" || got.Header.Get("Set-Cookie") != "" {
				t.Errorf("other headers: %q", got.Header)
			}
			c.ends(x.state, x.reason, 1)
			if n := c.sink.Count() - before; n != 1 {
				t.Errorf("%d requests", n)
			}
			if _, err := c.api.Resume(context.Background(), "bot"); err != nil { // whatever was held or paused
				t.Error(err)
			}
		})
	}
}

// TestReplyHidesSecrets: a destination that repeats our credentials does not give them to the sender.
func TestReplyHidesSecrets(t *testing.T) {
	h := prepare(t)
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/plain; x="+r.Header.Get("Authorization"))
		_, _ = io.WriteString(w, strings.Repeat("long ", 4000)+r.Header.Get("Authorization"))
	}))
	defer echo.Close()
	h.write(strings.ReplaceAll(replyRules, "http://SINK/bot", echo.URL))
	h.run()
	c := &conversation{house: h}
	got := c.ask("once")
	if got.StatusCode != http.StatusOK || strings.Contains(got.body+fmt.Sprint(got.Header), testSecret) || !strings.HasSuffix(got.body, "long Bearer ***") {
		t.Errorf("%d %q … %q", got.StatusCode, got.Header, got.body[max(0, len(got.body)-100):])
	}
}

// TestReplyElseQueue: what would be tried again is acknowledged as the source says, and tried again.
func TestReplyElseQueue(t *testing.T) {
	c := converse(t)
	c.sink.Set("", sink.Behavior{Status: 404, Body: "who?"})
	if got := c.ask("fall"); got.StatusCode != http.StatusNotFound || got.body != "who?" {
		t.Errorf("a refusal: %d %q", got.StatusCode, got.body)
	}
	c.ends("dead", "refused", 1)
	for _, behavior := range []sink.Behavior{{Status: 500}, {Fault: sink.Reset}, {Fault: sink.Hang}} {
		n := 0
		c.sink.Choose(func(sink.Request) sink.Behavior {
			if n++; n == 1 {
				return behavior
			}
			return sink.Behavior{}
		})
		got := c.ask("fall")
		if got.StatusCode != http.StatusOK || got.Header.Get("X-Source") != "own" || !strings.Contains(got.body, `"id":"evt_`) {
			t.Errorf("%+v: %d %q", behavior, got.StatusCode, got.body)
		}
		c.ends("delivered", "", 2)
	}
}

// TestReplyThroughTheGate: a gate that is shut costs no attempt.
func TestReplyThroughTheGate(t *testing.T) {
	c := converse(t)
	if _, err := c.api.Pause(context.Background(), "bot"); err != nil {
		t.Fatal(err)
	}
	if got := c.ask("once"); got.StatusCode != http.StatusBadGateway {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	c.ends("dead", "unanswered", 0)
	if d := c.last(); !strings.Contains(d.Detail, "paused") {
		t.Errorf("detail %q", d.Detail)
	}
	if got := c.ask("fall"); got.StatusCode != http.StatusOK {
		t.Errorf("%d %s", got.StatusCode, got.body)
	}
	if n := c.sink.Count(); n != 0 {
		t.Errorf("%d requests", n)
	}
	if _, err := c.api.Resume(context.Background(), "bot"); err != nil {
		t.Fatal(err)
	}
	c.ends("delivered", "", 1)
	c.sink.Set("", sink.Behavior{Status: 500})
	for range 5 {
		c.ask("once")
	}
	before := c.sink.Count()
	if got := c.ask("once"); got.StatusCode != http.StatusBadGateway || c.sink.Count() != before {
		t.Errorf("with an open breaker: %d, %d requests", got.StatusCode, c.sink.Count()-before)
	}
	c.ends("dead", "unanswered", 0)
}

// TestReplyHasASlotOfItsOwn: attempts that take all of a destination's slots keep nobody who waits from an answer.
func TestReplyHasASlotOfItsOwn(t *testing.T) {
	c := converse(t)
	c.sink.Choose(func(r sink.Request) sink.Behavior {
		if r.Header.Get("Hookrouter-Route") == "busy" {
			return sink.Behavior{Fault: sink.Hang}
		}
		return sink.Behavior{Body: "at once"}
	})
	c.ask("busy")
	c.ask("busy")
	c.eventually(5*time.Second, "an attempt hangs", func() bool { now, _ := c.sink.InFlight(); return now > 0 })
	if got := c.ask("ask-busy"); got.StatusCode != http.StatusOK || got.body != "at once" {
		t.Errorf("%d %q", got.StatusCode, got.body)
	}
}

// TestReplyToWhoAsksAgain: an answer is made anew only where there was none.
func TestReplyToWhoAsksAgain(t *testing.T) {
	c := converse(t)
	c.sink.Set("", sink.Behavior{Status: 500, Body: "oh"})
	c.askAs("once", "same")
	c.ends("dead", "unanswered", 1)
	c.sink.Set("", sink.Behavior{Body: "now"})
	if got := c.askAs("once", "same"); got.StatusCode != http.StatusOK || got.body != "now" {
		t.Errorf("%d %q", got.StatusCode, got.body)
	}
	c.ends("delivered", "", 2)
	if got := c.askAs("once", "same"); got.StatusCode != http.StatusOK || !strings.Contains(got.body, `"duplicate":true`) || c.sink.Count() != 2 {
		t.Errorf("%d %q, %d requests", got.StatusCode, got.body, c.sink.Count())
	}
	for range 2 {
		if got := c.askAs("rule", "greeted"); got.StatusCode != http.StatusCreated || got.body != "hi, greeted" {
			t.Errorf("%d %q", got.StatusCode, got.body)
		}
	}
}

func TestReplyThatIsSkipped(t *testing.T) {
	c := converse(t)
	if got := c.ask("skip"); got.StatusCode != http.StatusOK || !strings.Contains(got.body, `"id":"evt_`) {
		t.Errorf("%d %q", got.StatusCode, got.body)
	}
	c.ends("canceled", "skipped", 1)
}

// TestReplyThatNobodyWaitsFor: what a person sends again is delivered like any other.
func TestReplyThatNobodyWaitsFor(t *testing.T) {
	c := converse(t)
	c.sink.Set("", sink.Behavior{Status: 404})
	c.ask("once")
	c.ends("dead", "refused", 1)
	c.sink.Set("", sink.Behavior{})
	for _, do := range []string{"once", "fall"} {
		body := fmt.Appendf(nil, `{"do":%q,"id":"edited"}`, do)
		if _, err := c.api.ReplayEdited(context.Background(), c.last().Event, body); err != nil {
			t.Fatal(err)
		}
		c.ends("delivered", "", 1)
	}
}
