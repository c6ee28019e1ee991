package verify

import "time"

// Preset is what is known of a sender. Presets returned by Lookup are shared: copy before changing.
type Preset struct {
	Name      string        `yaml:"-"`
	Title     string        `yaml:"title,omitempty"`
	Docs      string        `yaml:"docs,omitempty"` // URL of the sender's own page
	Note      string        `yaml:"note,omitempty"` // what a person setting it up should know
	Verify    Scheme        `yaml:"verify"`
	Handshake []Handshake   `yaml:"handshake,omitempty"`
	Type      string        `yaml:"type,omitempty"`      // expression
	Dedupe    string        `yaml:"dedupe,omitempty"`    // expression over signed material, or "digest", or "none"
	DedupeFor time.Duration `yaml:"-"`                   // how long a key is kept; 0 with "none": see DedupeFor
	SenderID  string        `yaml:"sender_id,omitempty"` // header with the sender's own delivery id; signed or not
	Methods   []string      `yaml:"methods,omitempty,flow"`
	Body      string        `yaml:"body,omitempty"`     // json, form, …; "" = by Content-Type
	MaxBody   string        `yaml:"max_body,omitempty"` // such as 25MiB; "" = the general default
	Respond   *Respond      `yaml:"respond,omitempty"`
	With      []Param       `yaml:"with,omitempty"`
	Samples   []SampleInfo  `yaml:"samples,omitempty"`
}

// Respond is the answer that a sender needs to a stored event instead of the usual one.
type Respond struct {
	Status  int               `yaml:"status,omitempty"` // 2xx; 0 = the usual one
	Headers map[string]string `yaml:"headers,omitempty"`
	Body    *string           `yaml:"body,omitempty"` // nil = the usual one, "" = none
}

// Param is a further parameter of a preset, given under `with:`.
type Param struct {
	Name     string `yaml:"name"`
	Note     string `yaml:"note,omitempty"`
	Required bool   `yaml:"required,omitempty"`
}

// SampleInfo describes a sample request of a preset.
type SampleInfo struct {
	Event   string            `yaml:"event"`
	Method  string            `yaml:"method,omitempty"` // default POST
	Headers map[string]string `yaml:"headers,omitempty"`
	Body    string            `yaml:"body,omitempty"` // file under providers/samples
	Vary    []string          `yaml:"vary,omitempty"` // texts in headers and body that differ from event to event
}

// DedupeFor is how long a dedupe key is kept: 24 h for an expression, 10 min for "digest", 0 for "none" and "".
func DedupeFor(dedupe string) time.Duration { return 0 }

// Names lists the presets, sorted.
func Names() []string { return nil }

// Lookup finds a preset by name.
func Lookup(name string) (*Preset, bool) { return nil, false }

// Sample makes an unsigned, realistic request of a preset; "" is its first sample event. Sign it with a Verifier. Every
// call returns a request of its own with the same content.
func Sample(name, eventType string) (*Request, error) { return SampleN(name, eventType, 0) }

// SampleN is the n-th variant of a Sample: same size and shape, but another event by the sender's ids, so that no two
// are duplicates. 0 is the sample itself.
func SampleN(name, eventType string, n int) (*Request, error) { return nil, nil }
