package verify

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A mutation makes one signed request into one that must be refused. What is mutated follows from the scheme alone, so
// a new preset has its negatives the moment it exists.
type mutation struct {
	name string
	do   func(r *Request)
	at   time.Duration // the clock, relative to the time of signing
}

// minNegatives is how many a scheme with a signature must yield.
const minNegatives = 40

func signingTime() time.Time { return time.Unix(1760000000, 0) }

func TestNegativesOfEveryPreset(t *testing.T) {
	for _, name := range Names() {
		p, _ := Lookup(name)
		for i, one := range p.Verify.all() {
			if one.Kind == KindNone {
				continue
			}
			if one.Signature != nil {
				place := one.Signature.filled(Keys{With: example(p)})
				one.Signature = &place
			}
			t.Run(fmt.Sprint(name, " ", i), func(t *testing.T) {
				negatives(t, one, func() *Request { return sampleFor(t, p, one) }, example(p))
			})
		}
	}
}

// sampleFor is the first sample that the scheme can sign.
func sampleFor(t testing.TB, p *Preset, s Scheme) *Request {
	t.Helper()
	v, err := New(s, keysFor(t, s, 'a', example(p)))
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range p.Samples {
		r, err := Sample(p.Name, info.Event)
		if err != nil {
			t.Fatal(err)
		}
		if v.Sign(r, signingTime()) == nil && v.Verify(r, signingTime()) == nil {
			r, _ = Sample(p.Name, info.Event)
			return r
		}
	}
	t.Fatalf("%s: no sample that the scheme can sign", p.Name)
	return nil
}

// example are the parameters that the samples of a preset have.
func example(p *Preset) map[string]string {
	with := map[string]string{}
	for _, param := range p.With {
		with[param.Name] = param.Example
	}
	return with
}

func TestNegativesOfInlineSchemes(t *testing.T) {
	for name, src := range map[string]string{
		"sha512": `{kind: hmac, algorithm: sha512, signature: {header: X-Sig}}`,
		"base64url": `{kind: hmac, encoding: base64url, signature: {header: X-Sig, separator: ",", assign: "=", field: v1},
			content: "{ts}.{body}", timestamp: {field: t, unit: ms}}`,
		"body first": `{kind: hmac, signature: {header: X-Sig, prefix: "p="}, content: "{body}{ts}", timestamp: {header: X-Time}}`,
		"sha384":     `{kind: hmac, algorithm: sha384, encoding: base64, signature: {header: X-Sig}, content: "{method}{url}{body}"}`,
		"hash":       `{kind: hash, signature: {header: X-Sig}, content: "{secret}{body}"}`,
		"ed25519":    `{kind: ed25519, signature: {header: X-Sig}, content: "{ts}{body}", timestamp: {header: X-Time}}`,
		"ecdsa":      `{kind: ecdsa, encoding: base64, signature: {header: X-Sig}, content: "{ts}{body}", timestamp: {header: X-Time, unit: rfc3339}}`,
		"rsa":        `{kind: rsa, algorithm: sha1, encoding: base64, signature: {header: X-Sig}, content: "{body|base64}"}`,
		"pss":        `{kind: rsa, padding: pss, encoding: base64url, signature: {header: X-Sig, prefix: "v1="}}`,
		"jwt": `{kind: jwt, algorithm: HS256, token: {header: Authorization, prefix: "Bearer "},
			claims: {iss: us, sha256: "{body|sha256|hex}"}, max_age: 5m}`,
		"jwks":         `{kind: jwt, algorithm: [RS256, ES256], token: {header: X-Token}, claims: {aud: "{url}"}, body_claims: {hash: "{body|sha256|hex}"}}`,
		"numbered":     `{kind: hmac, signature: {header: X-Sig-, numbered: 3}}`,
		"each":         `{kind: hmac, signature: {header: [X-Primary, X-Secondary], each: true}, content: ["{body}{header:X-Time}", "{body|box}{header:X-Time}"], timestamp: {header: X-Time, unit: rfc3339, past: 10m, future: 1s}}`,
		"groups":       `{kind: hmac, signature: {header: X-Sig, groups: " ", separator: ",", assign: "=", field: v1}, content: "{ts}.{body}", timestamp: {field: t}}`,
		"named":        `{kind: hmac, algorithm: [sha256, sha512], signature: {header: X-Sig, prefix: "{algorithm}="}}`,
		"fields":       `{kind: hmac, encoding: base64, signature: {header: X-Sig, separator: ", ", assign: "=", field: sign}, content: "{body|json}{sig:env|json}{ts}", timestamp: {field: t, unit: ms}}`,
		"token":        `{kind: token, token: {header: X-Token, prefix: "T "}}`,
		"basic":        `{kind: token, token: {basic: true}}`,
		"json":         `{kind: token, token: {json: list.*.state}}`,
		"alternatives": `{kind: hmac, algorithm: sha1, signature: {header: [X-New-Sig, X-Old-Sig]}, content: "{method} {path} {header:X-Id} {body}"}`,
	} {
		t.Run(name, func(t *testing.T) {
			negatives(t, mustScheme(t, src), func() *Request {
				return &Request{Method: "POST", URL: "/in/x?a=1", Header: map[string][]string{}, Body: []byte(`{"a":1,"b":"c","list":[{"state":"x"}]}`)}
			}, nil)
		})
	}
}

