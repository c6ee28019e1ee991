package verify

import (
	"errors"
	"maps"
	"slices"
	"strings"
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
		before := slices.Clone(body)
		for _, v := range verifiers {
			r := &Request{Method: "POST", URL: list, Header: everywhere(v.scheme, signature, ts, list), Body: body}
			var refusal *Refusal
			if err := v.Verify(r, signingTime()); !errors.As(err, &refusal) || refusal.Reason == "" {
				t.Errorf("%+v: got %v, want a refusal", v.scheme, err)
			}
		}
		if !slices.Equal(before, body) {
			t.Error("Verify changed the body")
		}
	})
}

// everywhere puts the texts where the scheme looks for them.
func everywhere(s Scheme, signature, ts, list string) map[string][]string {
	header := map[string][]string{"Content-Type": {list}, contentfulNames: {list}}
	for _, src := range append(s.content(), slices.Collect(maps.Keys(s.Must))...) {
		parts, _ := parseTemplate(src, contentParts())
		for _, p := range parts {
			if p.kind == partHeader {
				header[p.text] = []string{list}
			}
		}
	}
	if s.Timestamp != nil && s.Timestamp.Header != "" {
		header[canonical(s.Timestamp.Header)] = []string{ts}
	}
	if p := s.place(); p != nil && len(p.Header) > 0 {
		header[p.names()[0]] = []string{signature}
	} else if p != nil && p.Basic {
		header["Authorization"] = []string{signature}
	}
	return header
}

// FuzzAnswer feeds the handshakes of every preset what nobody asked for: no answer may hold more than a short, printable
// echo, and none may panic.
func FuzzAnswer(f *testing.F) {
	f.Add("POST", "/?hub.mode=subscribe&hub.challenge=1&crc_token=a&validationToken=x", "a", []byte(`{"challenge":"x","type":1}`))
	f.Add("GET", "/?bt_challenge=20f9f8ed05f77439fe955c977e4c8a53", "", []byte("webhook_id=4"))
	f.Add("OPTIONS", "/", "eventgrid.azure.net", []byte{})
	all := map[string]*Verifier{}
	for _, name := range Names() {
		p, _ := Lookup(name)
		if one := p.Verify.all()[0]; len(p.Handshake) > 0 {
			v, err := New(one, keysFor(f, one, 'a', example(p)))
			if err != nil {
				f.Fatal(err)
			}
			all[name] = v
		}
	}
	f.Fuzz(func(t *testing.T, method, url, value string, body []byte) {
		for name, v := range all {
			p, _ := Lookup(name)
			r := &Request{Method: method, URL: url, Header: map[string][]string{}, Body: body}
			for _, h := range p.Handshake {
				for header := range h.Match.Header {
					r.Header[canonical(header)] = []string{value}
				}
			}
			reply, is := Answer(p.Handshake, r, v, true)
			if !is {
				continue
			}
			if len(reply.Body) > 3*maxEcho || !echoable(strings.ReplaceAll(string(reply.Body), "\n", "")[:min(len(reply.Body), maxEcho)]) {
				t.Errorf("%s: answer %q", name, reply.Body)
			}
			for header, values := range reply.Header {
				if strings.ContainsAny(strings.Join(values, ""), "\r\n\x00") {
					t.Errorf("%s: header %s: %q", name, header, values)
				}
			}
		}
	})
}

// FuzzTemplate: a template that is accepted can be filled with anything.
func FuzzTemplate(f *testing.F) {
	f.Add("{ts}.{body|sha256|hex}{header:x?}{json:a.#}{sig:t}", "a=1", []byte(`{"a":[1]}`))
	f.Add("{canonical:contentful}{canonical:sns}{canonical:twilio}{canonical:qsh}{canonical:paddle}", "?a=%zz", []byte("a=%zz&a"))
	f.Add("{body|box}{body|json}{query|sorted}{url|unescape}{multipart:json}{{}}", "/%3f%2", []byte("\xff\\/"))
	f.Fuzz(func(_ *testing.T, src, text string, body []byte) {
		parts, err := parseTemplate(src, contentParts())
		if err != nil {
			return
		}
		s := &scene{
			r:    &Request{Method: "POST", URL: text, Header: map[string][]string{"Content-Type": {text}, "X": {text}}, Body: body},
			list: text, ts: text, key: []byte("k"), place: &Place{Separator: ",", Assign: "="},
		}
		_, _ = s.fill(parts)
	})
}

// FuzzPublicKey: whatever is given as a key is one or is refused.
func FuzzPublicKey(f *testing.F) {
	f.Add("-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----")
	f.Add(`{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AA"}]}`)
	f.Add("whpk_AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if keys, err := ParsePublic(text); (err == nil) != (len(keys) > 0) {
			t.Errorf("%d keys, %v", len(keys), err)
		}
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
			keys.Public = []string{"3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29"}
		}
		s.Key.Encoding, s.Key.Bare = "", ""
		v, err := New(s, keys)
		if err != nil {
			if len(s.Key.Strip) == 0 {
				t.Errorf("accepted, but unusable: %v", err)
			}
			return
		}
		_ = v.Verify(&Request{}, signingTime())
	})
}
