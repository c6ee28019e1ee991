package verify_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/rules/lang"
	"github.com/hookrouter/hookrouter/verify"
)

// What presets declare is an expression of the rules language: run on the samples, it must give the event's name, and a
// key that is the same for the same event and different for another.
func TestDeclaredExpressions(t *testing.T) {
	for _, name := range verify.Names() {
		p, _ := verify.Lookup(name)
		for _, info := range p.Samples {
			t.Run(name+" "+info.Event, func(t *testing.T) {
				first, again, other := env(t, p, info.Event, 0, 0), env(t, p, info.Event, 0, time.Minute), env(t, p, info.Event, 1, 0)
				if got := text(t, p.Type, first); got != info.Event {
					t.Errorf("type %q", got)
				}
				if p.Dedupe == "digest" || p.Dedupe == "none" || isHandshake(p, info) {
					return
				}
				key := text(t, p.Dedupe, first)
				if key == "" || key != text(t, p.Dedupe, again) {
					t.Errorf("key %q, then %q", key, text(t, p.Dedupe, again))
				}
				if key == text(t, p.Dedupe, other) {
					t.Errorf("another event has the key %q, too", key)
				}
			})
		}
	}
}

// Contentful says in each request what it signed; what is not signed must not decide what a duplicate is.
func TestContentfulKeyIsSigned(t *testing.T) {
	p, _ := verify.Lookup("contentful")
	key := func(signed, idempotency, topic, body string) string {
		return text(t, p.Dedupe, &lang.Env{
			Method: "POST", Raw: []byte(body), Body: lang.NewBody("json", nil, []byte(body), "POST"),
			Header: map[string][]string{
				"X-Contentful-Signed-Headers": {signed}, "X-Contentful-Idempotency-Key": {idempotency},
				"X-Contentful-Topic": {topic}, "X-Contentful-Timestamp": {"1603379941037"},
			},
		})
	}
	const entry = `{"sys":{"id":"a","updatedAt":"2026-03-02T09:58:20.531Z"}}`
	for _, c := range []struct {
		name, signed string
		idem, topic  string // of the second request
		body         string
		duplicate    bool
	}{
		{"key signed, same", "x-contentful-idempotency-key", "k1", "publish", entry, true},
		{"key signed, other", "x-contentful-idempotency-key", "k2", "publish", entry, false},
		{"key not signed, other", "x-contentful-topic", "k2", "publish", entry, true},
		{"topic signed, other", "x-contentful-topic", "k1", "archive", entry, false},
		{"topic not signed, other", "content-type", "k1", "archive", entry, true},
		{"other body", "content-type", "k1", "publish", `{"sys":{"id":"a","updatedAt":"2026-03-02T09:58:21.531Z"}}`, false},
		{"transformed body", "content-type", "k1", "publish", `{"ref":"main"}`, false},
	} {
		if got := key(c.signed, "k1", "publish", entry) == key(c.signed, c.idem, c.topic, c.body); got != c.duplicate {
			t.Errorf("%s: duplicate %v", c.name, got)
		}
	}
}

// Interactivity puts JSON into a form field; its expressions reach into it.
func TestSlackInteraction(t *testing.T) {
	p, _ := verify.Lookup("slack")
	form := url.Values{"payload": {`{"type":"block_actions","trigger_id":"1.2.3"}`}}.Encode()
	header := map[string][]string{"Content-Type": {"application/x-www-form-urlencoded"}}
	e := &lang.Env{Method: "POST", Raw: []byte(form), Body: lang.NewBody("", header, []byte(form), "POST")}
	if got := text(t, p.Type, e) + " " + text(t, p.Dedupe, e); got != "block_actions 1.2.3" {
		t.Errorf("got %q", got)
	}
}

func isHandshake(p *verify.Preset, info verify.SampleInfo) bool {
	r, err := verify.Sample(p.Name, info.Event)
	if err != nil {
		return false
	}
	_, is := verify.Answer(p.Handshake, r, nil, true)
	return is
}

// env is what an expression sees of the n-th variant of a sample, signed a while after the first.
func env(t *testing.T, p *verify.Preset, event string, n int, later time.Duration) *lang.Env {
	t.Helper()
	r, err := verify.SampleN(p.Name, event, n)
	if err != nil {
		t.Fatal(err)
	}
	verify.SignSample(t, p, r, time.Unix(1760000000, 0).Add(later))
	return &lang.Env{Method: r.Method, Header: r.Header, Raw: r.Body, Body: lang.NewBody(p.Body, r.Header, r.Body, r.Method)}
}

func text(t *testing.T, expression string, e *lang.Env) string {
	t.Helper()
	program, err := lang.Compile(expression, lang.Text)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	got, err := program.Text(e)
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return got
}
