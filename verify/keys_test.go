package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"sync"
	"testing"
)

// secretFor makes a secret of the form that the scheme wants.
func secretFor(s Scheme, c byte) string {
	s = s.all()[0]
	if s.Token != nil && s.Token.Basic {
		return "user:" + strings.Repeat(string(c), 32)
	}
	return strings.Join(s.Key.Strip[:min(1, len(s.Key.Strip))], "") + strings.Repeat(string(c), max(32, s.Key.Length))
}

// keysFor makes the keys of a source, and for schemes with a public key the private one that signs.
func keysFor(t testing.TB, s Scheme, c byte, with map[string]string) Keys {
	t.Helper()
	k := Keys{PublicURL: "https://hooks.example.com/in/x", With: with}
	switch {
	case s.Kind == KindNone:
		return k
	case s.NeedsSecret():
		k.Secrets = []string{secretFor(s, c)}
		return k
	}
	private, public := pairFor(t, s, c)
	k.Secrets, k.Public = []string{private}, []string{public}
	return k
}

// pairFor makes a key pair, always the same for one letter.
func pairFor(t testing.TB, s Scheme, c byte) (private, public string) {
	t.Helper()
	pairs.Lock()
	defer pairs.Unlock()
	kind := s.Kind
	if kind == KindJWT {
		kind = map[string]string{"RS": KindRSA, "PS": KindRSA, "ES": KindECDSA, "Ed": KindEd25519}[s.Algorithm[0][:2]]
	}
	if p, ok := pairs.made[kind+string(c)]; ok {
		return p[0], p[1]
	}
	var signer crypto.Signer
	var err error
	switch kind {
	case KindRSA:
		signer, err = rsa.GenerateKey(rand.Reader, 2048)
	case KindECDSA:
		signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		_, signer, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	private = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	public = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki}))
	if pairs.made == nil {
		pairs.made = map[string][2]string{}
	}
	pairs.made[kind+string(c)] = [2]string{private, public}
	return private, public
}

// pairs are the key pairs of this run: RSA keys take long to make.
var pairs struct {
	sync.Mutex
	made map[string][2]string
}
