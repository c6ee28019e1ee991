package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"math/big"
	"time"
)

// publicProver is a compiled scheme whose signatures a public key checks.
type publicProver struct {
	signed
	kind      string
	algorithm string
	pss       bool
	keys      keyring
	private   crypto.Signer // nil unless the source's secret is a private key: then Sign can sign
	secret    string        // for {secret}: an id that the sender knows, such as that of the webhook
}

func newPublic(s Scheme, k Keys) (*publicProver, error) {
	base, err := newSigned(s, k)
	if err != nil {
		return nil, err
	}
	p := &publicProver{signed: base, kind: s.Kind, algorithm: s.algorithms()[0], pss: s.Padding == "pss"}
	if len(k.Secrets) > 0 {
		p.secret = k.Secrets[0]
		p.private, _ = parsePrivate(k.Secrets[0]) // any other secret is one that the content names
	}
	p.keys, err = newKeyring(s.Key, k, p.private)
	return p, err
}

func (p *publicProver) verify(r *Request, now time.Time) error {
	s := p.scene(r)
	s.key = []byte(p.secret)
	wellFormed := func(text string) error {
		if len(p.decoded(text)) == 0 {
			return p.malformed(text, p.place.what(r), 0)
		}
		return nil
	}
	var known []crypto.PublicKey
	return p.signed.verify(r, now, wellFormed, func(text string, content []part, v *values, body []byte) (bool, error) {
		if known == nil {
			var err error
			if known, err = p.keys.get(&s, now, false); err != nil {
				return false, err
			}
		}
		covered := p.message(content, v, body)
		for _, signature := range p.decoded(text) {
			for _, key := range known {
				if p.checks(key, covered, signature) {
					return true, nil
				}
			}
		}
		return false, refuse("no signature matched with any of %d public keys", len(known))
	})
}

// message is what is signed: the content itself for ed25519, its hash for the others.
func (p *publicProver) message(content []part, v *values, body []byte) []byte {
	var message []byte
	for i, c := range content {
		switch {
		case c.inPlace():
			message = append(message, body...)
		case c.kind == partSecret:
			message = append(message, p.secret...)
		default:
			message = append(message, v[i]...)
		}
	}
	if p.kind == KindEd25519 {
		return message
	}
	h := hashOf(p.algorithm)()
	_, _ = h.Write(message)
	return h.Sum(nil)
}

// decoded are the well-formed signatures in a text.
func (p *publicProver) decoded(text string) (all [][]byte) {
	for more := true; more; {
		var item string
		item, text, more = p.place.next(text)
		value, is := p.place.value(item)
		if !is {
			continue
		}
		if b, ok := p.coding.bytes(value); ok {
			all = append(all, b)
		}
	}
	return all
}

func (p *publicProver) checks(key crypto.PublicKey, covered, signature []byte) bool {
	switch key := key.(type) {
	case ed25519.PublicKey:
		return p.kind == KindEd25519 && ed25519.Verify(key, covered, signature)
	case *ecdsa.PublicKey:
		return p.kind == KindECDSA && checksECDSA(key, covered, signature)
	case *rsa.PublicKey:
		if p.kind != KindRSA {
			return false
		}
		if p.pss {
			return rsa.VerifyPSS(key, cryptoHash(p.algorithm), covered, signature, nil) == nil
		}
		return rsa.VerifyPKCS1v15(key, cryptoHash(p.algorithm), covered, signature) == nil
	}
	return false
}

// checksECDSA takes a signature as ASN.1 or as both numbers one after the other.
func checksECDSA(key *ecdsa.PublicKey, sum, signature []byte) bool {
	size := (key.Curve.Params().BitSize + 7) / 8
	if len(signature) == 2*size {
		pair := struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])}
		der, err := asn1.Marshal(pair)
		return err == nil && ecdsa.VerifyASN1(key, sum, der)
	}
	return ecdsa.VerifyASN1(key, sum, signature)
}

func cryptoHash(algorithm string) crypto.Hash {
	switch algorithm {
	case "sha1":
		return crypto.SHA1
	case "sha384":
		return crypto.SHA384
	case "sha512":
		return crypto.SHA512
	}
	return crypto.SHA256
}

// bytes decodes a signature of any length, strictly.
func (c coding) bytes(s string) ([]byte, bool) {
	if c == codingHex {
		b := make([]byte, hex.DecodedLen(len(s)))
		return b, len(s) > 0 && decodeHex(b, s)
	}
	if len(s) > base64.StdEncoding.EncodedLen(maxSignature) {
		return nil, false
	}
	b, err := c.base64().DecodeString(s)
	return b, err == nil && len(b) > 0 && c.base64().EncodeToString(b) == s
}

// maxSignature is the longest in bytes: that of RSA with 16,384 bits.
const maxSignature = 2048

func (p *publicProver) sign(r *Request, now time.Time) error {
	if p.private == nil {
		return errNoPrivateKey
	}
	return p.signed.sign(r, now, func(content []part, v *values, body []byte) ([]byte, error) {
		covered := p.message(content, v, body)
		var options crypto.SignerOpts = crypto.Hash(0)
		if p.kind != KindEd25519 {
			options = cryptoHash(p.algorithm)
		}
		if p.pss {
			options = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: cryptoHash(p.algorithm)}
		}
		return p.private.Sign(rand.Reader, covered, options)
	})
}

var errNoPrivateKey = errors.New("signing needs the sender's private key, which only the sender has: for tests, give one of your own as the secret")
