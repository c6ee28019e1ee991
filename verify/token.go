package verify

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
	"time"
)

// tokenProver is a compiled token scheme. It compares hashes, so that neither the length nor the first wrong byte of a
// guess can be timed.
type tokenProver struct {
	place  Place
	first  string // the token that Sign sends
	hashes [][sha256.Size]byte
}

func newToken(s Scheme, k Keys) (*tokenProver, error) {
	p := &tokenProver{place: s.Token.compiled()}
	for i, secret := range k.Secrets {
		if p.place.Basic {
			if user, _, is := strings.Cut(secret, ":"); !is || user == "" {
				return nil, errSecret(i, len(k.Secrets), "is not user:password")
			}
			secret = base64.StdEncoding.EncodeToString([]byte(secret))
		}
		if i == 0 {
			p.first = secret
		}
		p.hashes = append(p.hashes, sha256.Sum256([]byte(secret)))
	}
	return p, nil
}

func (p *tokenProver) verify(r *Request, _ time.Time) error {
	text, err := p.place.text(r)
	if err != nil {
		return err
	}
	token, prefixed := strings.CutPrefix(text, p.place.Prefix)
	if p.place.Basic {
		scheme, rest, _ := strings.Cut(text, " ")
		token, prefixed = rest, strings.EqualFold(scheme, "Basic")
	}
	switch {
	case !prefixed && p.place.Basic:
		return refuse("%s is not Basic", p.place.what(r))
	case !prefixed:
		return refuse("%s does not begin with %q", p.place.what(r), p.place.Prefix)
	case token == "":
		return refuse("%s holds no token", p.place.what(r))
	}
	sum, equal := sha256.Sum256([]byte(token)), 0
	for i := range p.hashes {
		equal |= subtle.ConstantTimeCompare(sum[:], p.hashes[i][:])
	}
	if equal != 1 {
		return refuse("%s does not hold any of %d secrets", p.place.what(r), len(p.hashes))
	}
	return nil
}

func (p *tokenProver) sign(r *Request, _ time.Time) error {
	if p.place.Basic {
		p.place.put(r, "Basic "+p.first)
		return nil
	}
	p.place.put(r, p.place.Prefix+p.first)
	return nil
}
