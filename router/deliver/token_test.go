package deliver

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/sink"
)

// grants is a token endpoint, and the destination that takes what it gave last: token-canary-N.
type grants struct {
	endpoint, destination string // addresses

	given    atomic.Int32
	seconds  atomic.Int32 // that a token lasts; 0: it does not say
	broken   atomic.Bool  // the endpoint answers 503
	calls    atomic.Int32 // of the destination
	refuses  atomic.Bool  // the destination takes none
	withdraw atomic.Bool  // once: the destination does not take the one that is valid now
}

func newGrants(t *testing.T) *grants {
	t.Helper()
	g := &grants{}
	g.endpoint = testServer(t, http.HandlerFunc(g.grant)).URL
	g.destination = testServer(t, http.HandlerFunc(g.deliver)).URL
	return g
}

func (g *grants) grant(w http.ResponseWriter, r *http.Request) {
	id, secret, _ := r.BasicAuth()
	if id != "router" || secret != secrets["CLIENT_SECRET"] || r.FormValue("grant_type") != "client_credentials" ||
		r.FormValue("scope") != "jobs" || r.FormValue("audience") != "ci" {
		http.Error(w, "wrong client "+secret, http.StatusUnauthorized)
		return
	}
	if g.broken.Load() {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = fmt.Fprintf(w, `{"error": "sorry_%s", "error_description": %q}`, secret, r.Header.Get("Authorization"))
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = fmt.Fprintf(w, `{"access_token": "token-canary-%d", "token_type": "bearer", "expires_in": %d}`, g.given.Add(1), g.seconds.Load())
}

func (g *grants) deliver(w http.ResponseWriter, r *http.Request) {
	g.calls.Add(1)
	withdrawn := g.withdraw.Swap(false)
	if g.refuses.Load() || withdrawn || r.Header.Get("Authorization") != fmt.Sprintf("Bearer token-canary-%d", g.given.Load()) {
		http.Error(w, "not you, "+r.Header.Get("Authorization"), http.StatusUnauthorized)
		return
	}
	_, _ = fmt.Fprintln(w, "welcome,", r.Header.Get("Authorization"))
}

func (g *grants) rules() string {
	return oneRoute("a", fmt.Sprintf(`url: %q, auth: { oauth2: { token_url: %q, client_id: router, client_secret: "${CLIENT_SECRET}", `+
		`scopes: jobs, params: { audience: ci } } }`, g.destination, g.endpoint)+impatient)
}

// noCanary looks for a secret in all that is kept of a delivery.
func noCanary(t *testing.T, as []event.Attempt) {
	t.Helper()
	for _, a := range as {
		if strings.Contains(fmt.Sprintf("%+v", a), "canary") {
			t.Errorf("a secret is shown: %+v", a)
		}
	}
}

// TestTokenIsKept: many attempts, one token, and another when it is about to end.
func TestTokenIsKept(t *testing.T) {
	g := newGrants(t)
	g.seconds.Store(3600)
	r := newRig(t, g.rules(), nil)
	for i := range 5 {
		d, as := r.final(r.send("a", fmt.Sprint(i)))
		if d.State != event.Delivered || len(as) != 1 {
			t.Fatalf("%v: %+v", d.State, as)
		}
		noCanary(t, as)
		if !strings.Contains(as[0].Answer, "welcome, Bearer ***") {
			t.Errorf("answer %q", as[0].Answer)
		}
	}
	if n := g.given.Load(); n != 1 {
		t.Errorf("%d tokens for 5 attempts", n)
	}
	now := time.Now()
	for life, want := range map[time.Duration]time.Duration{time.Hour: 3570 * time.Second, 20 * time.Second: 10 * time.Second} {
		if got := renewal(&oauth2.Token{Expiry: now.Add(life)}, now); !got.Equal(now.Add(want)) {
			t.Errorf("a token of %v is replaced after %v", life, got.Sub(now))
		}
	}
	if !renewal(&oauth2.Token{}, now).IsZero() {
		t.Error("a token without an end is replaced")
	}
}

// TestTokenThatEnds: one that lasts no time is got anew for each attempt.
func TestTokenThatEnds(t *testing.T) {
	g := newGrants(t)
	g.seconds.Store(-1)
	r := newRig(t, g.rules(), nil)
	for i := range 3 {
		r.final(r.send("a", fmt.Sprint(i)))
	}
	if n := g.given.Load(); n != 3 {
		t.Errorf("%d tokens for 3 attempts", n)
	}
}

// TestTokenIsRefused: a token that was withdrawn costs no attempt, and one that is never taken costs one only.
func TestTokenIsRefused(t *testing.T) {
	g := newGrants(t)
	r := newRig(t, g.rules(), nil)
	r.final(r.send("a", "first"))
	g.withdraw.Store(true)
	d, as := r.final(r.send("a", "second"))
	if d.State != event.Delivered || len(as) != 1 || g.given.Load() != 2 || g.calls.Load() != 3 {
		t.Errorf("%v after %d attempts, %d tokens, %d requests", d.State, len(as), g.given.Load(), g.calls.Load())
	}
	g.refuses.Store(true)
	d, as = r.final(r.send("a", "third"))
	if d.State != event.Dead || d.Reason != event.ReasonRefused || len(as) != 1 || g.given.Load() != 3 || g.calls.Load() != 5 {
		t.Errorf("%v after %d attempts, %d tokens, %d requests", d.State, len(as), g.given.Load(), g.calls.Load())
	}
	noCanary(t, as)
}

// TestNoToken: the endpoint's trouble is told as such, without what it repeats, and heals.
func TestNoToken(t *testing.T) {
	g := newGrants(t)
	g.broken.Store(true)
	r := newRig(t, g.rules(), nil)
	id := r.send("a", "x")
	_, as := r.attempted(id, 2)
	if as[0].Result != resultToken || as[0].Error != `no token: the token endpoint: answered 503, "sorry_***"` || g.calls.Load() != 0 {
		t.Errorf("%+v, %d requests", as[0], g.calls.Load())
	}
	g.broken.Store(false)
	d, as := r.final(id)
	if d.State != event.Delivered {
		t.Errorf("%v: %+v", d.State, as)
	}
	noCanary(t, as)
}

// TestTokenTrouble: whatever the endpoint does, the attempt ends in time and says so.
func TestTokenTrouble(t *testing.T) {
	s := sink.New(sink.Options{})
	endpoint := httptest.NewServer(s)
	defer func() { endpoint.CloseClientConnections(); endpoint.Close() }()
	g := newGrants(t)
	g.endpoint = endpoint.URL
	public, err := NewEgress("public", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		behavior sink.Behavior
		egress   Egress
		want     string
	}{
		"hangs":     {sink.Behavior{Fault: sink.Hang}, Egress{}, "no answer in time"},
		"resets":    {sink.Behavior{Fault: sink.Reset}, Egress{}, "broken error"},
		"redirects": {sink.Behavior{Status: 307, Header: http.Header{"Location": {g.destination}}}, Egress{}, "answered 307"},
		"refuses":   {sink.Behavior{Status: 401, Body: secrets["CLIENT_SECRET"]}, Egress{}, "answered 401"},
		"no token":  {sink.Behavior{Body: "{}"}, Egress{}, "the answer holds no token"},
		"endless":   {sink.Behavior{Fault: sink.HugeBody}, Egress{}, "the answer holds no token"},
		"guarded":   {sink.Behavior{}, public, "egress error"},
	} {
		t.Run(name, func(t *testing.T) {
			s.Set("", c.behavior)
			dest, _ := parse(t, g.rules()).Destination("a")
			tr := newTransport(dest, &Options{Egress: c.egress})
			defer tr.close()
			ctx, cancel := deadline(t, c.want == "no answer in time")
			defer cancel()
			done := make(chan error, 1)
			go func() {
				_, err := tr.tokens.get(ctx, "")
				done <- err
			}()
			select {
			case err = <-done:
			case <-time.After(testTimeout + 5*time.Second):
				t.Fatal("it goes on after its deadline")
			}
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	if n := g.calls.Load(); n != 0 {
		t.Errorf("%d requests went where a redirect led", n)
	}
}
