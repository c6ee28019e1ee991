package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/tidwall/gjson"
)

// Fetcher gets public keys that a sender publishes. It is safe for concurrent use, bounds time and size by itself, and
// goes only where Hosts of the scheme lead: what it is asked for has been checked against them.
type Fetcher interface {
	// Fetch returns what the address holds; with a body it is asked by POST, as JSON. Fresh says that what is known
	// lacks a key: an answer newer than it may help. An error is the fetcher's trouble, never the sender's fault.
	Fetch(address string, body []byte, fresh bool) ([]byte, error)
}

// keyring gives the public keys of a request.
type keyring struct {
	fixed []namedKey // given by the source; nothing is fetched then
	url   []part     // nil: nothing to fetch
	post  []part
	json  string
	hosts []string
	fetch Fetcher
}

// namedKey is a public key with its id in a JWKS; the id may be empty.
type namedKey struct {
	id    string
	key   crypto.PublicKey
	until time.Time // end of its certificate; zero: none
	from  time.Time
}

// errUnavailable is what keeps a key from being fetched; it is no refusal.
func errUnavailable(format string, args ...any) error {
	return fmt.Errorf("public key: "+format, args...)
}

// newKeyring takes the keys that the source gives, or else that of the private key with which it signs, or else the
// address where the scheme finds them.
func newKeyring(k Key, keys Keys, private crypto.Signer) (ring keyring, err error) {
	for i, text := range keys.Public {
		parsed, err := ParsePublic(text)
		if err != nil {
			return ring, fmt.Errorf("key %d of %d: %w", i+1, len(keys.Public), err)
		}
		ring.fixed = append(ring.fixed, parsed...)
	}
	if len(ring.fixed) == 0 && private != nil {
		ring.fixed = []namedKey{{key: private.Public()}}
	}
	if len(ring.fixed) == 0 && k.URL == "" {
		return ring, errors.New("key missing: the public key of the sender")
	}
	ring.json, ring.hosts, ring.fetch = k.JSON, k.Hosts, keys.Fetch
	if ring.url, err = parseTemplate(k.URL, urlParts()); err != nil {
		return ring, err
	}
	ring.post, err = parseTemplate(k.Post, urlParts())
	return ring, err
}

// urlParts are known in the address of keys.
func urlParts() known {
	return requestParts().with(known{"kid": partKID, "secret": partSecret})
}

// get gives the keys that may have signed the request, with the id that s names if it names one.
func (k *keyring) get(s *scene, now time.Time, fresh bool) (keys []crypto.PublicKey, err error) {
	all := k.fixed
	if len(all) > 0 {
		err = k.elsewhere(s)
	} else {
		all, err = k.fetched(s, fresh)
	}
	if err != nil {
		return nil, err
	}
	for _, key := range all {
		inTime := key.until.IsZero() || !now.Before(key.from) && !now.After(key.until)
		if inTime && (s.kid == "" || key.id == "" || key.id == s.kid) {
			keys = append(keys, key.key)
		}
	}
	return keys, nil
}

// elsewhere refuses a request that names another's address for its key, though the key is given: it is not the sender's.
func (k *keyring) elsewhere(s *scene) error {
	if !has(k.url, partHeader) && !has(k.url, partJSON) {
		return nil
	}
	if address, err := s.fill(k.url); err == nil && !k.pinned(address) { // one that is missing leads nowhere
		return errElsewhere(address)
	}
	return nil
}

func errElsewhere(address string) error {
	return refuse("the address of the public key, %s, is not one of the sender's", clip(address))
}

// fetched asks for the keys at the address that the scheme, and perhaps the request, names.
func (k *keyring) fetched(s *scene, fresh bool) ([]namedKey, error) {
	address, err := s.fill(k.url)
	if err != nil {
		return nil, err
	}
	if !k.pinned(address) {
		return nil, errElsewhere(address)
	}
	if k.fetch == nil {
		return nil, errUnavailable("%s is not fetched here; give the key itself", address)
	}
	var body []byte
	if len(k.post) > 0 {
		text, err := s.fill(k.post)
		if err != nil {
			return nil, err
		}
		body = []byte(text)
	}
	data, err := k.fetch.Fetch(address, body, fresh)
	if err != nil {
		return nil, errUnavailable("%w", err)
	}
	if k.json != "" {
		data = keyIn(data, k.json)
	}
	keys, err := ParsePublic(string(data))
	if err != nil {
		return nil, errUnavailable("%s: %w", address, err)
	}
	return keys, nil
}

// keyIn is the text or object at a path of a JSON answer.
func keyIn(data []byte, at string) []byte {
	v := gjson.GetBytes(data, at)
	if v.Type == gjson.String {
		return []byte(v.Str)
	}
	return []byte(v.Raw)
}

