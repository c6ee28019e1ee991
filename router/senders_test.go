package router_test

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router"
	"github.com/hookrouter/hookrouter/verify"
)

const senderRules = `version: 1
sources:
  mollie: { preset: mollie-classic, verify: none }
  github: { preset: github, secret: "${SECRET}" }
destinations: { there: "http://SINK/there" }
routes:
  - { name: all, from: [mollie, github], to: there, when: %s }
`

// TestEqualBytesOfDifferentEvents: a thin notice that comes twice is two events; a body that its sender signed and somebody
// sends again is one, for as long as it could be replayed; and when the rules were wrong, sending it again heals it.
func TestEqualBytesOfDifferentEvents(t *testing.T) {
	h := open(t, fmt.Sprintf(senderRules, `source == "mollie"`))
	for range 2 {
		h.post("mollie", "", "", &verify.Request{
			Method: http.MethodPost, Header: map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: []byte("id=tr_WDqYK6vllg"),
		})
	}
	h.eventually(10*time.Second, "both of Mollie's are delivered", func() bool { return h.sink.Count() == 2 })

	push := func() (int, string) { return h.send("github", "github", "push", 1) }
	if status, _ := push(); status != http.StatusAccepted {
		t.Fatal(status)
	}
	h.write(h.rules(fmt.Sprintf(senderRules, "true")))
	if err := h.Reload(); err != nil {
		t.Fatal(err)
	}
	if _, body := push(); !strings.Contains(body, `"duplicate":true`) {
		t.Errorf("sent again: %s", body)
	}
	h.eventually(10*time.Second, "the redelivery after the rules were mended is delivered", func() bool { return h.sink.Count() == 3 })
	for range 3 {
		push()
	}
	h.send("github", "github", "push", 2)
	h.eventually(10*time.Second, "the next event is delivered", func() bool { return h.sink.Count() >= 4 })
	if n := h.sink.Count(); n != 4 {
		t.Errorf("%d deliveries, want 4: a replayed body is delivered once", n)
	}
}

// TestFreshUnsignedID: who replays a request with another delivery id, which the sender does not sign, gets a duplicate.
func TestFreshUnsignedID(t *testing.T) {
	presets := []string{"bitbucket", "gitea", "github", "linear", "sanity", "shopify", "woocommerce"}
	rules := "version: 1\nsources:\n"
	for _, name := range presets {
		rules += fmt.Sprintf("  %s: { preset: %s, secret: \"${SECRET}\" }\n", name, name)
	}
	h := open(t, rules+"destinations: { there: \"http://SINK/there\" }\nroutes: [ { name: all, from: \"*\", to: there } ]\n")
	for _, name := range presets {
		p, _ := verify.Lookup(name)
		r, err := verify.Sample(name, "")
		if err != nil || p.SenderID == "" {
			t.Fatal(name, err)
		}
		if status, body := h.post(name, name, testSecret, r); status/100 != 2 {
			t.Fatalf("%s: %d %s", name, status, body)
		}
		for _, id := range []string{"an-id-of-the-one-who-replays", "another"} {
			again := *r
			again.Header = http.Header(r.Header).Clone()
			http.Header(again.Header).Set(p.SenderID, id)
			if _, body := h.raw(&again); !strings.Contains(body, `"duplicate":true`) {
				t.Errorf("%s with the id %q: %s", name, id, body)
			}
		}
	}
	h.eventually(10*time.Second, "each is delivered", func() bool { return h.sink.Count() >= len(presets) })
	h.send("github", "github", "push", 2)
	h.eventually(10*time.Second, "the next event is delivered", func() bool { return h.sink.Count() > len(presets) })
	if n := h.sink.Count(); n != len(presets)+1 {
		t.Errorf("%d deliveries, want %d", n, len(presets)+1)
	}
}

// TestKeysThatASenderPublishes: the key is fetched from the pinned host, kept, and while it cannot be had the sender is
// told to come again; nothing is ever let through.
func TestKeysThatASenderPublishes(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	var up atomic.Bool
	keys := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !up.Load() || r.Host != "rest.fal.ai" {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": []map[string]string{{"kty": "OKP", "crv": "Ed25519", "x": encoded(public)}}})
	}))
	t.Cleanup(keys.Close)
	transport := keys.Client().Transport.(*http.Transport).Clone()
	transport.TLSClientConfig.InsecureSkipVerify = true // the test's own server, under the pinned name
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, keys.Listener.Addr().String())
	}
	h := prepare(t)
	h.write("version: 1\nsources: { fal: { preset: fal } }\nroutes: [ { name: r, from: fal } ]\n")
	h.runWith(func(o *router.Options) { o.KeyTransport = transport })

	signed := func(key ed25519.PrivateKey, id string) int {
		body := []byte(`{"request_id":"x","status":"OK"}`)
		r := &verify.Request{Method: http.MethodPost, URL: "http://" + h.Addr() + "/in/fal", Body: body, Header: map[string][]string{
			"Content-Type": {"application/json"}, "X-Fal-Webhook-Request-Id": {id}, "X-Fal-Webhook-User-Id": {"u"},
			"X-Fal-Webhook-Timestamp": {fmt.Sprint(time.Now().Unix())},
		}}
		covered := fmt.Sprintf("%s\nu\n%s\n%s", id, r.Header["X-Fal-Webhook-Timestamp"][0], hashed(body))
		r.Header["X-Fal-Webhook-Signature"] = []string{hex.EncodeToString(ed25519.Sign(key, []byte(covered)))}
		status, _ := h.raw(r)
		return status
	}
	if got := signed(private, "a"); got != http.StatusServiceUnavailable {
		t.Errorf("without the key: %d, want 503", got)
	}
	up.Store(true)
	h.eventually(30*time.Second, "the key is asked for again", func() bool { return signed(private, "b") == http.StatusAccepted })
	_, other, _ := ed25519.GenerateKey(nil)
	if got := signed(other, "c"); got != http.StatusUnauthorized {
		t.Errorf("signed by somebody else: %d, want 401", got)
	}
	up.Store(false)
	if got := signed(private, "d"); got != http.StatusAccepted {
		t.Errorf("with the key that is kept: %d, want 202", got)
	}
}

func encoded(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func hashed(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
