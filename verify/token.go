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
	place    Place
	first    string // the token that Sign sends
	hashes   [][sha256.Size]byte
	must     [][2][]part
	open     Keys
	document string
}

func newToken(s Scheme, k Keys) (*tokenProver, error) {
	p := &tokenProver{place: s.Token.compiled(), open: k.open(), document: s.Document}
	var err error
	if p.must, err = conditions(s.Must); err != nil {
		return nil, err
	}
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
	s := scene{r: r, public: p.open.PublicURL, with: p.open.With, document: p.document, place: &p.place}
	if err := holds(p.must, &s); err != nil {
		return err
	}
	texts, err := p.place.texts(&s)
	if err != nil {
		return err
	}
	for _, text := range texts {
		if err := p.one(r, text); err != nil {
			return err
		}
	}
	return nil
}

// one compares one text; a path in the body may lead to several, all of which must hold the token.
func (p *tokenProver) one(r *Request, text string) error {
	token, prefixed := strings.CutPrefix(text, p.place.Prefix)
	if p.place.Basic {
		scheme, rest, _ := strings.Cut(text, " ")
		token, prefixed = rest, strings.EqualFold(scheme, "Basic")
	}
	switch {
	case !prefixed && p.place.Basic:
		return refuse("%s is not Basic", p.place.what(r))
	case !prefixed && !p.place.Bare:
		return refuse("%s does not begin with %q", p.place.what(r), p.place.Prefix)
	case token == "":
		return refuse("%s holds no token", p.place.what(r))
	}
	sum, matched := sha256.Sum256([]byte(token)), 0
	for i := range p.hashes {
		matched |= subtle.ConstantTimeCompare(sum[:], p.hashes[i][:])
	}
	if matched != 1 {
		return refuse("%s does not hold any of %d secrets", p.place.what(r), len(p.hashes))
	}
	return nil
}

// equal compares two texts, one of which may be secret, by their hashes: neither the length nor the first difference can
// be timed.
func equal(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func (p *tokenProver) sign(r *Request, _ time.Time) error {
	s := scene{r: r, document: p.document}
	if p.place.Basic {
		return p.place.put(&s, "Basic "+p.first)
	}
	return p.place.put(&s, p.place.Prefix+p.first)
}