// pinned reports whether an address is https on one of the hosts, with nothing in it that another reader may see as
// another host. What follows a slash in a host is the path that it must be: a pattern, too.
func (k *keyring) pinned(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Port() != "" && u.Port() != "443" || u.Fragment != "" || u.Opaque != "" ||
		strings.ContainsAny(address, "\\ \t\r\n") {
		return false
	}
	for _, pattern := range k.hosts {
		host, file, hasPath := strings.Cut(pattern, "/")
		is, err := path.Match(strings.ReplaceAll(host, ".", "/"), strings.ReplaceAll(strings.ToLower(u.Hostname()), ".", "/"))
		if is && hasPath {
			is, err = path.Match("/"+file, u.EscapedPath())
		}
		if is && err == nil {
			return true
		}
	}
	return false
}

// ParsePublic reads public keys: PEM (keys and certificates), a JWK or JWKS, hex or base64 of an Ed25519 key or of a
// DER-encoded one, and Standard Webhooks' whpk_ form. Errors do not quote the text.
func ParsePublic(text string) ([]namedKey, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return nil, errors.New("is empty")
	case strings.HasPrefix(text, "-----BEGIN"):
		return parsePEM([]byte(text))
	case strings.HasPrefix(text, "{"):
		return parseJWKS([]byte(text))
	}
	switch {
	case strings.HasPrefix(text, sharedPrefix):
		return nil, errors.New("is a shared secret (whsec_), which belongs under secret")
	case strings.HasPrefix(text, privatePrefix):
		return nil, errors.New("is a private key (whsk_): the sender gives out the public one (whpk_)")
	}
	text = strings.TrimPrefix(text, publicPrefix)
	for _, decode := range []func(string) ([]byte, error){
		hex.DecodeString, base64.StdEncoding.DecodeString, base64.RawURLEncoding.DecodeString,
	} {
		if der, err := decode(text); err == nil {
			if key, err := parseDER(der); err == nil {
				return []namedKey{key}, nil
			}
		}
	}
	return nil, errors.New("is no public key: PEM, JWKS, hex or base64 is needed")
}

func parsePEM(text []byte) (keys []namedKey, err error) {
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			break
		}
		key, err := parseDER(block.Bytes)
		if err != nil {
			return nil, err
		}
		keys = append(keys, key)
		if !key.until.IsZero() {
			break // what follows a certificate is its chain
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("holds no PEM block")
	}
	return keys, nil
}

// parseDER reads one key: as SubjectPublicKeyInfo, PKCS #1, a certificate, or the 32 bytes of Ed25519.
func parseDER(der []byte) (namedKey, error) {
	if len(der) == ed25519.PublicKeySize {
		return namedKey{key: ed25519.PublicKey(der)}, nil
	}
	if key, err := x509.ParsePKIXPublicKey(der); err == nil {
		return usable(namedKey{key: key})
	}
	if key, err := x509.ParsePKCS1PublicKey(der); err == nil {
		return usable(namedKey{key: key})
	}
	if c, err := x509.ParseCertificate(der); err == nil {
		return usable(namedKey{key: c.PublicKey, from: c.NotBefore, until: c.NotAfter})
	}
	return namedKey{}, errors.New("is neither a public key nor a certificate")
}

// usable refuses kinds of keys that no scheme has, and RSA keys that can be broken.
func usable(k namedKey) (namedKey, error) {
	switch key := k.key.(type) {
	case ed25519.PublicKey, *ecdsa.PublicKey:
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 1024 {
			return k, fmt.Errorf("RSA key of %d bits: at least 1024 are needed", bits)
		}
	default:
		return k, fmt.Errorf("%T is not a kind of key that is known here", k.key)
	}
	return k, nil
}

func parseJWKS(text []byte) (keys []namedKey, err error) {
	var set jose.JSONWebKeySet
	if gjson.GetBytes(text, "keys").IsArray() {
		err = json.Unmarshal(text, &set)
	} else {
		set.Keys = make([]jose.JSONWebKey, 1)
		err = json.Unmarshal(text, &set.Keys[0])
	}
	if err != nil {
		return nil, errors.New("is not a JWKS")
	}
	for _, k := range set.Keys {
		if key, err := usable(namedKey{id: k.KeyID, key: k.Public().Key}); err == nil {
			keys = append(keys, key)
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("JWKS has no usable key")
	}
	return keys, nil
}

// parsePrivate reads a private key in PEM, PKCS #8 or PKCS #1, or whsk_ with the seed of Ed25519.
func parsePrivate(text string) (crypto.Signer, error) {
	if seed, is := strings.CutPrefix(strings.TrimSpace(text), privatePrefix); is {
		b, err := base64.StdEncoding.DecodeString(seed)
		if err != nil || len(b) < ed25519.SeedSize {
			return nil, errors.New("is not a whsk_ key")
		}
		return ed25519.NewKeyFromSeed(b[:ed25519.SeedSize]), nil
	}
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errors.New("is no private key in PEM")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("is no private key that is known here")
	}
	signer, is := key.(crypto.Signer)
	if !is {
		return nil, errors.New("is no key that signs")
	}
	return signer, nil
}
