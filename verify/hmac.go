package verify

import (
	"cmp"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 is what some senders use, and as an HMAC it still holds
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strings"
	"sync"
	"time"
)

// hmacProver is a compiled hmac scheme.
type hmacProver struct {
	place   Place
	coding  coding
	size    int // of the hash in bytes
	content []part
	stamp   *Timestamp // nil: none
	url     string     // public URL; "": the request's own
	keys    []*keyed
}

// keyed makes MACs with one key. They are kept between requests: setting one up costs more than hashing a small body.
type keyed struct{ pool sync.Pool }

type mac struct {
	hash.Hash
	scratch []byte // strings are copied through it, because a hash takes only bytes
	sum     [maxSum]byte
}

func newHMAC(s Scheme, k Keys) (*hmacProver, error) {
	newHash := hashOf(s.Algorithm)
	p := &hmacProver{place: s.Signature.compiled(), coding: coding(s.Encoding), size: newHash().Size(), url: k.PublicURL}
	if p.coding == "" {
		p.coding = codingHex
	}
	if s.Timestamp != nil {
		t := *s.Timestamp
		t.Header = canonical(t.Header)
		p.stamp = &t
	}
	var err error
	if p.content, err = parseTemplate(s.content(), contentPart); err != nil {
		return nil, err
	}
	for _, secret := range k.Secrets {
		key, err := s.Key.from(secret)
		if err != nil {
			return nil, err
		}
		p.keys = append(p.keys, &keyed{sync.Pool{New: func() any { return &mac{Hash: hmac.New(newHash, key)} }}})
	}
	return p, nil
}

func hashOf(algorithm string) func() hash.Hash {
	switch algorithm {
	case "sha1":
		return sha1.New
	case "sha512":
		return sha512.New
	}
	return sha256.New
}

func (p *hmacProver) verify(r *Request, now time.Time) error {
	text, err := p.place.text(r)
	if err != nil {
		return err
	}
	ts, err := p.timestamp(r, text)
	if err != nil {
		return err
	}
	if p.stamp != nil {
		if err := p.stamp.check(ts, now); err != nil {
			return err
		}
	}
	// What is no signature at all is refused before anything is hashed, so that a flood of it is cheap.
	if !p.matches(text, nil) {
		return p.malformed(text, p.place.what(r))
	}
	var values [maxParts]string
	if err := p.resolve(r, ts, &values); err != nil {
		return err
	}
	for _, k := range p.keys {
		m := k.pool.Get().(*mac)
		matched := p.matches(text, m.over(p.content, &values, r.Body))
		k.pool.Put(m)
		if matched {
			return nil
		}
	}
	if len(p.keys) == 1 {
		return refuse("no signature matched with the secret")
	}
	return refuse("no signature matched with any of %d secrets", len(p.keys))
}

// matches reports whether any signature in text is sum; with a nil sum, whether any is well-formed.
func (p *hmacProver) matches(text string, sum []byte) bool {
	var got [maxSum]byte
	for more := true; more; {
		var item string
		item, text, more = p.place.next(text)
		value, is := p.place.value(item)
		if !is || !p.coding.decode(got[:p.size], value) {
			continue
		}
		if sum == nil || hmac.Equal(got[:p.size], sum) {
			return true
		}
	}
	return false
}

// malformed says why text holds no signature.
func (p *hmacProver) malformed(text, what string) error {
	for list, more := text, true; more; {
		var item string
		item, list, more = p.place.next(list)
		if _, is := p.place.value(item); is {
			return refuse("%s is not %s of %d bytes", what, p.coding, p.size)
		}
	}
	if p.place.Assign != "" {
		return refuse("%s has no %s%s%s", what, p.place.Field, p.place.Assign, p.place.Prefix)
	}
	return refuse("%s does not begin with %q", what, p.place.Prefix)
}

func (p *hmacProver) timestamp(r *Request, text string) (string, error) {
	switch {
	case p.stamp == nil:
		return "", nil
	case p.stamp.Field != "":
		return p.place.field(text, p.stamp.Field)
	default:
		return r.value(p.stamp.Header)
	}
}

// resolve fills in what the parts of the content stand for; the body is left out, it is hashed where it lies.
func (p *hmacProver) resolve(r *Request, ts string, values *[maxParts]string) (err error) {
	for i, c := range p.content {
		if values[i], err = p.part(c, r, ts); err != nil {
			return err
		}
		// "a" "." "b.c" and "a.b" "." "c" would be signed alike, so a value must not hold what ends it.
		if c.kind == partHeader && i+1 < len(p.content) && p.content[i+1].kind == literal &&
			strings.Contains(values[i], p.content[i+1].text) {
			return refuse("header %s contains %q, which ends it in the signed content", c.text, p.content[i+1].text)
		}
	}
	return nil
}

func (p *hmacProver) part(c part, r *Request, ts string) (string, error) {
	switch c.kind {
	case literal:
		return c.text, nil
	case partTS:
		return ts, nil
	case partMethod:
		return strings.ToUpper(r.Method), nil
	case partURL:
		return p.target(r), nil
	case partPath:
		path, _ := splitURL(p.target(r))
		return path, nil
	case partHeader:
		return r.value(c.text)
	case partQuery:
		return r.query(c.text)
	case partForm:
		return r.form(c.text)
	case partContentful:
		return contentfulRequest(r, p.target(r))
	}
	return "", nil
}

// target is the URL as the sender knows it: the public one, with the request's query unless it has its own.
func (p *hmacProver) target(r *Request) string {
	if p.url == "" || strings.Contains(p.url, "?") {
		return cmp.Or(p.url, r.URL)
	}
	if _, query := splitURL(r.URL); query != "" {
		return p.url + "?" + query
	}
	return p.url
}

// over is the MAC of the content; it is valid until m is used again.
func (m *mac) over(content []part, values *[maxParts]string, body []byte) []byte {
	m.Reset()
	for i, c := range content {
		if c.kind == partBody {
			_, _ = m.Write(body)
		} else {
			m.scratch = append(m.scratch[:0], values[i]...)
			_, _ = m.Write(m.scratch)
		}
		if c.kind == partContentful {
			_, _ = m.Write(body)
		}
	}
	return m.Sum(m.sum[:0])
}

func (p *hmacProver) sign(r *Request, now time.Time) error {
	ts, field := "", ""
	if p.stamp != nil {
		ts, field = p.stamp.text(now), p.stamp.Field
		if p.stamp.Header != "" {
			r.set(p.stamp.Header, ts)
		}
	}
	for _, c := range p.content {
		switch {
		case c.kind == partContentful:
			contentfulPrepare(r)
		case c.kind == partHeader && len(r.Header[c.text]) == 0:
			r.set(c.text, "msg_"+rand.Text())
		}
	}
	var values [maxParts]string
	if err := p.resolve(r, ts, &values); err != nil {
		return err
	}
	m := p.keys[0].pool.Get().(*mac)
	defer p.keys[0].pool.Put(m)
	signature := p.coding.encode(m.over(p.content, &values, r.Body))
	p.place.put(r, p.place.format(signature, field, ts))
	return nil
}
