package verify

import (
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	defaultSkew = time.Minute
	maxJWT      = 16 << 10 // bytes; a longer one is no token
)

// jwtProver is a compiled jwt scheme: the token is signed, and its claims say what it is for.
type jwtProver struct {
	place      Place
	algorithms []jose.SignatureAlgorithm
	secrets    [][]byte // for HS algorithms
	keys       keyring
	claims     map[string][][]part
	bodyClaims map[string][][]part
	must       [][2][]part
	maxAge     time.Duration
	skew       time.Duration
	open       Keys
	document   string
	private    crypto.Signer
}

func newJWT(s Scheme, k Keys) (*jwtProver, error) {
	p := &jwtProver{place: s.Token.compiled(), maxAge: s.MaxAge, skew: s.Skew, open: k.open(), document: s.Document}
	if p.skew == 0 {
		p.skew = defaultSkew
	}
	for _, a := range s.Algorithm {
		p.algorithms = append(p.algorithms, jose.SignatureAlgorithm(a))
	}
	var err error
	if s.symmetric() {
		for _, secret := range k.Secrets {
			key, err := s.Key.from(secret)
			if err != nil {
				return nil, err
			}
			p.secrets = append(p.secrets, key)
		}
	} else {
		if len(k.Secrets) > 0 {
			p.private, _ = parsePrivate(k.Secrets[0]) // any other secret is one that key.post names
		}
		if p.keys, err = newKeyring(s.Key, k, p.private); err != nil {
			return nil, err
		}
	}
	if p.claims, err = claims(s.Claims); err != nil {
		return nil, err
	}
	if p.bodyClaims, err = claims(s.BodyClaims); err != nil {
		return nil, err
	}
	p.must, err = conditions(s.Must)
	return p, err
}

// symmetric reports whether the sender and we share the key of the token.
func (s Scheme) symmetric() bool {
	return len(s.Algorithm) > 0 && strings.HasPrefix(s.Algorithm[0], "HS")
}

func claims(src map[string]Texts) (map[string][][]part, error) {
	all := make(map[string][][]part)
	for name, templates := range src {
		for _, t := range templates {
			parts, err := parseTemplate(t, contentParts())
			if err != nil {
				return nil, fmt.Errorf("claim %s: %w", name, err)
			}
			all[name] = append(all[name], parts)
		}
	}
	return all, nil
}

func (p *jwtProver) verify(r *Request, now time.Time) error {
	s := scene{r: r, public: p.open.PublicURL, with: p.open.With, document: p.document, place: &p.place}
	if err := holds(p.must, &s); err != nil {
		return err
	}
	text, err := p.place.text(&s)
	if err != nil {
		return err
	}
	text, prefixed := strings.CutPrefix(text, p.place.Prefix)
	if !prefixed && !p.place.Bare {
		return refuse("%s does not begin with %q", p.place.what(r), p.place.Prefix)
	}
	payload, err := p.payload(&s, text, now)
	if err != nil {
		return err
	}
	var got map[string]any
	d := json.NewDecoder(strings.NewReader(string(payload)))
	d.UseNumber()
	if err := d.Decode(&got); err != nil {
		return refuse("the token holds no claims")
	}
	if err := p.times(got, now); err != nil {
		return err
	}
	return p.bound(&s, got)
}

// payload is what the token signs, if one of the keys checks it.
func (p *jwtProver) payload(s *scene, text string, now time.Time) ([]byte, error) {
	if len(text) > maxJWT {
		return nil, refuse("%s is longer than any token", p.place.what(s.r))
	}
	token, err := jose.ParseSignedCompact(text, p.algorithms)
	if err != nil || !compact(text) {
		return nil, refuse("%s is not a JWT with one of the algorithms %v", p.place.what(s.r), p.algorithms)
	}
	for _, secret := range p.secrets {
		if macFits(text, token.Signatures[0].Header.Algorithm, secret) {
			return token.UnsafePayloadWithoutVerification(), nil
		}
	}
	if len(p.secrets) > 0 {
		return nil, unmatched(len(p.secrets))
	}
	s.kid = token.Signatures[0].Header.KeyID
	for _, fresh := range []bool{false, true} { // a key that is not known yet may be new
		keys, err := p.keys.get(s, now, fresh)
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			if payload, err := token.Verify(key); err == nil {
				return payload, nil
			}
		}
		if len(p.keys.fixed) > 0 || len(keys) > 0 {
			break
		}
	}
	return nil, refuse("no public key of the sender checks the token")
}

// macFits checks the MAC of a token. The library does it too, but refuses secrets shorter than the hash, which senders
// have.
func macFits(text, algorithm string, secret []byte) bool {
	signed, signature := text[:strings.LastIndexByte(text, '.')], text[strings.LastIndexByte(text, '.')+1:]
	return hmac.Equal([]byte(macOf(signed, algorithm, secret)), []byte(signature))
}

