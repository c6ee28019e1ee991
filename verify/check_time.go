package verify

import (
	"slices"
	"time"
)

// checkTimestamp also refuses a time that is not signed: anybody could refresh it, so it would protect from nothing.
func (s Scheme) checkTimestamp(c *checker, parts []part) {
	t := s.Timestamp
	if t == nil {
		if has(parts, partTS) {
			c.add("content", "for example timestamp: {header: X-Timestamp}", "{ts} needs a timestamp")
		}
		return
	}
	c.word("timestamp.unit", t.Unit, "s", "ms", "rfc3339", "http")
	places := 0
	for _, place := range []string{t.Header, t.Field, t.JSON, t.Form} {
		if place != "" {
			places++
		}
	}
	if places != 1 {
		c.add("timestamp", "", "one of header, field, json and form is needed")
	}
	if t.Header != "" && !isToken(t.Header) {
		c.add("timestamp.header", "", "%q is not a header name", t.Header)
	}
	if t.Field != "" && s.Signature.Assign == "" {
		c.add("timestamp.field", "say separator, assign and field under signature", "the signature holds no fields")
	}
	for key, d := range map[string]time.Duration{"tolerance": t.Tolerance, "past": t.Past, "future": t.Future} {
		if d != 0 && (d < time.Second || d > 24*time.Hour) {
			c.add("timestamp."+key, "", "must be from 1s to 24h")
		}
	}
	if !t.signed(parts) {
		c.add("timestamp", "sign it with {ts} in content, or leave it out", "the timestamp is not signed")
	}
}

// signed reports whether one of the parts covers the time.
func (t *Timestamp) signed(parts []part) bool {
	return slices.ContainsFunc(parts, func(p part) bool {
		switch p.kind {
		case partTS:
			return true
		case partCanonical:
			return p.text == "contentful" || p.text == "sns"
		case partBody:
			return t.JSON != "" || t.Form != ""
		case partHeader:
			return p.text == canonical(t.Header)
		case partJSON:
			return p.text == t.JSON
		case partForm:
			return p.text == t.Form
		}
		return false
	})
}
