package verify

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // HMAC-SHA1 is what some senders use, and as an HMAC it still holds
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"strings"
	"sync"
	"time"
)

// hmacProver is a compiled hmac or hash scheme.
type hmacProver struct {
	signed
	algorithms []string // several: the signature names one of them
	size       int      // of the hash in bytes
	keys       []*keyed
}

// keyed makes MACs with one key. They are kept between requests: setting one up costs more than hashing a small body.
type keyed struct {
	secret string // for {secret}, of kind hash
	pools  map[string]*sync.Pool
}

type mac struct {
	hash.Hash
	scratch []byte // strings are copied through it, because a hash takes only bytes
	sum     [maxSum]byte
}

func newHMAC(s Scheme, k Keys) (*hmacProver, error) {
	base, err := newSigned(s, k)
	if err != nil {
		return nil, err
	}
	p := &hmacProver{signed: base, algorithms: s.algorithms(), size: hashOf(s.algorithms()[0])().Size()}
	for i, secret := range k.Secrets {
		key, err := s.Key.from(secret)
		if err != nil {
			return nil, errSecret(i, len(k.Secrets), err.Error())
		}
		p.keys = append(p.keys, newKeyed(s.Kind, p.algorithms, key))
	}
	return p, nil
}

func newKeyed(kind string, algorithms []string, key []byte) *keyed {
	k := &keyed{pools: make(map[string]*sync.Pool)}
	for _, algorithm := range algorithms {
		newHash := hashOf(algorithm)
		k.pools[algorithm] = &sync.Pool{New: func() any { return &mac{Hash: hmac.New(newHash, key)} }}
		if kind == KindHash {
			k.secret = string(key)
			k.pools[algorithm] = &sync.Pool{New: func() any { return &mac{Hash: newHash()} }}
		}
	}
	return k
}

func hashOf(algorithm string) func() hash.Hash {
	switch algorithm {
	case "sha1":
		return sha1.New
	case "sha384":
		return sha512.New384
	case "sha512":
		return sha512.New
	}
	return sha256.New
}

func (p *hmacProver) verify(r *Request, now time.Time) error {
	if len(p.algorithms) > 1 {
		return p.named(r, now)
	}
	return p.signed.verify(r, now, func(text string) error {
		if !p.matches(text, p.size, nil) {
			return p.malformed(text, p.place.what(r), p.size)
		}
		return nil
	}, p.proves)
}

// proves compares the signatures in text with those of each key.
func (p *hmacProver) proves(text string, content []part, v *values, body []byte) (bool, error) {
	for _, k := range p.keys {
		pool := k.pools[p.algorithms[0]]
		m := pool.Get().(*mac)
		matched := p.matches(text, p.size, m.over(content, v, k.secret, body))
		pool.Put(m)
		if matched {
			return true, nil
		}
	}
	return false, unmatched(len(p.keys))
}

// named verifies by the algorithm that the signature names, which must be one of the scheme's.
func (p *hmacProver) named(r *Request, now time.Time) error {
	s := p.scene(r)
	text, err := p.place.text(&s)
	if err != nil {
		return err
	}
	for _, algorithm := range p.algorithms {
		one := *p
		one.algorithms, one.size = []string{algorithm}, hashOf(algorithm)().Size()
		one.place.Prefix = strings.ReplaceAll(p.place.Prefix, "{algorithm}", algorithm)
		if strings.HasPrefix(text, one.place.Prefix) {
			return one.verify(r, now)
		}
	}
	return refuse("%s names none of %s", p.place.what(r), strings.Join(p.algorithms, ", "))
}

func unmatched(keys int) error {
	if keys == 1 {
		return refuse("no signature matched with the secret")
	}
	return refuse("no signature matched with any of %d secrets", keys)
}

// matches reports whether any signature in text is sum; with a nil sum, whether any is well-formed.
func (p *hmacProver) matches(text string, size int, sum []byte) bool {
	var got [maxSum]byte
	for more := true; more; {
		var item string
		item, text, more = p.place.next(text)
		value, is := p.place.value(item)
		if !is || !p.coding.decode(got[:size], value) {
			continue
		}
		if sum == nil || hmac.Equal(got[:size], sum) {
			return true
		}
	}
	return false
}

// malformed says why text holds no signature.
func (c *signed) malformed(text, what string, size int) error {
	for list, more := text, true; more; {
		var item string
		item, list, more = c.place.next(list)
		if _, is := c.place.value(item); is && size > 0 {
			return refuse("%s is not %s of %d bytes", what, c.coding, size)
		} else if is {
			return refuse("%s is not %s", what, c.coding)
		}
	}
	if c.place.Assign != "" {
		return refuse("%s has no %s%s%s", what, c.place.Field, c.place.Assign, c.place.Prefix)
	}
	return refuse("%s does not begin with %q", what, c.place.Prefix)
}

// over is the MAC of the content; it is valid until m is used again.
func (m *mac) over(content []part, v *values, secret string, body []byte) []byte {
	m.Reset()
	for i, p := range content {
		switch {
		case p.inPlace():
			_, _ = m.Write(body)
			continue
		case p.kind == partSecret:
			m.scratch = append(m.scratch[:0], secret...)
		default:
			m.scratch = append(m.scratch[:0], v[i]...)
		}
		_, _ = m.Write(m.scratch)
	}
	return m.Sum(m.sum[:0])
}

func (p *hmacProver) sign(r *Request, now time.Time) error {
	k, algorithm := p.keys[0], p.algorithms[0]
	one := p.signed
	one.place.Prefix = strings.ReplaceAll(p.place.Prefix, "{algorithm}", algorithm)
	return one.sign(r, now, func(content []part, v *values, body []byte) ([]byte, error) {
		m := &mac{Hash: k.pools[algorithm].New().(*mac).Hash}
		return m.over(content, v, k.secret, body), nil
	})
}