func macOf(signed, algorithm string, secret []byte) string {
	m := hmac.New(hashOf("sha"+strings.TrimPrefix(algorithm, "HS")), secret)
	_, _ = m.Write([]byte(signed))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// compact reports whether a token is written the only way that senders write it: the library forgives stray bits and
// white space, by which one token would have many spellings.
func compact(text string) bool {
	for piece := range strings.SplitSeq(text, ".") {
		b, err := base64.RawURLEncoding.Strict().DecodeString(piece)
		if err != nil || base64.RawURLEncoding.EncodeToString(b) != piece {
			return false
		}
	}
	return true
}

// times refuses a token that is over, not begun, or older than it may be.
func (p *jwtProver) times(got map[string]any, now time.Time) error {
	for _, name := range []string{"exp", "nbf", "iat"} {
		value, present := got[name]
		if !present {
			if name == "iat" && p.maxAge > 0 {
				return refuse("claim iat missing")
			}
			continue
		}
		number, is := value.(json.Number)
		at, err := number.Float64()
		if !is || err != nil || at < 0 || at > 1e11 {
			return refuse("claim %s is not a time", name)
		}
		then := time.UnixMilli(int64(at * 1000))
		switch {
		case name == "exp" && now.After(then.Add(p.skew)):
			return refuse("the token is over since %s", seconds(now.Sub(then)))
		case name != "exp" && now.Before(then.Add(-p.skew)):
			return refuse("the token begins in %s: are the clocks right?", seconds(then.Sub(now)))
		case name == "iat" && p.maxAge > 0 && now.After(then.Add(p.maxAge)):
			return refuse("the token is %s old, at most %s are allowed", seconds(now.Sub(then)), seconds(p.maxAge))
		}
	}
	return nil
}

// bound refuses a token that is for something else than this request.
func (p *jwtProver) bound(s *scene, got map[string]any) error {
	for name, wanted := range p.claims {
		if len(wanted) == 1 && isOpen(wanted[0], s.with) {
			continue
		}
		if err := claim(s, got, name, wanted); err != nil {
			return err
		}
	}
	for name, wanted := range p.bodyClaims {
		_, present := got[name]
		switch {
		case len(s.r.Body) == 0 && present:
			return refuse("claim %s is about a body, and there is none", name)
		case len(s.r.Body) > 0:
			if err := claim(s, got, name, wanted); err != nil {
				return err
			}
		}
	}
	return nil
}

// claim compares one claim, or any element of a list, with each text that it may have; "*" is anything but nothing.
func claim(s *scene, got map[string]any, name string, wanted [][]part) error {
	var values []string
	switch v := got[name].(type) {
	case nil:
		return refuse("claim %s missing", name)
	case []any:
		for _, item := range v {
			values = append(values, fmt.Sprint(item))
		}
	default:
		values = []string{fmt.Sprint(v)}
	}
	var failed error
	for _, template := range wanted {
		want, err := s.fill(template)
		if err != nil {
			failed = err
			continue
		}
		for _, value := range values {
			if value != "" && (want == "*" || equal(value, want)) {
				return nil
			}
		}
	}
	if failed != nil {
		return failed
	}
	return refuse("claim %s is not what this request needs", name)
}

func (p *jwtProver) sign(r *Request, now time.Time) error {
	s := scene{r: r, public: p.open.PublicURL, with: p.open.With, document: p.document, place: &p.place}
	set := map[string]any{"iat": now.Unix(), "nbf": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	all := maps.Clone(p.claims)
	if len(r.Body) > 0 {
		maps.Copy(all, p.bodyClaims)
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		text, err := s.fill(all[name][0])
		if err != nil {
			return err
		}
		if _, there := set[name]; text == "*" && there {
			continue
		} else if text == "*" {
			text = rand.Text()
		}
		set[name] = text
	}
	payload, err := json.Marshal(set)
	if err != nil {
		return err
	}
	text, err := p.token(payload)
	if err != nil {
		return err
	}
	return p.place.put(&s, p.place.Prefix+text)
}

// token makes the signed token of claims.
func (p *jwtProver) token(claims []byte) (string, error) {
	if len(p.secrets) > 0 {
		algorithm := string(p.algorithms[0])
		signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+algorithm+`","typ":"JWT"}`)) + "." +
			base64.RawURLEncoding.EncodeToString(claims)
		return signed + "." + macOf(signed, algorithm, p.secrets[0]), nil
	}
	if p.private == nil {
		return "", errNoPrivateKey
	}
	for _, algorithm := range p.algorithms {
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: p.private}, nil)
		if err != nil {
			continue
		}
		token, err := signer.Sign(claims)
		if err != nil {
			continue
		}
		return token.CompactSerialize()
	}
	return "", errors.New("the private key does not fit the algorithms of the token")
}
