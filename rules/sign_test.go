package rules_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verify"
)

// What Python's hmac and OpenSSL (pkeyutl -sign -rawin, with the seed 00 01 … 1f) make of
// dlv_00000000000000000000000001.1760000000.{"ref":"main"}.
var signedElsewhere = map[string]string{
	"whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=": "v1,DCQOzAk/AyLBKTj8VsoEQIJggw/YqtYTx8/92bVgS4U=",
	"whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=": "v1,JH8w7gn9K0aMWQj47MzFZTdBpBlaKyHqB1mXjDBVR/4=",
	"whsk_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=":  "v1a,8IYl0xL2+vBxk99Oj8PzDtoXW4K8nDLF+7S16Opc5zTYHl6kSsrIOkt7FgT99w/spXSbO7AePzc3EP5ktb/IAQ==",
}

func signer(t *testing.T, keys ...string) *rules.Destination {
	t.Helper()
	env := map[string]string{"A": "", "B": "", "C": ""}
	for i, name := range []string{"A", "B", "C"}[:len(keys)] {
		env[name] = keys[i]
	}
	set, err := rules.Parse(rules.File{Name: "r.yaml", Data: []byte(
		`{version: 1, destinations: {d: {url: "http://d/", sign: ["${A}", "${B}", "${C}"]}}}`)},
		rules.Options{Env: func(name string) (string, bool) { v, ok := env[name]; return v, ok }})
	if err != nil {
		t.Fatal(err)
	}
	d, _ := set.Destination("d")
	return d
}

// toSign is a request as Render makes it, whose sender signed it as well.
func toSign() *rules.Request {
	return &rules.Request{Method: "POST", URL: "http://d/", Body: []byte(`{"ref":"main"}`), Header: map[string][]string{
		"Webhook-Id": {"dlv_00000000000000000000000001"}, "Webhook-Timestamp": {"1"}, "Webhook-Signature": {"v1,abc", "v1,def"},
	}}
}

func TestSignature(t *testing.T) {
	at := time.Unix(1_760_000_000, 0)
	keys := []string{}
	want := []string{}
	for key, signature := range signedElsewhere {
		keys, want = append(keys, key), append(want, signature)
		r := toSign()
		if err := signer(t, key).Sign(r, at); err != nil {
			t.Fatal(err)
		}
		if got := r.Header["Webhook-Signature"]; len(got) != 1 || got[0] != signature {
			t.Errorf("got %q, want %q", got, signature)
		}
	}
	all, later := toSign(), toSign()
	d := signer(t, keys...)
	if err := d.Sign(all, at); err != nil {
		t.Fatal(err)
	}
	if got := all.Header["Webhook-Signature"][0]; got != strings.Join(want, " ") {
		t.Errorf("with three keys: %q", got)
	}
	if stamp := all.Header["Webhook-Timestamp"]; len(stamp) != 1 || stamp[0] != "1760000000" {
		t.Errorf("timestamp %q", stamp)
	}
	if err := d.Sign(later, at.Add(time.Minute)); err != nil || later.Header["Webhook-Signature"][0] == all.Header["Webhook-Signature"][0] {
		t.Errorf("signed a minute later: %v, the same signatures", err)
	}
}

// TestSignatureIsAccepted: the preset for senders that follow Standard Webhooks takes it, and nothing that was changed.
func TestSignatureIsAccepted(t *testing.T) {
	const old, current = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
	p, _ := verify.Lookup("standard-webhooks")
	now := time.Now()
	r := toSign()
	if err := signer(t, current, old).Sign(r, now); err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{old, current} {
		v, err := verify.New(p.Verify, verify.Keys{Secrets: []string{secret}})
		if err != nil {
			t.Fatal(err)
		}
		req := &verify.Request{Method: "POST", URL: "/", Header: r.Header, Body: r.Body}
		if err := v.Verify(req, now); err != nil {
			t.Errorf("refused: %v", err)
		}
		changed := *req
		changed.Header = maps.Clone(r.Header)
		changed.Header["Webhook-Id"] = []string{"dlv_00000000000000000000000002"}
		if v.Verify(&changed, now) == nil || v.Verify(req, now.Add(time.Hour)) == nil {
			t.Error("accepts another id, or an old signature")
		}
	}
}

func TestNotSigned(t *testing.T) {
	set := parse(t, `{version: 1, destinations: {d: {url: "http://d/"}}}`)
	d, _ := set.Destination("d")
	r := toSign()
	if err := d.Sign(r, time.Now()); err != nil || len(r.Header["Webhook-Signature"]) != 2 {
		t.Errorf("%v, %v", err, r.Header)
	}
}
