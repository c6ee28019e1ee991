package rules

import (
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/verify"
)

// Prefixes of the keys that sign outgoing requests, as Standard Webhooks has them.
const (
	symmetricKey  = "whsec_"
	asymmetricKey = "whsk_"

	shortKey = 24 // bytes: the specification asks for at least so many
)

// signatureName is the header that holds the signatures, one for each key.
const signatureName = "Webhook-Signature"

// signing is one key with which requests are signed.
type signing struct{ verifier *verify.Verifier }

// Sign signs the request with each key of `sign:`, as of now: Webhook-Timestamp, and Webhook-Signature over the
// request's Webhook-Id, that time and the body. It does nothing without keys. The time is that of one attempt, so each
// signs anew.
func (d *Destination) Sign(r *Request, now time.Time) error {
	if len(d.signers) == 0 {
		return nil
	}
	signatures := make([]string, len(d.signers))
	req := &verify.Request{Method: r.Method, URL: r.URL, Header: r.Header, Body: r.Body}
	for i, s := range d.signers {
		if err := s.verifier.Sign(req, now); err != nil {
			return fmt.Errorf("sign: key %d of %d: %w", i+1, len(d.signers), err)
		}
		signatures[i] = r.Header[signatureName][0]
	}
	r.Header[signatureName] = []string{strings.Join(signatures, " ")}
	return nil
}

// signers reads `sign:`, one key or a list for rotation.
func (p *parser) signers(d *Destination, n *yaml.Node) (list []signing) {
	before := len(p.faults)
	for _, x := range p.list(n, "sign") {
		s, ok := p.reference(x, "sign")
		if p.unset[x] {
			return nil
		}
		if !ok || s == "" && n.Kind == yaml.SequenceNode {
			continue // an empty one of a list is one that is not there any more
		}
		key, bad := newSigning(s)
		if bad != "" {
			p.fault(x, fmt.Sprintf("the key with which requests to %q are signed %s", d.Name, bad),
				"whsec_ and 24 to 64 bytes in base64, or whsk_ and a private key of Ed25519 in base64")
			continue
		}
		if len(s) < base64.StdEncoding.EncodedLen(shortKey)+len(symmetricKey) && strings.HasPrefix(s, symmetricKey) {
			p.warn(x, codeShort, fmt.Sprintf("the key with which requests to %q are signed is shorter than %d bytes", d.Name, shortKey), "it can be guessed: make a longer one")
		}
		list = append(list, key)
	}
	if len(list) == 0 && len(p.faults) == before {
		p.fault(n, fmt.Sprintf("every key with which requests to %q are signed is empty", d.Name), "set one of the variables")
	}
	return list
}

// newSigning reads a key; bad says what is wrong, without quoting it.
func newSigning(key string) (s signing, bad string) {
	kind := verify.KindHMAC
	switch {
	case key == "":
		return s, "is empty"
	case strings.HasPrefix(key, asymmetricKey):
		if !isPrivate(strings.TrimPrefix(key, asymmetricKey)) {
			return s, "is not a private key of Ed25519 in base64"
		}
		kind = verify.KindEd25519
	case !strings.HasPrefix(key, symmetricKey):
		return s, "begins with neither whsec_ nor whsk_"
	}
	standard, _ := verify.Lookup("standard-webhooks")
	at := slices.IndexFunc(standard.Verify.Any, func(s verify.Scheme) bool { return s.Kind == kind })
	v, err := verify.New(standard.Verify.Any[at], verify.Keys{Secrets: []string{key}})
	if err != nil {
		return s, "cannot be used: " + err.Error()
	}
	return signing{v}, ""
}

// isPrivate reports whether text is a seed, or a seed and the public key that follows from it.
func isPrivate(text string) bool {
	b, err := base64.StdEncoding.DecodeString(text)
	switch {
	case err != nil:
		return false
	case len(b) == ed25519.PrivateKeySize:
		return ed25519.NewKeyFromSeed(b[:ed25519.SeedSize]).Equal(ed25519.PrivateKey(b))
	}
	return len(b) == ed25519.SeedSize
}
