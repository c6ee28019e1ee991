package rules

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// block is a mapping with known keys.
type block struct {
	node   *yaml.Node
	fields []field
}

type field struct{ key, value *yaml.Node }

// get gives the value of a key, nil when it is absent.
func (b block) get(key string) *yaml.Node {
	for _, f := range b.fields {
		if f.key.Value == key {
			return f.value
		}
	}
	return nil
}

// block reads a mapping and reports the keys that don't belong there.
func (p *parser) block(n *yaml.Node, what string, k keys) (block, bool) {
	fields, ok := p.mapping(n, what)
	b := block{node: n}
	for _, f := range fields {
		switch key := f.key.Value; {
		case k.has(key):
			b.fields = append(b.fields, f)
		case slices.Contains(k.later, key):
			p.fault(f.key, fmt.Sprintf("%q is not supported by this version", key), "remove it, or use a later version of hookrouter")
		default:
			p.fault(f.key, fmt.Sprintf("unknown key %q in %s", key, what), cmp.Or(didYouMean(key, k.names()), "docs/rules.md has all keys"))
		}
	}
	return b, ok
}

// mapping gives the pairs of a mapping whose keys may be anything; a key that stands twice is given once.
func (p *parser) mapping(n *yaml.Node, what string) ([]field, bool) {
	if n.Kind != yaml.MappingNode {
		if !isNull(n) {
			p.fault(n, fmt.Sprintf("%s must be a mapping, not %s", what, kindOf(n)), "write its keys below it, or within { }")
			return nil, false
		}
		p.fault(n, what+" is empty", "give it keys, or remove it")
		return nil, false
	}
	seen := make(map[string]bool, len(n.Content)/2)
	var fields []field
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode || seen[key.Value] || key.Value == "<<" {
			continue // already reported
		}
		seen[key.Value] = true
		fields = append(fields, field{key, n.Content[i+1]})
	}
	return fields, true
}

var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,63}$`)

const nameHint = "a name is 1 to 64 of a-z, 0-9, _ and -, and begins with a letter or digit"

// section reads what all files declare under one key of the top, a mapping from names; an empty one has none.
func (p *parser) section(nodes []*yaml.Node, what string) (all []field) {
	seen := map[string]*yaml.Node{}
	for _, n := range nodes {
		if isNull(n) {
			continue
		}
		fields, _ := p.mapping(n, what)
		for _, f := range fields {
			if other, taken := seen[f.key.Value]; taken {
				p.twice(strings.TrimSuffix(what, "s"), f.key, other)
				continue
			}
			p.name(f.key)
			seen[f.key.Value] = f.key
			all = append(all, f)
		}
	}
	return all
}

// twice reports a name that was declared before, maybe in another file.
func (p *parser) twice(what string, n, first *yaml.Node) {
	p.fault(n, fmt.Sprintf("%s %q stands twice, first in %s", what, clip(n.Value), p.where(first, n)), "rename one: names are unique across all files")
}

// items are the elements of a list of the top in all files; an empty one has none.
func (p *parser) items(nodes []*yaml.Node, what string) (all []*yaml.Node) {
	for _, n := range nodes {
		if n.Kind != yaml.SequenceNode && !isNull(n) {
			p.fault(n, fmt.Sprintf("%ss must be a list, not %s", what, kindOf(n)), fmt.Sprintf("begin each %s with `- name:`", what))
			continue
		}
		all = append(all, n.Content...)
	}
	return all
}

// name checks a name that the file declares.
func (p *parser) name(n *yaml.Node) bool {
	if validName.MatchString(n.Value) {
		return true
	}
	p.fault(n, fmt.Sprintf("%q is not a name", clip(n.Value)), nameHint)
	return false
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// kindOf says what a node is, for messages.
func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	}
	switch n.ShortTag() {
	case "!!null":
		return "empty"
	case "!!bool":
		return "a bool"
	case "!!int", "!!float":
		return "a number"
	case "!!timestamp":
		return "a date"
	}
	return "text"
}

// clip bounds what a message quotes.
func clip(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}
