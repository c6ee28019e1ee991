package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// fault is something wrong with a Scheme; key says where, as a path of YAML keys.
type fault struct{ key, message, hint string }

func (f fault) String() string {
	return strings.TrimPrefix(f.key+": ", ": ") + f.message
}

// checker collects the faults of a Scheme.
type checker struct{ faults []fault }

func (c *checker) add(key, hint, format string, args ...any) {
	c.faults = append(c.faults, fault{key, fmt.Sprintf(format, args...), hint})
}

// word checks that value is one of the allowed ones; "" is the default.
func (c *checker) word(key, value string, allowed ...string) {
	if value != "" && !slices.Contains(allowed, value) {
		c.add(key, suggest(value, allowed), "unknown value %q", value)
	}
}

// check finds everything that is wrong with a scheme by itself.
func (s Scheme) check() []fault {
	c := &checker{}
	if len(s.Any) > 0 {
		for _, one := range s.Any {
			if len(one.Any) > 0 || one.Kind == KindNone {
				c.add("", "", "a list holds schemes that prove something: neither none nor another list")
				continue
			}
			c.faults = append(c.faults, one.check()...)
		}
		return c.faults
	}
	use, known := kinds()[s.Kind]
	switch {
	case s.Kind == "":
		c.add("", "kind: hmac, token or none", "kind missing")
	case !known:
		c.add("kind", suggest(s.Kind, kindNames()), "unknown kind %q", s.Kind)
	default:
		s.unused(c, use)
		s.checkKind(c)
	}
	return c.faults
}

// kinds has the keys that each kind knows; must and document are known to all that prove something.
func kinds() map[string][]string {
	covered := []string{"algorithm", "encoding", "signature", "content", "timestamp", "key", "document", "must"}
	return map[string][]string{
		KindHMAC: covered, KindHash: covered, KindEd25519: covered, KindECDSA: covered, KindRSA: append(covered, "padding"),
		KindToken: {"token", "document", "must"},
		KindJWT:   {"token", "algorithm", "key", "claims", "body_claims", "max_age", "skew", "document", "must"},
		KindNone:  {},
	}
}

func kindNames() []string {
	return []string{KindHMAC, KindToken, KindEd25519, KindECDSA, KindRSA, KindJWT, KindHash, KindNone}
}

func (s Scheme) checkKind(c *checker) {
	c.word("key.encoding", s.Key.Encoding, "raw", "base64", "hex")
	c.word("key.bare", s.Key.Bare, "raw", "base64", "hex")
	c.word("key.derive", s.Key.Derive, "sha1", "sha256")
	if s.Key.URL != "" && len(s.Key.Hosts) == 0 {
		c.add("key.url", "hosts: [keys.example.com]", "the hosts that key.url may lead to are not said")
	}
	c.template("key.url", s.Key.URL, urlParts())
	c.template("key.post", s.Key.Post, urlParts())
	for left, right := range s.Must {
		c.template("must", left, contentParts())
		c.template("must", right, contentParts())
	}
	switch s.Kind {
	case KindToken:
		s.checkToken(c)
	case KindJWT:
		s.checkJWT(c)
	case KindNone:
	default:
		s.checkSigned(c)
	}
}

func (c *checker) template(key, src string, names known) []part {
	parts, err := parseTemplate(src, names)
	if err != nil {
		c.add(key, templateHint(err), "%v", err)
	}
	return parts
}

func (s Scheme) checkSigned(c *checker) {
	for _, a := range s.Algorithm {
		c.word("algorithm", a, "sha1", "sha256", "sha384", "sha512")
	}
	c.word("encoding", s.Encoding, "hex", "base64", "base64url")
	c.word("padding", s.Padding, "pkcs1", "pss")
	var parts []part
	for _, src := range s.content() {
		parts = append(parts, c.template("content", src, contentParts())...)
	}
	switch {
	case len(c.faults) > 0:
		return
	case s.Signature == nil:
		c.add("", "for example signature: {header: X-Signature}", "signature missing")
		return
	case s.Kind != KindHash && s.usesSecret(parts):
		c.add("content", "kind: hash", "{secret} is for kind hash: a keyed hash has the secret in it")
	case s.Kind == KindHash && !has(parts, partSecret):
		c.add("content", "for example content: \"{secret}{body}\"", "a plain hash without {secret} proves nothing")
	case len(s.Algorithm) > 1 && !strings.Contains(s.Signature.Prefix, "{algorithm}"):
		c.add("algorithm", "prefix: \"{algorithm}=\" under signature", "of several algorithms the signature must name one")
	}
	s.Signature.check(c, "signature")
	if s.Signature.Query != "" || s.Signature.Basic {
		c.add("signature", "use header, form or json", "a signature is not read from query or basic")
	}
	if (s.Signature.Form != "" || s.Signature.JSON != "" && s.Document == "") && has(parts, partBody) {
		c.add("signature", "use {form:…} or {json:…} in content", "a signature inside the body cannot sign the whole body")
	}
	s.checkTimestamp(c, parts)
}

// usesSecret reports whether the content names a secret where it would weaken the proof: for kinds with public keys it
// stands for an id that only the sender and we know.
func (s Scheme) usesSecret(parts []part) bool { return s.Kind == KindHMAC && has(parts, partSecret) }

