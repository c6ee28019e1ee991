package verify

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Keys is what a source adds to a Scheme.
type Keys struct {
	Secrets   []string          // shared secrets or tokens; any may verify, the first one signs
	Public    []string          // public keys, as ParsePublic reads them; any may verify, and none is fetched then
	With      map[string]string // further parameters of a preset
	PublicURL string            // the address as the sender knows it, for schemes that sign it
	Fetch     Fetcher           // for schemes whose public keys are published; nil: they are unavailable
}

// open is what of the keys is no secret. What is given under with may be one, and is shown nowhere.
func (k Keys) open() Keys {
	return Keys{Public: k.Public, With: k.With, PublicURL: k.PublicURL, Fetch: k.Fetch}
}

// The prefixes by which Standard Webhooks tells keys apart.
const (
	sharedPrefix  = "whsec_" // both sides have it
	publicPrefix  = "whpk_"
	privatePrefix = "whsk_" // the sender's; signs only
)

func isKeyPair(text string) bool {
	return strings.HasPrefix(text, publicPrefix) || strings.HasPrefix(text, privatePrefix)
}

// told takes what says itself that it is a public key out of the secrets.
func (k Keys) told() Keys {
	public := func(text string) bool { return strings.HasPrefix(text, publicPrefix) }
	if slices.ContainsFunc(k.Secrets, public) {
		for _, text := range k.Secrets {
			if public(text) {
				k.Public = append(slices.Clone(k.Public), text)
			}
		}
		k.Secrets = slices.DeleteFunc(slices.Clone(k.Secrets), public)
	}
	return k
}

// String tells how many secrets there are, so that a log of keys holds none.
func (k Keys) String() string { return fmt.Sprintf("%d secrets", len(k.Secrets)) }

// GoString is String, for %#v.
func (k Keys) GoString() string { return k.String() }

// LogValue is String, for structured logs.
func (k Keys) LogValue() slog.Value { return slog.StringValue(k.String()) }

// Refusal says why a request is not proved. Reason is for the operator, never for the sender; it holds no secret and no
// expected signature.
type Refusal struct{ Reason string }

func (e *Refusal) Error() string { return e.Reason }

func refuse(format string, args ...any) error {
	return &Refusal{Reason: fmt.Sprintf(format, args...)}
}

// prover is a compiled Scheme of one kind.
type prover interface {
	verify(r *Request, now time.Time) error
	sign(r *Request, now time.Time) error
}

// Verifier proves requests by one Scheme and its keys. It is immutable and safe for concurrent use.
type Verifier struct {
	scheme Scheme
	prover prover
	open   Keys     // what of the keys is no secret
	key    []byte   // of the first secret, for handshakes that are answered with a MAC
	given  []string // the secrets, for Diagnose
}

// String names the kind only: what else a Verifier holds is secret.
func (v *Verifier) String() string {
	if v == nil {
		return "no verifier"
	}
	return v.scheme.all()[0].Kind + " verifier"
}

// WithSecret is a Verifier of the same Scheme with one other secret.
func (v *Verifier) WithSecret(secret string) (*Verifier, error) {
	k := v.open
	k.Secrets = []string{secret}
	return New(v.scheme, k)
}

// GoString is String, for %#v.
func (v *Verifier) GoString() string { return v.String() }

// New checks the scheme and the keys. Its errors name what is wrong and never a secret.
func New(s Scheme, k Keys) (*Verifier, error) {
	if faults := s.check(); len(faults) > 0 {
		return nil, fmt.Errorf("verify: %s", faults[0])
	}
	if slices.ContainsFunc(s.all(), func(one Scheme) bool { return one.Kind == KindEd25519 }) {
		k = k.told()
	}
	if err := s.checkSecrets(k); err != nil {
		return nil, err
	}
	prover, err := newProver(s, k)
	if err != nil {
		return nil, err
	}
	v := &Verifier{scheme: s, prover: prover, open: k.open(), given: k.Secrets}
	if len(k.Secrets) > 0 {
		v.key, _ = s.all()[0].Key.from(k.Secrets[0]) // one that cannot be a key was refused above, or is not used as one
	}
	return v, nil
}

var errNoSecret = errors.New("no secret")

func newProver(s Scheme, k Keys) (prover, error) {
	switch {
	case len(s.Any) > 0:
		return newAny(s.Any, k)
	case len(k.Secrets) == 0 && s.NeedsSecret():
		return nil, errNoSecret
	}
	switch s.Kind {
	case KindHMAC, KindHash:
		return newHMAC(s, k)
	case KindEd25519, KindECDSA, KindRSA:
		return newPublic(s, k)
	case KindJWT:
		return newJWT(s, k)
	case KindToken:
		return newToken(s, k)
	}
	return noProver{}, nil
}

// checkSecrets refuses keys that would let anybody in, or that the scheme cannot use.
func (s Scheme) checkSecrets(k Keys) error {
	if s.Kind == KindNone {
		if len(k.Secrets) > 0 {
			return errors.New("verify: none takes no secret")
		}
		return nil
	}
	if len(k.Secrets)+len(k.Public) == 0 && s.NeedsSecret() {
		return errNoSecret
	}
	for i, secret := range k.Secrets {
		if strings.TrimSpace(secret) == "" {
			return errSecret(i, len(k.Secrets), "is empty")
		}
		if _, err := s.Key.from(secret); err != nil && s.NeedsSecret() {
			return errSecret(i, len(k.Secrets), err.Error())
		}
	}
	if s.usesURL() && k.PublicURL == "" {
		return errors.New("public_url missing: the sender signs the address as it knows it")
	}
	return nil
}

