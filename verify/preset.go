package verify

import (
	"embed"
	"io/fs"
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
	Like      string        `yaml:"-"`                      // the preset that gives what this one does not say
	Aliases   []string      `yaml:"aliases,omitempty,flow"` // other names; embedded presets only
	Title     string        `yaml:"title,omitempty"`
	Docs      string        `yaml:"docs,omitempty"`     // URL of the sender's own page
	Verified  string        `yaml:"verified,omitempty"` // how sure we are: docs, sdk (its own code was read or run), secondary
	Note      string        `yaml:"note,omitempty"`     // what a person setting it up should know
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
	Body    *string           `yaml:"body,omitempty"`    // nil = the usual one, "" = none
	Refused int               `yaml:"refused,omitempty"` // status for a request that is not proved; 0 = 401
}

// Param is a further parameter of a preset, given under `with:`.
type Param struct {
	Name     string `yaml:"name"`
	Note     string `yaml:"note,omitempty"`
	Required bool   `yaml:"required,omitempty"`
	Example  string `yaml:"example,omitempty"` // what the samples have there
}

// SampleInfo describes a sample request of a preset.
type SampleInfo struct {
	Event   string            `yaml:"event"`
	Method  string            `yaml:"method,omitempty"` // default POST
	Headers map[string]string `yaml:"headers,omitempty"`
	Query   string            `yaml:"query,omitempty"`
	Body    string            `yaml:"body,omitempty"` // file under providers/samples
	Text    string            `yaml:"text,omitempty"` // the body itself, instead of a file
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

// inherit takes from the parent what the preset does not say itself: how it proves itself and is answered, not what it is
// called. Its samples are the parent's when it has none.
func (p *Preset) inherit(parent *Preset, verifies bool) {
	if !verifies {
		p.Verify = parent.Verify
	}
	for _, text := range []struct{ own, theirs *string }{
		{&p.Type, &parent.Type}, {&p.Dedupe, &parent.Dedupe}, {&p.SenderID, &parent.SenderID}, {&p.Body, &parent.Body},
		{&p.MaxBody, &parent.MaxBody},
	} {
		if *text.own == "" {
			*text.own = *text.theirs
		}
	}
	if p.Handshake == nil {
		p.Handshake = parent.Handshake
	}
	if p.Methods == nil {
		p.Methods = parent.Methods
	}
	if p.Respond == nil {
		p.Respond = parent.Respond
	}
	if p.With == nil {
		p.With = parent.With
	}
	if p.Samples == nil {
		p.Samples = parent.Samples
	}
}

// presets are those of the embedded files, by name and by alias.
type presets struct{ byName, byAlias map[string]*Preset }

func (c presets) find(name string) (*Preset, bool) {
	if p, ok := c.byName[name]; ok {
		return p, true
	}
	p, ok := c.byAlias[name]
	return p, ok
}

// catalog is read once, on first use. The embedded files are checked by a test, so here a bad one is only left out.
var catalog = sync.OnceValue(func() presets {
	found, _ := readCatalog(providers)
	return found
})

// readCatalog reads every preset in the folder providers and the problems of each. Those that are like another are read
// when that is known.
func readCatalog(files fs.FS) (presets, map[string][]Problem) {
	found := presets{byName: make(map[string]*Preset), byAlias: make(map[string]*Preset)}
	problems := make(map[string][]Problem)
	entries, _ := fs.ReadDir(files, "providers")
	for range maxLike {
		for _, entry := range entries {
			name, isPreset := strings.CutSuffix(entry.Name(), ".yaml")
			if !isPreset || found.byName[name] != nil {
				continue
			}
			data, _ := fs.ReadFile(files, path.Join("providers", entry.Name()))
			p, faults := parseEmbedded(name, data, found)
			if problems[name] = faults; len(faults) > 0 {
				continue
			}
			delete(problems, name)
			found.byName[name] = &p
			for _, alias := range p.Aliases {
				found.byAlias[alias] = &p
			}
		}
	}
	return found, problems
}

// maxLike is how many presets may be like one another in a row.
const maxLike = 3

func parseEmbedded(name string, data []byte, known presets) (Preset, []Problem) {
	var doc yaml.Node
	if err := yaml.Unmarshal(data, &doc); err != nil {
		return Preset{}, []Problem{{1, 1, err.Error(), ""}}
	}
	if len(doc.Content) != 1 {
		return Preset{}, []Problem{{1, 1, "empty", ""}}
	}
	d := &reader{}
	p := d.preset(name, doc.Content[0], append(BlockKeys("preset"), "samples", "aliases"), known)
	return p, d.problems
}

// Names lists the presets, sorted, without their aliases.
func Names() []string { return slices.Sorted(maps.Keys(catalog().byName)) }

// Near is the preset whose name or alias is most like one that there is not; "" when none is.
func Near(name string) string {
	all := slices.Concat(Names(), slices.Collect(maps.Keys(catalog().byAlias)))
	return strings.TrimSuffix(strings.TrimPrefix(nearest(name, all), "did you mean "), "?")
}

// Lookup finds a preset by name or alias.
func Lookup(name string) (*Preset, bool) { return catalog().find(name) }
