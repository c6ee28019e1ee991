package verify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
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
	switch s.Kind {
	case KindHMAC:
		s.checkHMAC(c)
	case KindToken:
		s.checkToken(c)
	case KindNone:
		s.unused(c, "signature", "token", "algorithm", "encoding", "content", "timestamp", "key")
	case "":
		c.add("", "kind: hmac, token or none", "kind missing")
	default:
		c.add("kind", suggest(s.Kind, []string{KindHMAC, KindToken, KindNone}), "unknown kind %q", s.Kind)
	}
	return c.faults
}

func (s Scheme) checkHMAC(c *checker) {
	s.unused(c, "token")
	c.word("algorithm", s.Algorithm, "sha1", "sha256", "sha512")
	c.word("encoding", s.Encoding, "hex", "base64", "base64url")
	c.word("key.encoding", s.Key.Encoding, "raw", "base64", "hex")
	parts, err := parseTemplate(s.content(), contentPart)
	if err != nil {
		c.add("content", templateHint(err), "%v", err)
		return
	}
	if s.Signature == nil {
		c.add("", "for example signature: {header: X-Signature}", "signature missing")
		return
	}
	s.Signature.check(c, "signature")
	if s.Signature.Query != "" || s.Signature.Basic {
		c.add("signature", "use header or form", "a signature is not read from query or basic")
	}
	if s.Signature.Form != "" && has(parts, partBody) {
		c.add("signature", "use {form:…} in content", "a signature inside the body cannot sign the whole body")
	}
	s.checkTimestamp(c, parts)
}

// checkTimestamp also refuses a time that is not signed: anybody could refresh it, so it would protect from nothing.
func (s Scheme) checkTimestamp(c *checker, parts []part) {
	t := s.Timestamp
	if t == nil {
		if has(parts, partTS) {
			c.add("content", "for example timestamp: {header: X-Timestamp}", "{ts} needs a timestamp")
		}
		return
	}
	c.word("timestamp.unit", t.Unit, "s", "ms")
	if (t.Header == "") == (t.Field == "") {
		c.add("timestamp", "", "one of header and field is needed")
	}
	if t.Header != "" && !isToken(t.Header) {
		c.add("timestamp.header", "", "%q is not a header name", t.Header)
	}
	if t.Field != "" && s.Signature.Assign == "" {
		c.add("timestamp.field", "say separator, assign and field under signature", "the signature holds no fields")
	}
	if t.Tolerance != 0 && (t.Tolerance < time.Second || t.Tolerance > 24*time.Hour) {
		c.add("timestamp.tolerance", "", "must be from 1s to 24h")
	}
	signed := has(parts, partTS) || has(parts, partContentful)
	for _, p := range parts {
		signed = signed || p.kind == partHeader && p.text == canonical(t.Header)
	}
	if !signed {
		c.add("timestamp", "sign it with {ts} in content, or leave it out", "the timestamp is not signed")
	}
}

func (s Scheme) checkToken(c *checker) {
	s.unused(c, "signature", "algorithm", "encoding", "content", "timestamp", "key")
	if s.Token == nil {
		c.add("", "for example token: {header: X-Token}", "token missing")
		return
	}
	s.Token.check(c, "token")
	if s.Token.Separator != "" || s.Token.Assign != "" {
		c.add("token", "", "a token is not a list: no separator, assign and field")
	}
	if s.Token.Prefix != "" && len(s.Token.Header) == 0 {
		c.add("token.prefix", "", "only a header has a prefix")
	}
}

// check finds what is wrong with a place.
func (p *Place) check(c *checker, key string) {
	places := 0
	for _, is := range []bool{len(p.Header) > 0, p.Form != "", p.Query != "", p.Basic} {
		if is {
			places++
		}
	}
	if places != 1 {
		c.add(key, "", "says %d places; exactly one of header, form, query, basic is needed", places)
	}
	for _, name := range p.Header {
		if !isToken(name) {
			c.add(key+".header", "", "%q is not a header name", name)
		}
	}
	if (p.Assign == "") != (p.Field == "") {
		c.add(key, "", "assign and field go together")
	}
	if p.Assign != "" && p.Separator == "" {
		c.add(key, "", "assign needs a separator")
	}
}

// unused refuses keys that another kind has: what is set and has no effect misleads.
func (s Scheme) unused(c *checker, keys ...string) {
	set := map[string]bool{
		"signature": s.Signature != nil, "token": s.Token != nil, "algorithm": s.Algorithm != "",
		"encoding": s.Encoding != "", "content": s.Content != "", "timestamp": s.Timestamp != nil, "key": s.Key != Key{},
	}
	for _, key := range keys {
		if set[key] {
			c.add(key, "", "%s has no meaning with kind %s", key, s.Kind)
		}
	}
}

// content is the template with its default.
func (s Scheme) content() string {
	if s.Content == "" {
		return "{body}"
	}
	return s.Content
}

// usesURL reports whether the whole URL is signed, which only the operator knows for certain.
func (s Scheme) usesURL() bool {
	parts, err := parseTemplate(s.content(), contentPart)
	return s.Kind == KindHMAC && err == nil && has(parts, partURL)
}

// CoversBody reports whether the proof covers the content of the body, not only who sent it.
func (s Scheme) CoversBody() bool {
	parts, err := parseTemplate(s.content(), contentPart)
	return s.Kind == KindHMAC && err == nil && (has(parts, partBody) || has(parts, partForm) || has(parts, partContentful))
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
