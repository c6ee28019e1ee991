package verify

import (
	"encoding/base64"
	"strings"
	"testing"
)

// TestDiagnose: what went wrong between a sender and us is said, and never by what nobody may know.
func TestDiagnose(t *testing.T) {
	const plain = `{kind: hmac, signature: {header: X-Sig}}`
	const address = `{kind: hmac, signature: {header: X-Sig}, content: "{url}{body}"}`
	decoded := base64.StdEncoding.EncodeToString([]byte("a secret that the sender decodes"))
	for _, c := range []struct{ name, signs, verifies, url, received, want string }{
		{"base64", `{kind: hmac, signature: {header: X-Sig}, key: {encoding: base64}}`, plain, "https://a.example/in", `{"a":1}`, "taken as base64"},
		{"strip", `{kind: hmac, signature: {header: X-Sig}, key: {strip: whsec_, encoding: base64}}`, plain, "https://a.example/in", `{"a":1}`, "whsec_ is taken off"},
		{"whole", plain, `{kind: hmac, signature: {header: X-Sig}, key: {strip: whsec_, encoding: base64}}`, "https://a.example/in", `{"a":1}`, "taken whole"},
		{"compact", plain, plain, "https://a.example/in", "{\n  \"a\": 1\n}", "without spaces"},
		{"line end", plain, plain, "https://a.example/in", "{\"a\":1}\n", "without the line end"},
		{"address", address, address, "http://a.example/in/", `{"a":1}`, "another address: https://a.example/in;"},
		{"nothing of that", plain, plain, "https://a.example/in", `{"a":2}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			secret := decoded
			if strings.Contains(c.signs+c.verifies, "whsec_") {
				secret = "whsec_" + decoded
			}
			r := &Request{Method: "POST", URL: "/in", Header: map[string][]string{}, Body: []byte(`{"a":1}`)}
			sender, err := New(mustScheme(t, c.signs), Keys{Secrets: []string{secret}, PublicURL: "https://a.example/in"})
			if err != nil {
				t.Fatal(err)
			}
			if err := sender.Sign(r, signingTime()); err != nil {
				t.Fatal(err)
			}
			r.Body = []byte(c.received)
			v, err := New(mustScheme(t, c.verifies), Keys{Secrets: []string{secret}, PublicURL: c.url})
			if err != nil {
				t.Fatal(err)
			}
			got := v.Diagnose(r, signingTime())
			if c.want == "" && got != "" || !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if strings.Contains(got, secret) || strings.Contains(got, r.Header["X-Sig"][0]) {
				t.Errorf("it tells too much: %s", got)
			}
		})
	}
}
