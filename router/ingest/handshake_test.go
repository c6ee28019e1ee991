package ingest_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/verify"
)

const handshakeRules = `
version: 1
sources:
  asana: { preset: taught }
  set: { preset: taught, secret: ` + secret + ` }
  confirmed: { preset: confirming, secret: ` + secret + ` }
  quiet: { preset: github, secret: ` + secret + `, respond: { refused: 202 } }
  challenged: { preset: challenging, secret: ` + secret + `, with: { verify_token: meet-the-token-of-the-test } }
  open: { preset: challenging, verify: none, with: { verify_token: meet-the-token-of-the-test } }
presets:
  taught:
    verify: { kind: hmac, signature: { header: X-Hook-Signature } }
    handshake:
      unverified: true
      match: { header: { X-Hook-Secret: "*" } }
      learn: "{header:X-Hook-Secret}"
      reply: { headers: { X-Hook-Secret: "{header:X-Hook-Secret}" } }
  confirming:
    verify: { kind: hmac, signature: { header: X-Sig } }
    handshake: { match: { json: { type: confirm } }, confirm: "{json:url}", hosts: [confirm.example.com], reply: {} }
  challenging:
    verify: { kind: hmac, signature: { header: X-Sig } }
    with: { name: verify_token, required: true }
    handshake:
      unverified: true
      match: { method: GET, query: { mode: subscribe, challenge: "*", verify_token: "*" } }
      must: { "{query:verify_token}": "{with:verify_token}" }
      reply: { body: "{query:challenge}" }
routes: [ { name: all, from: "*" } ]
`

func shaking(t *testing.T, change ...func(*ingest.Options, *queue.Options)) *rig {
	t.Helper()
	r := newRig(t, change...)
	r.rules.Store(parse(t, handshakeRules))
	return r
}

