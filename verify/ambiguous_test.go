package verify

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// A signed value that holds the separator could be cut elsewhere and still have the same signature.
func TestAmbiguousContentIsRefused(t *testing.T) {
	p, _ := Lookup("standard-webhooks")
	v := mustNew(t, p.Verify, secretFor(p.Verify, 'a'))
	r := &Request{Header: map[string][]string{"Webhook-Id": {"a"}}, Body: []byte("1760000000.{}")}
	if err := v.Sign(r, signingTime()); err != nil {
		t.Fatal(err)
	}
	if err := v.Verify(r, signingTime()); err != nil {
		t.Fatal(err)
	}
	r.Header["Webhook-Id"] = []string{"a.1760000000"} // the same signed bytes, another id
	r.Body = []byte("{}")
	if err := v.Verify(r, signingTime()); err == nil {
		t.Error("accepted under another id")
	}
}

// TestCraftedCollisions: what was signed is cut into id, time and body in other places, so that the signed bytes are the
// same. The seeds are chosen so that another time stands in the body; where nothing stands between the fields, the body is
// JSON, as that of the one sender who does so.
func TestCraftedCollisions(t *testing.T) {
	const attempts = 200 // of each, and some hundred cuts in every one
	for content, unit := range map[string]string{
		"{header:x-id}.{ts}.{body}": "s", "{ts}.{body}": "s", "v0:{ts}:{body}": "s", "{header:x-id}{ts}{body}": "rfc3339", "{body}{ts}": "ms",
	} {
		t.Run(content, func(t *testing.T) {
			v := mustNew(t, mustScheme(t, fmt.Sprintf(`{kind: hmac, signature: {header: X-Sig}, content: %q, timestamp: {header: X-Time, unit: %s}}`, content, unit)), "a secret of the test")
			stamp := &Timestamp{Unit: unit}
			for range attempts {
				text := stamp.text(signingTime().Add(time.Duration(rand.IntN(60)) * time.Second))
				r := &Request{Method: "POST", Header: map[string][]string{"X-Id": {pick("a", "b", "7", "17")}}}
				r.Body = []byte(map[bool]string{true: "{"}[unit == "rfc3339"] + pick(text, "1", "") + pick(".", ":", "") + pick(text, "{}", "9") + pick(".", ":", "", "{}"))
				if v.Sign(r, signingTime()) != nil || v.Verify(r, signingTime()) != nil {
					continue
				}
				cut(t, v, content, r)
			}
		})
	}
}

func pick(texts ...string) string { return texts[rand.IntN(len(texts))] }

// cut gives the signed bytes of r to other fields, by what a cut anywhere makes of them.
func cut(t *testing.T, v *Verifier, content string, r *Request) {
	t.Helper()
	id, ts, body := r.Header["X-Id"][0], r.Header["X-Time"][0], string(r.Body)
	signed := strings.NewReplacer("{header:x-id}", id, "{ts}", ts, "{body}", body).Replace(content)
	for i := range len(signed) {
		for _, length := range []int{1, len(ts) - 1, len(ts), len(ts) + 1, 2*len(ts) + 1} {
			if i+length > len(signed) {
				continue
			}
			before, time, after := signed[:i], signed[i:i+length], signed[i+length:]
			other := &Request{Method: r.Method, Header: map[string][]string{"X-Sig": r.Header["X-Sig"], "X-Id": {id}, "X-Time": {time}}}
			switch content {
			case "{header:x-id}.{ts}.{body}":
				other.Header["X-Id"], other.Body = []string{strings.TrimSuffix(before, ".")}, []byte(strings.TrimPrefix(after, "."))
			case "{header:x-id}{ts}{body}":
				other.Header["X-Id"], other.Body = []string{before}, []byte(after)
			case "{body}{ts}":
				other.Body = []byte(before)
			default:
				other.Body = []byte(strings.TrimLeft(after, ".:"))
			}
			same := other.Header["X-Id"][0] == id && time == ts && string(other.Body) == body
			if !same && v.Verify(other, signingTime()) == nil {
				t.Fatalf("id %q, time %q, body %q is taken for id %q, time %q, body %q", id, ts, body, other.Header["X-Id"][0], time, other.Body)
			}
		}
	}
}
