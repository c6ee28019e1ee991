package verify

import "time"

// Kinds of proof.
const (
	KindHMAC  = "hmac"  // a keyed hash over parts of the request
	KindToken = "token" // the secret itself, sent along: proves the sender, not the content
	KindNone  = "none"  // no proof: anybody may call
)

// Scheme says how requests of a sender are proved: where the signature stands, what it signs and with which key. It is
// plain data and the exact content of a `verify:` block. The zero Scheme is invalid, never "no proof".
type Scheme struct {
	Kind string `yaml:"kind"`

	// For hmac.
	Algorithm string     `yaml:"algorithm,omitempty"` // sha256 (default), sha1, sha512
	Encoding  string     `yaml:"encoding,omitempty"`  // of the signature: hex (default, lower case), base64, base64url (unpadded)
	Signature *Place     `yaml:"signature,omitempty"` // where it stands
	Content   string     `yaml:"content,omitempty"`   // what is signed, a template: see parts; default {body}
	Timestamp *Timestamp `yaml:"timestamp,omitempty"` // nil: the scheme has none
	Key       Key        `yaml:"key,omitempty"`       // how the secret becomes the key

	// For token.
	Token *Place `yaml:"token,omitempty"` // where it stands
}

// Place is where a signature or token stands in a request: exactly one of Header, Form, Query and Basic is set.
type Place struct {
	Header []string `yaml:"header,omitempty,flow"` // alternatives; the first one present counts
	Form   string   `yaml:"form,omitempty"`        // field of a urlencoded body
	Query  string   `yaml:"query,omitempty"`       // parameter of the URL; token only
	Basic  bool     `yaml:"basic,omitempty"`       // HTTP Basic, the secret is user:password; token only

	Prefix string `yaml:"prefix,omitempty"` // mandatory text before each value, such as "sha256="

	// A header may hold a list, of which any value may match: items between Separator, each KEY Assign VALUE when
	// Assign is set; then only items with the key Field count ("t=1,v1=ab": "," "=" "v1").
	Separator string `yaml:"separator,omitempty"`
	Assign    string `yaml:"assign,omitempty"`
	Field     string `yaml:"field,omitempty"`
}

// Timestamp is where the signed time stands; one of Header and Field is set.
type Timestamp struct {
	Header    string        `yaml:"header,omitempty"`
	Field     string        `yaml:"field,omitempty"`     // key in the signature's list
	Unit      string        `yaml:"unit,omitempty"`      // s (default) or ms since 1970, decimal digits only
	Tolerance time.Duration `yaml:"tolerance,omitempty"` // both directions; default 5m
}

// Key is how a secret becomes the key of the keyed hash.
type Key struct {
	Strip    string `yaml:"strip,omitempty"`    // prefix taken off when present, such as "whsec_"
	Encoding string `yaml:"encoding,omitempty"` // raw (default), base64, hex
	Length   int    `yaml:"length,omitempty"`   // characters that this sender's secrets have; others are a warning
}