// NeedsSecret reports whether the proof, or one of several, is made with something that only the sender and we know.
func (s Scheme) NeedsSecret() bool {
	for _, one := range s.all() {
		if one.Kind == KindHMAC || one.Kind == KindHash || one.Kind == KindToken || one.Kind == KindJWT && one.symmetric() {
			return true
		}
	}
	return false
}

// all are the alternatives of a scheme, or itself.
func (s Scheme) all() []Scheme {
	if len(s.Any) > 0 {
		return s.Any
	}
	return []Scheme{s}
}

// errSecret names a secret by its place in the list only.
func errSecret(i, n int, what string) error {
	if n == 1 {
		return fmt.Errorf("secret %s", what)
	}
	return fmt.Errorf("secret %d of %d %s", i+1, n, what)
}

// from turns a secret into the key. Its errors do not quote it.
func (k Key) from(secret string) (key []byte, err error) {
	encoding := k.Encoding
	stripped, had := k.stripped(secret)
	if !had && slices.Contains(k.Strip, sharedPrefix) && isKeyPair(secret) {
		return nil, errors.New("is of a key pair (whpk_, whsk_), and this sender shares a secret (whsec_)")
	}
	if !had && k.Bare != "" {
		encoding = k.Bare
	}
	switch encoding {
	case "base64":
		if key, err = base64.StdEncoding.Strict().DecodeString(stripped); err != nil {
			return nil, errors.New("is not base64")
		}
	case "hex":
		if key, err = hex.DecodeString(stripped); err != nil {
			return nil, errors.New("is not hex")
		}
	default:
		key = []byte(stripped)
	}
	if len(key) == 0 {
		return nil, errors.New("is empty")
	}
	key = append(key, k.Suffix...)
	if k.Derive != "" {
		key = []byte(filter(k.Derive, string(key)))
	}
	return key, nil
}

// stripped is the secret without the first of the prefixes that it has.
func (k Key) stripped(secret string) (text string, had bool) {
	for _, prefix := range k.Strip {
		if text, had = strings.CutPrefix(secret, prefix); had {
			return text, true
		}
	}
	return secret, len(k.Strip) == 0
}

// CheckKeys lists what is odd about the keys but not wrong, such as a secret of a length that the sender does not use.
func (s Scheme) CheckKeys(k Keys) (warnings []string) {
	for i, secret := range k.Secrets {
		if n := utf8.RuneCountInString(secret); s.Key.Length > 0 && n != s.Key.Length {
			what := fmt.Sprintf("has %d characters, this sender's have %d", n, s.Key.Length)
			warnings = append(warnings, errSecret(i, len(k.Secrets), what).Error())
		}
		if secret != strings.TrimSpace(secret) {
			warnings = append(warnings, errSecret(i, len(k.Secrets), "begins or ends with white space").Error())
		}
	}
	return warnings
}

// Verify returns nil when r is proved at the time now, and a *Refusal otherwise.
func (v *Verifier) Verify(r *Request, now time.Time) error {
	if v == nil || v.prover == nil {
		return refuse("no verifier")
	}
	return v.prover.verify(r, now)
}

// Sign makes r what Verify accepts at the time now, with the first secret: it sets the header (or the query parameter,
// or the form field) of the scheme, and what else is signed and missing, such as a timestamp or an id.
func (v *Verifier) Sign(r *Request, now time.Time) error {
	if v == nil || v.prover == nil {
		return errors.New("no verifier")
	}
	return v.prover.sign(r, now)
}

// SecretHeaders lists the headers that carry the secret itself, or a token that is as good; they are never stored in
// clear nor passed on.
func (v *Verifier) SecretHeaders() (names []string) {
	for _, s := range v.schemes() {
		switch {
		case s.Token == nil:
		case s.Token.Basic:
			names = append(names, "Authorization")
		default:
			names = append(names, s.Token.compiled().Header...)
		}
	}
	return names
}

// ProofHeaders lists the headers in which the proof stands, a signature or a secret: they say nothing of other bytes.
func (v *Verifier) ProofHeaders() []string {
	names := v.SecretHeaders()
	for _, s := range v.schemes() {
		if s.Signature != nil {
			names = append(names, s.Signature.compiled().Header...)
		}
	}
	return names
}

// SecretQuery lists the query parameters that carry the secret itself.
func (v *Verifier) SecretQuery() (names []string) {
	for _, s := range v.schemes() {
		if s.Token != nil && s.Token.Query != "" {
			names = append(names, s.Token.Query)
		}
	}
	return names
}

func (v *Verifier) schemes() []Scheme {
	if v == nil {
		return nil
	}
	return v.scheme.all()
}

// noProver accepts everything: it stands only where a scheme says none.
type noProver struct{}

func (noProver) verify(*Request, time.Time) error { return nil }
func (noProver) sign(*Request, time.Time) error   { return nil }
