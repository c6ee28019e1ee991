package verify

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// The reasons are what an operator reads when a sender is refused: they must say what to do.
func TestReasons(t *testing.T) {
	github := `{kind: hmac, signature: {header: X-Hub-Signature-256, prefix: "sha256="}}`
	stripe := `{kind: hmac, signature: {header: Stripe-Signature, separator: ",", assign: "=", field: v1}, content: "{ts}.{body}", timestamp: {field: t}}`
	id := `{kind: hmac, signature: {header: X-Sig}, content: "{header:X-Id}.{body}"}`
	sum := strings.Repeat("ab", 32)
	for _, c := range []struct{ name, scheme, header, value, want string }{
		{"missing", github, "X-Other", "1", "header X-Hub-Signature-256 missing"},
		{"empty", github, "X-Hub-Signature-256", "", "header X-Hub-Signature-256 empty"},
		{"prefix", github, "X-Hub-Signature-256", "sha1=" + sum, `header X-Hub-Signature-256 does not begin with "sha256="`},
		{"no hex", github, "X-Hub-Signature-256", "sha256=" + sum[1:] + "G", "header X-Hub-Signature-256 is not hex of 32 bytes"},
		{"wrong", github, "X-Hub-Signature-256", "sha256=" + sum, "no signature matched with the secret"},
		{"no field", stripe, "Stripe-Signature", "t=1760000000,v0=" + sum, "header Stripe-Signature has no v1="},
		{"no time", stripe, "Stripe-Signature", "v1=" + sum, "signature has no t"},
		{"two times", stripe, "Stripe-Signature", "t=1760000000,t=1760000000,v1=" + sum, "signature has t 2 times"},
		{"old", stripe, "Stripe-Signature", "t=1759999688,v1=" + sum, "timestamp 312 s old, tolerance 300 s; a clock that is 312 s off would explain it"},
		{"milliseconds", stripe, "Stripe-Signature", "t=1760000000000,v1=" + sum, `timestamp "1760000000000" looks like milliseconds, and the scheme counts seconds`},
		{"future", stripe, "Stripe-Signature", "t=1760000301,v1=" + sum, "timestamp 301 s in the future, tolerance 300 s; a clock that is 301 s off would explain it"},
		{"no number", stripe, "Stripe-Signature", "t=\x1b[31m1,v1=" + sum, `timestamp "\x1b[31m1" is not a plain number`},
		{"part missing", id, "X-Sig", sum, "header X-Id missing"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := mustNew(t, mustScheme(t, c.scheme), "first secret of the test")
			r := &Request{Method: "POST", Header: map[string][]string{c.header: {c.value}}}
			if err := v.Verify(r, signingTime()); err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
	two := mustNew(t, mustScheme(t, github), "one", "two")
	r := &Request{Header: map[string][]string{"X-Hub-Signature-256": {"sha256=" + sum}}}
	if err := two.Verify(r, signingTime()); err == nil || err.Error() != "no signature matched with any of 2 secrets" {
		t.Errorf("got %v", err)
	}
}

func TestToleranceEdges(t *testing.T) {
	for _, unit := range []string{"s", "ms"} {
		v := mustNew(t, mustScheme(t, `{kind: hmac, signature: {header: X-Sig}, content: "{ts}.{body}",
			timestamp: {header: X-Time, unit: `+unit+`, tolerance: 10s}}`), "a secret of the test")
		r := &Request{Body: []byte("x")}
		if err := v.Sign(r, signingTime()); err != nil {
			t.Fatal(err)
		}
		for at, ok := range map[time.Duration]bool{
			10 * time.Second: true, -10 * time.Second: true, 11 * time.Second: false, -11 * time.Second: false,
			10*time.Second + time.Millisecond: unit == "s", // whole seconds cannot tell
		} {
			if err := v.Verify(r, signingTime().Add(at)); (err == nil) != ok {
				t.Errorf("unit %s at %v: %v", unit, at, err)
			}
		}
	}
}

// A time that the sender itself signed must still be a plain number.
func TestSignedTimestampMustBePlain(t *testing.T) {
	anything := mustNew(t, mustScheme(t, `{kind: hmac, signature: {header: X-Sig}, content: "{header:X-Time};{body}"}`), "a secret of the test")
	timed := mustNew(t, mustScheme(t, `{kind: hmac, signature: {header: X-Sig}, content: "{ts};{body}", timestamp: {header: X-Time}}`), "a secret of the test")
	for ts, ok := range map[string]bool{
		"1760000000": true, "01760000000": false, "+1760000000": false, "1760000000.0": false, " 1760000000": false,
		"1760000000 ": false, "1.76e9": false, "0x68e778c0": false, "１７６００００００００": false, "1_760_000_000": false,
		"18446744075469551616": false, "-1760000000": false, "2025-10-09T08:53:20Z": false, "1760000000000": false,
	} {
		r := &Request{Header: map[string][]string{"X-Time": {ts}}, Body: []byte("x")}
		if err := anything.Sign(r, signingTime()); err != nil {
			t.Fatal(err)
		}
		if err := timed.Verify(r, signingTime()); (err == nil) != ok {
			t.Errorf("%q: %v", ts, err)
		}
	}
}

func TestTokenPrefixIsMandatory(t *testing.T) {
	for scheme, values := range map[string]map[string]bool{
		`{kind: token, token: {header: Authorization, prefix: "Bearer "}}`: {
			"Bearer user:pass": true, "user:pass": false, "Basic user:pass": false, "Bearer  user:pass": false, "bearer user:pass": false,
		},
		`{kind: token, token: {basic: true}}`: {
			"Basic dXNlcjpwYXNz": true, "basic dXNlcjpwYXNz": true, "dXNlcjpwYXNz": false, "Bearer dXNlcjpwYXNz": false,
			"Basic dXNlcjpwYXNz=": false, "Basic user:pass": false, "Basic": false, "Basic ": false,
		},
	} {
		v := mustNew(t, mustScheme(t, scheme), "user:pass")
		for value, ok := range values {
			r := &Request{Header: map[string][]string{"Authorization": {value}}}
			if err := v.Verify(r, signingTime()); (err == nil) != ok {
				t.Errorf("%s: %q: %v", scheme, value, err)
			}
		}
	}
}

func TestTokens(t *testing.T) {
	const secret = "hook-user:correct horse"
	for name, src := range map[string]string{
		"header": `{kind: token, token: {header: X-Gitlab-Token}}`,
		"bearer": `{kind: token, token: {header: Authorization, prefix: "Bearer "}}`,
		"basic":  `{kind: token, token: {basic: true}}`,
		"query":  `{kind: token, token: {query: key}}`,
		"form":   `{kind: token, token: {form: passcode}}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := mustScheme(t, src)
			sent := func(secret string) *Request {
				r := &Request{Method: "POST", URL: "/in/x?a=1", Body: []byte("event=PING")}
				if err := mustNew(t, s, secret).Sign(r, signingTime()); err != nil {
					t.Fatal(err)
				}
				return r
			}
			v := mustNew(t, s, "user:the new secret", secret)
			for token, ok := range map[string]bool{
				secret: true, "user:the new secret": true, "hook-user:correct horsE": false, "hook-user:correct hors": false,
				"hook-user:correct horse ": false, "x:y": false, "HOOK-USER:CORRECT HORSE": false,
			} {
				err := v.Verify(sent(token), signingTime())
				if (err == nil) != ok {
					t.Errorf("token %q: %v", token, err)
				}
				if err != nil && (strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), token)) {
					t.Errorf("token %q: told in %v", token, err)
				}
			}
			for what, r := range map[string]*Request{
				"nothing": {Method: "POST", URL: "/in/x"},
				"empty":   {URL: "/?key=", Body: []byte("passcode="), Header: map[string][]string{"Authorization": {""}, "X-Gitlab-Token": {""}}},
				"no token": {URL: "/?key", Body: []byte("passcode"), Header: map[string][]string{
					"Authorization": {s.Token.Prefix}, "X-Gitlab-Token": {" "}}},
				"twice": twice(sent(secret)),
			} {
				var refusal *Refusal
				if err := v.Verify(r, signingTime()); !errors.As(err, &refusal) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}

// twice repeats the token wherever it stands.
func twice(r *Request) *Request {
	r.URL += r.URL[strings.Index(r.URL, "?")+len("?a=1"):]
	r.Body = append(r.Body, r.Body[len("event=PING"):]...)
	for name, values := range r.Header {
		r.Header[name] = append(values, values...)
	}
	return r
}

func TestWhereSecretsAreCarried(t *testing.T) {
	for src, want := range map[string]string{
		`{kind: token, token: {header: [x-old-token, x-new-token]}}`: "X-Old-Token X-New-Token / ",
		`{kind: token, token: {basic: true}}`:                        "Authorization / ",
		`{kind: token, token: {query: key}}`:                         " / key",
		`{kind: hmac, signature: {header: X-Sig}}`:                   " / ",
	} {
		v := mustNew(t, mustScheme(t, src), "user:password")
		if got := strings.Join(v.SecretHeaders(), " ") + " / " + strings.Join(v.SecretQuery(), " "); got != want {
			t.Errorf("%s: got %q, want %q", src, got, want)
		}
	}
}

func TestNewRefusesKeys(t *testing.T) {
	hmac := `{kind: hmac, signature: {header: X-Sig}`
	for _, c := range []struct {
		name, scheme string
		secrets      []string
		want         string
	}{
		{"no secret", hmac + `}`, nil, "no secret"},
		{"empty secret", hmac + `}`, []string{""}, "secret is empty"},
		{"blank secret", hmac + `}`, []string{"good enough secret", " \t\n"}, "secret 2 of 2 is empty"},
		{"only the prefix", hmac + `, key: {strip: whsec_}}`, []string{"whsec_"}, "secret is empty"},
		{"no base64", hmac + `, key: {encoding: base64}}`, []string{"not-base64-%"}, "secret is not base64"},
		{"no hex", hmac + `, key: {encoding: hex}}`, []string{"abc"}, "secret is not hex"},
		{"no user", `{kind: token, token: {basic: true}}`, []string{"password only"}, "secret is not user:password"},
		{"token empty", `{kind: token, token: {header: X-T}}`, []string{""}, "secret is empty"},
		{"none with secret", `none`, []string{"s"}, "verify: none takes no secret"},
		{"no public url", hmac + `, content: "{url}{body}"}`, []string{"s"}, "public_url missing: the sender signs the address as it knows it"},
	} {
		_, err := New(mustScheme(t, c.scheme), Keys{Secrets: c.secrets})
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", c.name, err, c.want)
		}
	}
	if _, err := New(Scheme{}, Keys{}); err == nil {
		t.Error("the zero scheme is accepted")
	}
}

// What was never built proves nothing.
func TestZeroVerifierRefuses(t *testing.T) {
	var none *Verifier
	for _, v := range []*Verifier{none, {}} {
		var refusal *Refusal
		if err := v.Verify(&Request{}, signingTime()); !errors.As(err, &refusal) {
			t.Errorf("got %v, want a refusal", err)
		}
		if v.Sign(&Request{}, signingTime()) == nil {
			t.Error("signed")
		}
	}
}

func TestCheckKeys(t *testing.T) {
	p, _ := Lookup("contentful")
	got := p.Verify.CheckKeys(Keys{Secrets: []string{strings.Repeat("a", 64), "short", strings.Repeat("a", 63) + "\n"}})
	want := []string{"secret 2 of 3 has 5 characters, this sender's have 64", "secret 3 of 3 begins or ends with white space"}
	if strings.Join(got, "; ") != strings.Join(want, "; ") {
		t.Errorf("got %q", got)
	}
}

// However a verifier or its keys get into a log, they tell nothing.
func TestNothingPrintsSecrets(t *testing.T) {
	const secret = "user:tell-nobody-about-this"
	keys := Keys{Secrets: []string{secret}}
	for _, src := range []string{`{kind: hmac, signature: {header: X-Sig}}`, `{kind: token, token: {header: X-T}}`, `{kind: token, token: {basic: true}}`} {
		v := mustNew(t, mustScheme(t, src), secret)
		var log strings.Builder
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v, "keys", keys)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v, "keys", keys)
		for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
			fmt.Fprintf(&log, verb+verb, v, keys)
		}
		hidden := base64.StdEncoding.EncodeToString([]byte(secret))
		if strings.Contains(log.String(), "tell-nobody") || strings.Contains(log.String(), hidden) {
			t.Errorf("%s: %s", src, log.String())
		}
	}
}
