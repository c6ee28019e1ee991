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
		t.Run(name, func(t *testing.T) { negatives(t, p.Verify, func() *Request { return sampleOf(t, name) }) })
	}
}

func TestNegativesOfInlineSchemes(t *testing.T) {
	for name, src := range map[string]string{
		"sha512": `{kind: hmac, algorithm: sha512, signature: {header: X-Sig}}`,
		"base64url": `{kind: hmac, encoding: base64url, signature: {header: X-Sig, separator: ",", assign: "=", field: v1},
			content: "{ts}.{body}", timestamp: {field: t, unit: ms}}`,
		"body first":   `{kind: hmac, signature: {header: X-Sig, prefix: "p="}, content: "{body}{ts}", timestamp: {header: X-Time}}`,
		"alternatives": `{kind: hmac, algorithm: sha1, signature: {header: [X-New-Sig, X-Old-Sig]}, content: "{method} {path} {header:X-Id} {body}"}`,
	} {
		t.Run(name, func(t *testing.T) {
			negatives(t, mustScheme(t, src), func() *Request {
				return &Request{Method: "POST", URL: "/in/x?a=1", Header: map[string][]string{}, Body: []byte(`{"a":1,"b":"c"}`)}
			})
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

func negatives(t *testing.T, s Scheme, sample func() *Request) {
	if s.Kind != KindHMAC {
		t.Fatalf("no negatives are derived for kind %s: add them", s.Kind)
	}
	v := mustNew(t, s, secretFor(s, 'a'))
	signed := func() *Request {
		r := sample()
		if err := v.Sign(r, signingTime()); err != nil {
			t.Fatal(err)
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
	for _, c := range []byte("bA0") {
		if err := mustNew(t, s, secretFor(s, c)).Verify(signed(), signingTime()); err == nil {
			t.Errorf("accepted with the secret of another source (%c)", c)
		}
	}
	both := mustNew(t, s, secretFor(s, 'b'), secretFor(s, 'a'))
	if err := both.Verify(signed(), signingTime()); err != nil {
		t.Errorf("refused with the right secret in second place: %v", err)
	}
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
	for _, name := range v.scheme.Signature.compiled().Header {
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

// secretFor makes a secret of the form that the scheme wants.
func secretFor(s Scheme, c byte) string {
	return s.Key.Strip + strings.Repeat(string(c), max(32, s.Key.Length))
}

func mutations(s Scheme, r *Request) []mutation {
	list := bodyMutations(r)
	for _, name := range signedHeaders(s, r) {
		list = append(list, headerMutations(name)...)
		if s.Signature.Separator == "" || name != canonical(s.Signature.Header[0]) {
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
func signedHeaders(s Scheme, r *Request) []string {
	names := []string{canonical(s.Signature.Header[0])}
	if s.Timestamp != nil && s.Timestamp.Header != "" {
		names = append(names, canonical(s.Timestamp.Header))
	}
	parts, _ := parseTemplate(s.content(), contentPart)
	for _, p := range parts {
		if p.kind == partHeader {
			names = append(names, p.text)
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
	p := s.Signature.compiled()
	text, _ := p.text(r)
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
			list = append(list, mutation{name: name, do: func(r *Request) { p.put(r, whole) }})
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
	if p.Separator != " " { // where it ends a list item
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
			list = append(list, mutation{name: name, do: func(r *Request) { p.put(r, changed) }})
		}
	}
	for _, prefix := range []string{"sha1=", "sha512=", "v0=", "v2=", "SHA256=", "none="} {
		if prefix != p.Prefix {
			whole("other algorithm "+prefix, prefix+value)
		}
	}
	if p.Prefix != "" {
		whole("prefix missing", strings.Replace(text, p.Prefix, "", 1))
		whole("prefix twice", strings.Replace(text, p.Prefix, p.Prefix+p.Prefix, 1))
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
	tolerance := s.Timestamp.tolerance()
	for _, at := range []time.Duration{tolerance + time.Second, -tolerance - time.Second, 1000 * time.Hour, -1000 * time.Hour} {
		list = append(list, mutation{name: fmt.Sprintf("clock at %v", at), at: at})
	}
	now := s.Timestamp.now(signingTime())
	for _, ts := range []string{
		strconv.FormatInt(now+1, 10), strconv.FormatInt(now-1, 10), strconv.FormatInt(now*1000, 10),
		strconv.FormatInt(now/1000, 10), "0", "-1", "+" + strconv.FormatInt(now, 10), "0" + strconv.FormatInt(now, 10),
		" " + strconv.FormatInt(now, 10), strconv.FormatInt(now, 10) + ".0", strconv.FormatInt(now, 10) + "e0",
		"0x" + strconv.FormatInt(now, 16), "１７６００００００００", "99999999999999999999", "9223372036854775807",
		"18446744073709551616", "-9223372036854775808", "NaN", "now", "1_760_000_000", "2025-10-09T08:53:20Z",
	} {
		list = append(list, mutation{name: "timestamp " + ts, do: func(r *Request) { restamp(s, r, ts) }})
	}
	return list
}

func restamp(s Scheme, r *Request, ts string) {
	if s.Timestamp.Header != "" {
		r.set(canonical(s.Timestamp.Header), ts)
		return
	}
	p := s.Signature.compiled()
	text, _ := p.text(r)
	old, _ := p.field(text, s.Timestamp.Field)
	p.put(r, strings.Replace(text, old, ts, 1))
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
