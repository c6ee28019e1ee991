package verify

import (
	"errors"
	"slices"
	"testing"

	"gopkg.in/yaml.v3"
)

// FuzzVerify feeds every preset signatures, times and bodies that nobody signed: none may pass, and none may panic.
func FuzzVerify(f *testing.F) {
	for _, name := range Names() {
		p, _ := Lookup(name)
		r := sampleOf(f, name)
		SignSample(f, p, r, signingTime())
		if place := p.Verify.place(); place != nil {
			text, _ := place.text(&scene{r: r, document: p.Verify.all()[0].Document})
			f.Add(text, "1760000000", "content-type,x-contentful-topic", r.Body)
		}
	}
	f.Add("t=1760000000,v1=", "+1", ",", []byte("a=%zz&a=1"))
	var verifiers []*Verifier
	for _, name := range Names() {
		p, _ := Lookup(name)
		for _, one := range p.Verify.all() {
			if one.Kind == KindNone {
				continue
			}
			v, err := New(one, keysFor(f, one, 'e', example(p)))
			if err != nil {
				f.Fatal(err)
			}
			verifiers = append(verifiers, v)
		}
	}
	for _, src := range []string{
		`{kind: hmac, signature: {form: s}, content: "{form:a}{query:q}{path}{method}{url}"}`,
		`{kind: hmac, encoding: base64url, signature: {header: X-Sig, separator: ",", assign: "=", field: v1}, content: "{ts}{body}", timestamp: {field: t}}`,
	} {
		verifiers = append(verifiers, mustNew(f, mustScheme(f, src), "a secret nobody knows"))
	}
	f.Fuzz(func(t *testing.T, signature, ts, list string, body []byte) {
		header := map[string][]string{
			"X-Sig": {signature}, "Content-Type": {list}, "X-Contentful-Topic": {ts}, contentfulNames: {list},
			contentfulStamp: {ts}, contentfulSig: {signature}, "X-Slack-Request-Timestamp": {ts}, "X-Slack-Signature": {signature},
			"Webhook-Timestamp": {ts}, "Webhook-Id": {list}, "Webhook-Signature": {signature}, "Stripe-Signature": {signature},
			"X-Hub-Signature-256": {signature},
		}
		before := slices.Clone(body)
		for _, v := range verifiers {
			var refusal *Refusal
			err := v.Verify(&Request{Method: "POST", URL: list, Header: header, Body: body}, signingTime())
			if !errors.As(err, &refusal) || refusal.Reason == "" {
				t.Errorf("%+v: got %v, want a refusal", v.scheme, err)
			}
		}
		if !slices.Equal(before, body) {
			t.Error("Verify changed the body")
		}
		slack, _ := Lookup("slack")
		Answer(slack.Handshake, &Request{Method: "POST", URL: list, Header: header, Body: body}, nil, true)
	})
}

// FuzzParseScheme feeds the reader any YAML: it may not panic, and what it accepts must be usable.
func FuzzParseScheme(f *testing.F) {
	f.Add(`{kind: hmac, signature: {header: X-Sig, separator: ",", assign: "=", field: v1}, content: "{ts}.{body}", timestamp: {field: t}}`)
	f.Add("kind: token\ntoken: {header: [A, B], prefix: 'Bearer '}")
	f.Add("kind: &a hmac\n<<: *a")
	f.Add("none")
	f.Fuzz(func(t *testing.T, src string) {
		var doc yaml.Node
		if yaml.Unmarshal([]byte(src), &doc) != nil || len(doc.Content) != 1 {
			return
		}
		ParsePreset("fuzz", doc.Content[0])
		ParseHandshakes(doc.Content[0])
		s, problems := ParseScheme(doc.Content[0])
		if len(problems) > 0 {
			return
		}
		keys := Keys{PublicURL: "https://example.com/x"}
		if s.Kind != KindNone {
			keys.Secrets = []string{"user:password"}
		}
		s.Key.Encoding = ""
		v, err := New(s, keys)
		if err != nil {
			if s.Key.Strip == "" {
				t.Errorf("accepted, but unusable: %v", err)
			}
			return
		}
		_ = v.Verify(&Request{}, signingTime())
	})
}
