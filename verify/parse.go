package verify

import "gopkg.in/yaml.v3"

// Problem is a fault in YAML data.
type Problem struct {
	Line, Col int // from 1; Col in characters
	Message   string
	Hint      string // may be empty
}

// ParseScheme reads a `verify:` block: a mapping, or the word none. Unknown keys and values are problems, all of them
// at once; the Scheme is usable only without.
func ParseScheme(n *yaml.Node) (Scheme, []Problem) { return Scheme{}, nil }

// ParseHandshakes reads a `handshake:` block: a mapping or a list of them.
func ParseHandshakes(n *yaml.Node) ([]Handshake, []Problem) { return nil, nil }

// ParsePreset reads one entry of `presets:`. Expressions are taken as text; who knows the language checks them.
func ParsePreset(name string, n *yaml.Node) (Preset, []Problem) { return Preset{}, nil }
