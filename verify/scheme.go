package verify

import (
	"slices"
	"time"
)

// Kinds of proof.
const (
	KindHMAC    = "hmac"    // a keyed hash over parts of the request
	KindHash    = "hash"    // a plain hash over parts of the request and the secret: weaker than hmac
	KindEd25519 = "ed25519" // signatures that a public key checks
	KindECDSA   = "ecdsa"
	KindRSA     = "rsa"
	KindJWT     = "jwt"   // a signed token whose claims may bind the body and the address
	KindToken   = "token" // the secret itself, sent along: proves the sender, not the content
	KindNone    = "none"  // no proof: anybody may call
)

// Scheme says how requests of a sender are proved: where the signature stands, what it signs and with which key. It is
// plain data and the exact content of a `verify:` block. The zero Scheme is invalid, never "no proof".
type Scheme struct {
	Any  []Scheme `yaml:"any,omitempty"` // instead of all else: each proves by itself
	Kind string   `yaml:"kind,omitempty"`

	// For all that is signed. Algorithm is a hash: sha256 (default), sha1, sha384, sha512; with several, the signature
	// names one of them ({algorithm} in its prefix). For jwt it is a list of HS256, RS256, ES256 and the like.
	Algorithm Texts             `yaml:"algorithm,omitempty,flow"`
	Padding   string            `yaml:"padding,omitempty"`   // rsa: pkcs1 (default) or pss
	Encoding  string            `yaml:"encoding,omitempty"`  // of the signature: hex (default, lower case), base64, base64url (unpadded)
	Signature *Place            `yaml:"signature,omitempty"` // where it stands
	Content   Texts             `yaml:"content,omitempty"`   // what is signed, a template: see parts; of several any may fit; default {body}
	Timestamp *Timestamp        `yaml:"timestamp,omitempty"` // nil: the scheme has none
	Key       Key               `yaml:"key,omitempty"`       // how the secret becomes the key, or where public keys are
	Document  string            `yaml:"document,omitempty"`  // what {json:…} reads: the body (default), form:FIELD or multipart:FIELD
	Must      map[string]string `yaml:"must,omitempty"`      // template: the template that must yield the same text; {with:NAME?} alone: when the source gives it

	// For token and jwt.
	Token *Place `yaml:"token,omitempty"` // where it stands

	// For jwt. A claim's templates are the texts that it may have; {with:NAME?} alone: when the source gives it.
	Claims     map[string]Texts `yaml:"claims,omitempty"`
	BodyClaims map[string]Texts `yaml:"body_claims,omitempty"` // there exactly when the request has a body
	MaxAge     time.Duration    `yaml:"max_age,omitempty"`     // since iat, which must be there then
	Skew       time.Duration    `yaml:"skew,omitempty"`        // allowed between the clocks; default 1m
}

// Kinds are the kinds of proof that a sender has, each once.
func (s Scheme) Kinds() (kinds []string) {
	for _, one := range s.all() {
		if !slices.Contains(kinds, one.Kind) {
			kinds = append(kinds, one.Kind)
		}
	}
	return kinds
}

// Place is where a signature or token stands in a request: exactly one of Header, Form, Query, JSON and Basic is set.
type Place struct {
	Header []string `yaml:"header,omitempty,flow"` // alternatives; the first one present counts
	Form   string   `yaml:"form,omitempty"`        // field of a urlencoded body
	Query  string   `yaml:"query,omitempty"`       // parameter of the URL; token only
	JSON   string   `yaml:"json,omitempty"`        // path in the document; * is every element, which all must hold it
	Basic  bool     `yaml:"basic,omitempty"`       // HTTP Basic, the secret is user:password; token only

	Each     bool `yaml:"each,omitempty"`     // of the headers each that is present counts, not only the first
	Numbered int  `yaml:"numbered,omitempty"` // the header's name is followed by a number, from 1 up to this

	Prefix string `yaml:"prefix,omitempty"` // mandatory text before each value, such as "sha256="
	Bare   bool   `yaml:"bare,omitempty"`   // the prefix, or the key with Assign, may be missing

	// A header may hold a list, of which any value may match: items between Separator, each KEY Assign VALUE when
	// Assign is set; then only items with the key Field count ("t=1,v1=ab": "," "=" "v1"). Groups separates several such
	// lists, each with its own time.
	Groups    string `yaml:"groups,omitempty"`
	Separator string `yaml:"separator,omitempty"`
	Assign    string `yaml:"assign,omitempty"`
	Field     string `yaml:"field,omitempty"`
}

// Timestamp is where the signed time stands; one of Header, Field, JSON and Form is set.
type Timestamp struct {
	Header    string        `yaml:"header,omitempty"`
	Field     string        `yaml:"field,omitempty"`     // key in the signature's list
	JSON      string        `yaml:"json,omitempty"`      // path in the document
	Form      string        `yaml:"form,omitempty"`      // field of a urlencoded body
	Unit      string        `yaml:"unit,omitempty"`      // s (default) or ms since 1970, decimal digits only; rfc3339; http
	Tolerance time.Duration `yaml:"tolerance,omitempty"` // both directions; default 5m
	Past      time.Duration `yaml:"past,omitempty"`      // instead of Tolerance, for times that are over
	Future    time.Duration `yaml:"future,omitempty"`    // instead of Tolerance, for times to come
}

// Key is how a secret becomes the key of a keyed hash, or where public keys are fetched that the source does not name.
type Key struct {
	Strip    Texts  `yaml:"strip,omitempty,flow"` // prefixes of which the first that is present is taken off, such as "whsec_"
	Encoding string `yaml:"encoding,omitempty"`   // raw (default), base64, hex
	Bare     string `yaml:"bare,omitempty"`       // encoding of a secret without the prefix, when it is another
	Suffix   string `yaml:"suffix,omitempty"`     // text after the secret, such as "&"
	Derive   string `yaml:"derive,omitempty"`     // sha1 or sha256: the key is the hash of the secret
	Length   int    `yaml:"length,omitempty"`     // characters that this sender's secrets have; others are a warning

	URL   string   `yaml:"url,omitempty"`        // of the public keys (PEM, JWKS), a template
	Hosts []string `yaml:"hosts,omitempty,flow"` // the hosts that URL may lead to; * is one label or a part of it; a path may follow
	JSON  string   `yaml:"json,omitempty"`       // where in the answer the key is
	Post  string   `yaml:"post,omitempty"`       // a JSON body, as a template: the key is asked for by POST
}

// Texts is a list of which a single text is written without brackets.
type Texts []string

// MarshalYAML implements yaml.Marshaler.
func (t Texts) MarshalYAML() (any, error) {
	if len(t) == 1 {
		return t[0], nil
	}
	return []string(t), nil
}

// MarshalYAML implements yaml.Marshaler: several schemes are a list, and none is a word.
func (s Scheme) MarshalYAML() (any, error) {
	type plain Scheme
	switch {
	case len(s.Any) > 0:
		return s.Any, nil
	case s.Kind == KindNone:
		return KindNone, nil
	}
	return plain(s), nil
}
