package verify

import (
	"embed"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"gopkg.in/yaml.v3"
)

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
	DedupeFor time.Duration `yaml:"-"`                   // how long a key is kept, see the function DedupeFor
	SenderID  string        `yaml:"sender_id,omitempty"` // header with the sender's own delivery id, signed or not
	Methods   []string      `yaml:"methods,omitempty,flow"`
	Body      string        `yaml:"body,omitempty"`     // json, form, …; "" = by Content-Type
	MaxBody   string        `yaml:"max_body,omitempty"` // such as 25MiB; "" = the general default
	Respond   *Respond      `yaml:"respond,omitempty"`
	With      []Param       `yaml:"with,omitempty"`
	Samples   []SampleInfo  `yaml:"samples,omitempty"` // embedded presets only
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
func DedupeFor(dedupe string) time.Duration {
	switch dedupe {
	case "", "none":
		return 0
	case "digest":
		return 10 * time.Minute
	}
	return 24 * time.Hour
}

//go:embed providers
var providers embed.FS

// catalog is read once, on first use. The embedded files are checked by a test, so here a bad one is only left out.
var catalog = sync.OnceValue(func() map[string]*Preset {
	found, _ := readCatalog()
	return found
})

// readCatalog reads every embedded preset and the problems of each.
func readCatalog() (map[string]*Preset, map[string][]Problem) {
	found, problems := make(map[string]*Preset), make(map[string][]Problem)
	entries, _ := providers.ReadDir("providers")
	for _, entry := range entries {
		name, isPreset := strings.CutSuffix(entry.Name(), ".yaml")
		if !isPreset {
			continue
		}
		data, _ := providers.ReadFile(path.Join("providers", entry.Name()))
		if p, faults := parseEmbedded(name, data); len(faults) > 0 {
			problems[name] = faults
		} else {
			found[name] = &p
		}
	}
	return found, problems
}

func parseEmbedded(name string, data []byte) (Preset, []Problem) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return Preset{}, []Problem{{1, 1, err.Error(), ""}}
	}
	if len(doc.Content) != 1 {
		return Preset{}, []Problem{{1, 1, "empty", ""}}
	}
	d := &reader{}
	p := d.preset(name, doc.Content[0], append(BlockKeys("preset"), "samples"))
	return p, d.problems
}

// Names lists the presets, sorted.
func Names() []string { return slices.Sorted(maps.Keys(catalog())) }

// Lookup finds a preset by name.
func Lookup(name string) (*Preset, bool) {
	p, ok := catalog()[name]
	return p, ok
}