func (s Scheme) checkJWT(c *checker) {
	known := []string{"HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
	for _, a := range s.Algorithm {
		c.word("algorithm", a, known...)
		if strings.HasPrefix(a, "HS") != s.symmetric() {
			c.add("algorithm", "", "a secret for some algorithms and a public key for others: one would be taken for the other")
		}
	}
	if len(s.Algorithm) == 0 {
		c.add("", "for example algorithm: [HS256]", "algorithm missing: a token must not choose it")
	}
	for _, all := range []map[string]Texts{s.Claims, s.BodyClaims} {
		for _, templates := range all {
			for _, t := range templates {
				c.template("claims", t, contentParts())
			}
		}
	}
	s.checkToken(c)
}

func (s Scheme) checkToken(c *checker) {
	if s.Token == nil {
		c.add("", "for example token: {header: X-Token}", "token missing")
		return
	}
	s.Token.check(c, "token")
	if s.Token.Separator != "" || s.Token.Assign != "" || s.Token.Groups != "" {
		c.add("token", "", "a token is not a list: no groups, separator, assign and field")
	}
	if s.Token.Prefix != "" && len(s.Token.Header) == 0 {
		c.add("token.prefix", "", "only a header has a prefix")
	}
}

// check finds what is wrong with a place.
func (p *Place) check(c *checker, key string) {
	places := 0
	for _, is := range []bool{len(p.Header) > 0, p.Form != "", p.Query != "", p.JSON != "", p.Basic} {
		if is {
			places++
		}
	}
	if places != 1 {
		c.add(key, "", "says %d places; exactly one of header, form, query, json, basic is needed", places)
	}
	for _, name := range p.Header {
		if !isToken(name) {
			c.add(key+".header", "", "%q is not a header name", name)
		}
	}
	if p.JSON != "" && !isPath(strings.ReplaceAll(p.JSON, ".*.", ".0.")) {
		c.add(key+".json", "keys and indexes joined by dots", "%q is not a path", p.JSON)
	}
	if (p.Assign == "") != (p.Field == "") {
		c.add(key, "", "assign and field go together")
	}
	if p.Assign != "" && p.Separator == "" {
		c.add(key, "", "assign needs a separator")
	}
	if p.Numbered > 0 && len(p.Header) != 1 || p.Each && len(p.Header) < 2 {
		c.add(key, "", "numbered is for one header, each for several")
	}
}

// unused refuses keys that another kind has: what is set and has no effect misleads.
func (s Scheme) unused(c *checker, used []string) {
	set := map[string]bool{
		"signature": s.Signature != nil, "token": s.Token != nil, "algorithm": len(s.Algorithm) > 0, "padding": s.Padding != "",
		"encoding": s.Encoding != "", "content": len(s.Content) > 0, "timestamp": s.Timestamp != nil, "key": !s.Key.isZero(),
		"document": s.Document != "", "must": len(s.Must) > 0, "claims": len(s.Claims) > 0, "body_claims": len(s.BodyClaims) > 0,
		"max_age": s.MaxAge > 0, "skew": s.Skew > 0,
	}
	for _, key := range BlockKeys("verify") {
		if set[key] && !slices.Contains(used, key) {
			c.add(key, "", "%s has no meaning with kind %s", key, s.Kind)
		}
	}
}

func (k Key) isZero() bool {
	return k.Encoding+k.Bare+k.Suffix+k.Derive+k.URL+k.JSON+k.Post == "" && k.Length == 0 && len(k.Strip)+len(k.Hosts) == 0
}

// content is the templates with their default.
func (s Scheme) content() []string {
	if len(s.Content) == 0 {
		return []string{"{body}"}
	}
	return s.Content
}

// algorithms are the hashes with their default.
func (s Scheme) algorithms() []string {
	if len(s.Algorithm) == 0 {
		return []string{"sha256"}
	}
	return s.Algorithm
}

// usesURL reports whether the whole URL is signed, however the sender signs, which only the operator knows for certain.
func (s Scheme) usesURL() bool {
	for _, one := range s.all() {
		if !one.uses(func(p part) bool {
			return p.kind == partURL || p.kind == partCanonical && (strings.HasPrefix(p.text, "twilio") || p.text == "sorted")
		}) {
			return false
		}
	}
	return true
}

// CoversBody reports whether the proof covers the content of the body, not only who sent it. Of several ways the weakest
// counts.
func (s Scheme) CoversBody() bool {
	for _, one := range s.all() {
		covers := func(p part) bool {
			return p.kind == partBody || p.kind == partForm || p.kind == partCanonical && p.text != "contentful" && p.text != "qsh"
		}
		if one.Kind == KindToken || one.Kind == KindNone || !one.uses(covers) {
			return false
		}
	}
	return true
}

// uses reports whether a part of what is signed, or of a claim, is such.
func (s Scheme) uses(is func(part) bool) bool {
	var sources []string
	for _, one := range s.all() {
		if one.Kind != KindToken && one.Kind != KindJWT && one.Kind != KindNone {
			sources = append(sources, one.content()...)
		}
		for _, all := range []map[string]Texts{one.Claims, one.BodyClaims} {
			for _, templates := range all {
				sources = append(sources, templates...)
			}
		}
	}
	for _, src := range sources {
		if parts, err := parseTemplate(src, contentParts()); err == nil && slices.ContainsFunc(parts, is) {
			return true
		}
	}
	return false
}

// templateHint is what helps with a template that cannot be parsed.
func templateHint(err error) string {
	var unknown *partError
	if errors.As(err, &unknown) {
		return unknown.hint()
	}
	return ""
}

// suggest is a hint: the allowed word nearest to what was written, or all of them.
func suggest(written string, allowed []string) string {
	best, least := "", 3
	for _, word := range allowed {
		if len(written) > 64 {
			break // nothing here is near to that
		}
		if d := distance(written, word); d < least {
			best, least = word, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "known: " + strings.Join(allowed, ", ")
}

// nearest is a hint like suggest, but names nothing when nothing is near.
func nearest(written string, names []string) string {
	if hint := suggest(written, names); strings.HasPrefix(hint, "did you mean") {
		return hint
	}
	return ""
}

// distance is the number of edits between two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