func sampleOf(t testing.TB, name string) *Request {
	t.Helper()
	r, err := Sample(name, "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func negatives(t *testing.T, s Scheme, sample func() *Request, with map[string]string) {
	v, err := New(s, keysFor(t, s, 'a', with))
	if err != nil {
		t.Fatal(err)
	}
	once := sample()
	if err := v.Sign(once, signingTime()); err != nil {
		t.Fatal(err)
	}
	signed := func() *Request {
		r := &Request{Method: once.Method, URL: once.URL, Header: map[string][]string{}, Body: slices.Clone(once.Body)}
		for name, values := range once.Header {
			r.Header[name] = slices.Clone(values)
		}
		return r
	}
	if err := v.Verify(signed(), signingTime()); err != nil {
		t.Fatalf("what Sign made is refused: %v", err)
	}
	list := mutations(s, signed())
	t.Logf("%d negatives", len(list))
	if len(list) < minNegatives {
		t.Errorf("%d negatives, want %d", len(list), minNegatives)
	}
	for _, m := range list {
		r := signed()
		if m.do != nil {
			m.do(r)
		}
		mustRefuse(t, v, r, m)
	}
	for _, c := range []byte("bE0") {
		other, err := New(s, keysFor(t, s, c, with))
		if err != nil {
			t.Fatal(err)
		}
		if err := other.Verify(signed(), signingTime()); err == nil {
			t.Errorf("accepted with the secret of another source (%c)", c)
		}
	}
	both := keysFor(t, s, 'b', with)
	first := keysFor(t, s, 'a', with)
	both.Secrets, both.Public = append(both.Secrets, first.Secrets...), append(both.Public, first.Public...)
	v2, err := New(s, both)
	if err != nil {
		t.Fatal(err)
	}
	if err := v2.Verify(signed(), signingTime()); err != nil {
		t.Errorf("refused with the right secret in second place: %v", err)
	}
}

// place is where the proof stands.
func (s Scheme) place() *Place {
	one := s.all()[0]
	switch {
	case one.Signature != nil:
		p := one.Signature.compiled()
		p.Prefix = strings.ReplaceAll(p.Prefix, "{algorithm}", one.algorithms()[0])
		return &p
	case one.Token != nil:
		p := one.Token.compiled()
		if p.Basic {
			p.Prefix = "Basic "
		}
		return &p
	}
	return nil
}

// mustRefuse also checks the reason: there is one, and it tells neither secret nor signature.
func mustRefuse(t *testing.T, v *Verifier, r *Request, m mutation) {
	t.Helper()
	err := v.Verify(r, signingTime().Add(m.at))
	var refusal *Refusal
	if !errors.As(err, &refusal) {
		t.Errorf("%s: got %v, want a refusal", m.name, err)
		return
	}
	for _, name := range v.scheme.place().Header {
		if value := strings.Join(r.Header[name], ""); len(value) > 30 && strings.Contains(refusal.Reason, value) {
			t.Errorf("%s: reason quotes the signature: %s", m.name, refusal.Reason)
		}
	}
	for _, secret := range []string{secretFor(v.scheme, 'a'), secretFor(v.scheme, 'b')} {
		if strings.Contains(refusal.Reason, secret) {
			t.Errorf("%s: reason quotes the secret", m.name)
		}
	}
	if refusal.Reason == "" || strings.ContainsAny(refusal.Reason, "\n\r\x00") {
		t.Errorf("%s: reason %q", m.name, refusal.Reason)
	}
}

func mustNew(t testing.TB, s Scheme, secrets ...string) *Verifier {
	t.Helper()
	v, err := New(s, Keys{Secrets: secrets, PublicURL: "https://hooks.example.com/in/x"})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func mutations(s Scheme, r *Request) (list []mutation) {
	if s.CoversBody() && len(r.Body) > 1 && !s.uses(func(p part) bool {
		return p.kind == partForm || p.text == "paddle" || p.text == "sorted" || p.text == "sns"
	}) { // not its bytes then
		list = bodyMutations(r)
	}
	place := s.place()
	for _, name := range signedHeaders(s, r) {
		list = append(list, headerMutations(name)...)
		if place.Separator == "" || name != place.names()[0] {
			list = append(list, mutation{name: name + " joined by a proxy", do: func(r *Request) {
				r.Header[name] = []string{r.Header[name][0] + ", " + r.Header[name][0]}
			}})
		}
	}
	list = append(list, signatureMutations(s, r)...)
	if s.Timestamp != nil {
		list = append(list, timeMutations(s)...)
	}
	return list
}

// signedHeaders are those that verification reads: signature, timestamp and what the content names.
func signedHeaders(s Scheme, r *Request) (names []string) {
	place := s.place()
	switch {
	case place.Basic:
		return []string{"Authorization"}
	case len(place.Header) > 0:
		names = append(names, place.names()[0])
	}
	if s.Kind == KindToken || s.Kind == KindJWT {
		return names
	}
	if s.Timestamp != nil && s.Timestamp.Header != "" {
		names = append(names, canonical(s.Timestamp.Header))
	}
	for _, src := range s.content() {
		parts, _ := parseTemplate(src, contentParts())
		for _, p := range parts {
			if p.kind == partHeader && !p.optional && len(r.Header[p.text]) > 0 {
				names = append(names, p.text)
			}
		}
	}
	if list := r.Header[contentfulNames]; len(list) > 0 {
		for name := range strings.SplitSeq(list[0], ",") {
			names = append(names, canonical(name))
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func headerMutations(name string) []mutation {
	at := func(what string, values func(v string) []string) mutation {
		return mutation{name: name + " " + what, do: func(r *Request) { r.Header[name] = values(r.Header[name][0]) }}
	}
	return []mutation{
		{name: name + " missing", do: func(r *Request) { delete(r.Header, name) }},
		at("without values", func(string) []string { return []string{} }),
		at("empty", func(string) []string { return []string{""} }),
		at("twice", func(v string) []string { return []string{v, v} }),
		at("twice, second empty", func(v string) []string { return []string{v, ""} }),
		at("twice, first wrong", func(v string) []string { return []string{"x", v} }),
		at("with a letter more", func(v string) []string { return []string{v + "x"} }),
		at("with a letter less", func(v string) []string { return []string{v[:len(v)-1]} }),
	}
}

func bodyMutations(r *Request) (list []mutation) {
	n := len(r.Body)
	for _, i := range []int{0, 1, n / 3, n / 2, n - 2, n - 1} {
		for _, bit := range []byte{1, 0x20, 0x80} {
			list = append(list, mutation{name: fmt.Sprintf("bit %#x of body byte %d", bit, i), do: func(r *Request) {
				r.Body = slices.Clone(r.Body)
				r.Body[i] ^= bit
			}})
		}
	}
	return append(list,
		mutation{name: "body empty", do: func(r *Request) { r.Body = nil }},
		mutation{name: "body cut", do: func(r *Request) { r.Body = r.Body[:n-1] }},
		mutation{name: "body longer", do: func(r *Request) { r.Body = append(slices.Clone(r.Body), '\n') }},
		mutation{name: "body twice", do: func(r *Request) { r.Body = append(slices.Clone(r.Body), r.Body...) }},
	)
}

// signatureMutations change the text of the signature in every way that a lenient reader would forgive.
func signatureMutations(s Scheme, r *Request) (list []mutation) {
	p := s.place()
	view := func(r *Request) *scene { return &scene{r: r, document: s.Document} }
	text, _ := p.text(view(r))
	if p.JSON != "" {
		values, _ := jsonAll(view(r).doc(), p.JSON)
		text = values[0]
	}
	var value string
	for list, more := text, true; more; {
		var item string
		if item, list, more = p.next(list); item != "" {
			if found, is := p.value(item); is {
				value = found
			}
		}
	}
	with := func(name, changed string) {
		if changed != value {
			whole := strings.Replace(text, value, changed, 1)
			list = append(list, mutation{name: name, do: func(r *Request) { _ = p.put(view(r), whole) }})
		}
	}
	for i := range len(value) {
		for _, bit := range []byte{1, 0x20} {
			with(fmt.Sprintf("bit %#x of signature letter %d", bit, i), value[:i]+string(value[i]^bit)+value[i+1:])
		}
	}
	with("unused bits", unusedBits(value))
	with("upper case", strings.ToUpper(value))
	with("URL-safe", strings.NewReplacer("+", "-", "/", "_").Replace(value))
	with("standard alphabet", strings.NewReplacer("-", "+", "_", "/").Replace(value))
	with("no padding", strings.TrimRight(value, "="))
	with("more padding", value+"=")
	with("line break", value[:4]+"\n"+value[4:])
	with("blank before", " "+value)
	if p.Separator != " " && p.Groups != " " { // where it ends a list item
		with("blank after", value+" ")
	}
	with("half", value[:len(value)/2])
	with("twice", value+value)
	with("none", "")
	with("zeros", strings.Repeat("0", len(value)))
	with("0x", "0x"+value)
	with("quoted", `"`+value+`"`)
	whole := func(name, changed string) {
		if changed != text {
			list = append(list, mutation{name: name, do: func(r *Request) { _ = p.put(view(r), changed) }})
		}
	}
	for _, prefix := range []string{"sha1=", "sha512=", "v0=", "v2=", "SHA256=", "none="} {
		if prefix != p.Prefix {
			whole("other algorithm "+prefix, prefix+value)
		}
	}
	if p.Prefix != "" && !p.Bare {
		whole("prefix missing", strings.Replace(text, p.Prefix, "", 1))
		whole("prefix twice", strings.Replace(text, p.Prefix, p.Prefix+p.Prefix, 1))
	}
	if p.Prefix != "" && !p.Basic { // the name of an authentication scheme may be written in any case
		whole("prefix in capitals", strings.Replace(text, p.Prefix, strings.ToUpper(p.Prefix), 1))
	}
	if p.Assign != "" {
		for _, field := range []string{"v0", "v2", "V1", "v1a", ""} {
			whole("other field "+field, strings.Replace(text, p.Field+p.Assign+value, field+p.Assign+value, 1))
		}
		whole("other separator", strings.ReplaceAll(text, p.Separator, "|")+"|")
	}
	return list
}

func timeMutations(s Scheme) (list []mutation) {
	past, future := s.Timestamp.window()
	for _, at := range []time.Duration{past + time.Second, -future - time.Second, 1000 * time.Hour, -1000 * time.Hour} {
		list = append(list, mutation{name: fmt.Sprintf("clock at %v", at), at: at})
	}
	texts := []string{
		s.Timestamp.text(signingTime().Add(time.Second)), s.Timestamp.text(signingTime().Add(-time.Second)), "", " ", "x",
		" " + s.Timestamp.text(signingTime()), s.Timestamp.text(signingTime()) + ".0", s.Timestamp.text(signingTime()) + "e0",
		"１７６００００００００", "99999999999999999999", "9223372036854775807", "18446744073709551616", "-9223372036854775808", "NaN", "now",
		"1_760_000_000", "0", "-1", "+" + s.Timestamp.text(signingTime()), "0" + s.Timestamp.text(signingTime()),
	}
	if now := signingTime(); s.Timestamp.Unit == "" || s.Timestamp.Unit == "s" || s.Timestamp.Unit == "ms" {
		texts = append(texts, strconv.FormatInt(now.UnixMicro(), 10), "0x"+strconv.FormatInt(now.Unix(), 16), "2025-10-09T08:53:20Z")
	}
	for _, ts := range texts {
		list = append(list, mutation{name: "timestamp " + ts, do: func(r *Request) { restamp(s, r, ts) }})
	}
	return list
}

func restamp(s Scheme, r *Request, ts string) {
	view := &scene{r: r, document: s.Document}
	switch t := s.Timestamp; {
	case t.Header != "":
		r.set(canonical(t.Header), ts)
	case t.JSON != "":
		_ = view.setJSON(t.JSON, ts)
	case t.Form != "":
		r.setForm(t.Form, ts)
	default:
		p := s.place()
		text, _ := p.text(view)
		old, _ := p.field(text, t.Field)
		_ = p.put(view, strings.Replace(text, old, ts, 1))
	}
}

// unusedBits changes the bits of base64's last letter that carry nothing: a lenient decoder reads the same bytes.
func unusedBits(value string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	last := len(strings.TrimRight(value, "=")) - 1
	i := strings.IndexByte(alphabet, value[last])
	if len(value)%4 == 0 && last == len(value)-1 || i < 0 {
		return value // hex, or no unused bits
	}
	return value[:last] + string(alphabet[i^1]) + value[last+1:]
}
