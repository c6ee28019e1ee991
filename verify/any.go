package verify

import (
	"errors"
	"time"
)

// anyProver is a scheme of several, each of which proves by itself: senders that sign in more than one way.
type anyProver struct {
	provers []prover
	schemes []Scheme
}

func newAny(schemes []Scheme, k Keys) (*anyProver, error) {
	p := &anyProver{}
	var failed error
	for _, s := range schemes {
		one, err := newProver(s, k)
		if err != nil {
			if failed == nil || errors.Is(failed, errNoSecret) {
				failed = err // the keys are for another of them: a token is no user:password
			}
			continue
		}
		p.provers = append(p.provers, one)
		if s.Signature != nil {
			place := s.Signature.compiled()
			s.Signature = &place
		}
		p.schemes = append(p.schemes, s)
	}
	if len(p.provers) == 0 {
		return nil, failed
	}
	return p, nil
}

// verify accepts what any of them accepts. The reason is that of the first whose signature is there.
func (p *anyProver) verify(r *Request, now time.Time) error {
	var reason error
	there := false
	for i, one := range p.provers {
		err := one.verify(r, now)
		if err == nil {
			return nil
		}
		is := p.schemes[i].isThere(r)
		if reason == nil || is && !there || !isRefusal(err) {
			reason, there = err, is
		}
	}
	return reason
}

// isThere reports whether a request has what the scheme reads first.
func (s Scheme) isThere(r *Request) bool {
	view := scene{r: r, document: s.Document}
	switch {
	case s.Signature != nil:
		return s.Signature.present(&view)
	case s.Token != nil:
		place := s.Token.compiled()
		return place.present(&view)
	}
	return false
}

// sign signs by the first.
func (p *anyProver) sign(r *Request, now time.Time) error { return p.provers[0].sign(r, now) }