func (r *rig) get(method, target string, header ...string) answer {
	r.t.Helper()
	req, err := http.NewRequest(method, r.server.URL+target, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return r.do(req)
}

// signedWith is an event of the taught sender, signed with a secret that it gave.
func (r *rig) signedWith(given string) answer {
	r.t.Helper()
	src, _ := r.rules.Load().Source("asana")
	v, err := src.Learn(given)
	if err != nil {
		r.t.Fatal(err)
	}
	req := &verify.Request{Method: "POST", URL: src.Path, Body: []byte("{}"), Header: map[string][]string{}}
	if err := v.Sign(req, time.Now()); err != nil {
		r.t.Fatal(err)
	}
	out, err := http.NewRequest(http.MethodPost, r.server.URL+req.URL, strings.NewReader("{}"))
	if err != nil {
		r.t.Fatal(err)
	}
	out.Header = req.Header
	return r.do(out)
}

// TestSecretIsLearnedWhileArmed: a sender gives its secret when it has none; later only after somebody armed the source,
// once. Before there is one nothing is accepted.
func TestSecretIsLearnedWhileArmed(t *testing.T) {
	r := shaking(t)
	first, second := "the-first-secret-of-the-sender", "the-second-secret-of-the-sender"
	if got := r.signedWith(first); got.Status != 401 {
		t.Errorf("accepted before there is a secret: %+v", got)
	}
	if got := r.get("POST", "/in/asana", "X-Hook-Secret", first); got.Status != 200 || got.Header.Get("X-Hook-Secret") != first {
		t.Fatalf("handshake: %+v", got)
	}
	if got := r.signedWith(first); got.Status != 202 {
		t.Errorf("refused with the secret that was given: %+v", got)
	}
	if got := r.get("POST", "/in/asana", "X-Hook-Secret", second); got.Status != 401 || got.Header.Get("X-Hook-Secret") != "" {
		t.Errorf("a second secret is taken unasked: %+v", got)
	}
	r.ingest.Arm("asana")
	for _, want := range []int{200, 401} {
		if got := r.get("POST", "/in/asana", "X-Hook-Secret", second); got.Status != want {
			t.Errorf("armed: %d, want %d", got.Status, want)
		}
	}
	if got := r.signedWith(first); got.Status != 401 {
		t.Errorf("the secret before still opens: %+v", got)
	}
	if got := r.signedWith(second); got.Status != 202 {
		t.Errorf("refused with the new secret: %+v", got)
	}
	r.ingest.Arm("set")
	if got := r.get("POST", "/in/set", "X-Hook-Secret", second); got.Status != 401 {
		t.Errorf("a source whose secret is in the rules takes another: %+v", got)
	}
	if strings.Contains(r.logged.String(), first) || strings.Contains(r.logged.String(), second) {
		t.Error("a secret is in the log")
	}
}

// TestChallengeByGet: another method than the source's is for handshakes only.
func TestChallengeByGet(t *testing.T) {
	r := shaking(t)
	const good = "/in/challenged?mode=subscribe&challenge=1158201444&verify_token=meet-the-token-of-the-test"
	if got := r.get("GET", good); got.Status != 200 || got.Body != "1158201444" || got.Header.Get("Content-Type") != "text/plain" {
		t.Errorf("%+v", got)
	}
	if got := r.get("GET", strings.Replace(good, "challenged", "open", 1)); got.Status != 200 || got.Body != "1158201444" {
		t.Errorf("a source that proves nothing: %+v", got)
	}
	for target, want := range map[string]int{
		strings.NewReplacer("challenged", "open", "meet", "meat").Replace(good): 403,
		strings.Replace(good, "meet", "meat", 1):                                403, "/in/challenged": 405, "/in/challenged?mode=subscribe": 405,
	} {
		if got := r.get("GET", target); got.Status != want || strings.Contains(got.Body, "1158") {
			t.Errorf("%s: %+v, want %d", target, got, want)
		}
	}
	if got := r.get("PUT", good); got.Status != 405 {
		t.Errorf("PUT: %+v", got)
	}
	if r.log.Len() != 0 {
		t.Error("a handshake was stored")
	}
}

// TestConfirmation: the answer comes after the address was fetched, and only of a host that is pinned.
func TestConfirmation(t *testing.T) {
	var asked []string
	var failure error
	r := shaking(t, func(o *ingest.Options, _ *queue.Options) {
		o.Confirm = func(address string) error { asked = append(asked, address); return failure }
	})
	const good = `{"type":"confirm","url":"https://confirm.example.com/?token=x"}`
	if got := r.send("confirmed", good); got.Status != 200 || len(asked) != 1 {
		t.Errorf("%+v, asked %v", got, asked)
	}
	if got := r.send("confirmed", strings.Replace(good, "confirm.example.com", "evil.example.com", 1)); got.Status != 400 || len(asked) != 1 {
		t.Errorf("%+v, asked %v", got, asked)
	}
	failure = errors.New("not now")
	if got := r.send("confirmed", good); got.Status != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("%+v", got)
	}
	forged := r.request("confirmed", good)
	forged.Header.Set("X-Sig", flip(forged.Header.Get("X-Sig")))
	if got := r.do(forged); got.Status != 401 || len(asked) != 2 {
		t.Errorf("a forged confirmation: %+v, asked %v", got, asked)
	}
}

// TestRefusedWithAnotherStatus: some senders want a 2xx for what is dropped. It has no id and nothing is stored.
func TestRefusedWithAnotherStatus(t *testing.T) {
	r := shaking(t)
	forged := r.request("quiet", "{}")
	forged.Header.Set("X-Hub-Signature-256", flip(forged.Header.Get("X-Hub-Signature-256")))
	if got := r.do(forged); got.Status != 202 || got.Body != "" {
		t.Errorf("%+v", got)
	}
	if n := r.ingest.Stats("quiet").Results; r.log.Len() != 0 || n["unverified"] != 1 || n["accepted"] != 0 {
		t.Errorf("%d records, %v", r.log.Len(), n)
	}
}
