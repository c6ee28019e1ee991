package rules

import (
	"cmp"
	"fmt"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/verify"
)

// preset is a known sender, built in or from the file; at holds the nodes of its own when it is from the file.
type preset struct {
	verify.Preset
	at map[string]*yaml.Node
}

func (p *parser) readPresets(nodes []*yaml.Node) {
	p.presets = map[string]*preset{}
	for _, f := range p.section(nodes, "presets") {
		name := f.key.Value
		p.declared["preset "+name] = stands{key: f.key}
		what := fmt.Sprintf("preset %q", name)
		fields, ok := p.mapping(f.value, what)
		if !ok {
			continue
		}
		if _, taken := verify.Lookup(name); taken {
			p.fault(f.key, what+" is built in", "give yours another name; keys on a source override those of its preset")
			continue
		}
		own := &preset{at: map[string]*yaml.Node{}}
		for _, kv := range fields {
			own.at[kv.key.Value] = kv.value
		}
		p.checkExpressions(own.at)
		var problems []verify.Problem
		own.Preset, problems = verify.ParsePreset(name, f.value)
		p.problems(problems)
		own.DedupeFor = verify.DedupeFor(own.Dedupe)
		p.presets[name] = own
	}
}

// checkExpressions compiles the expressions of a preset where they stand, so that they are checked once and also when
// no source uses it.
func (p *parser) checkExpressions(at map[string]*yaml.Node) {
	if n := at["type"]; n != nil {
		p.identityExpr(n, "type")
	}
	if n := at["dedupe"]; n != nil {
		p.identityExpr(n, "dedupe")
	}
}

// problems turns what verify found in a block into faults.
func (p *parser) problems(problems []verify.Problem) {
	for _, x := range problems {
		if !p.blanked[x.Line] {
			p.faultAt(x.Line, x.Col, x.Message, cmp.Or(x.Hint, "docs/rules.md has what stands there; `hookrouter preset show github` prints a whole one"))
		}
	}
}

// findPreset gives the preset that a source names; nil with ok false after a fault.
func (p *parser) findPreset(n *yaml.Node) (pre *preset, ok bool) {
	name, ok := p.scalar(n, "preset")
	if !ok {
		return nil, false
	}
	if own, found := p.presets[name]; found {
		return own, true
	}
	if known, found := verify.Lookup(name); found {
		return &preset{Preset: *known}, true
	}
	candidates := verify.Names()
	for own := range p.presets {
		candidates = append(candidates, own)
	}
	p.fault(n, fmt.Sprintf("unknown preset %q", clip(name)), cmp.Or(didYouMean(name, candidates), "`hookrouter preset list` has all"))
	return nil, false
}
