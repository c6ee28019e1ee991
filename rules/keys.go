package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// keys are what a mapping may hold: now, and in a later version.
type keys struct{ now, later []string }

func words(s string) []string { return strings.Fields(s) }

// The closed list of keys.
var (
	topKeys     = keys{words("version sources presets defaults destinations routes tests retention"), words("include alerts")}
	sourceKeys  = keys{words("preset verify secret path methods body type dedupe max_body respond unmatched handshake limit allow_ip key with public_url"), nil}
	destKeys    = keys{words("url method headers query pass_headers timeout retry breaker limit"), words("order_by delay auth sign tls success egress")}
	defaultKeys = keys{words("timeout retry breaker limit pass_headers"), words("egress")}
	routeKeys   = keys{words("name from when to stop enabled transform method headers coalesce"), words("each reply")}
	limitKeys   = keys{words("concurrency rate"), nil}
	retryKeys   = keys{words("backoff max_backoff max_age attempts"), words("schedule on")}
	breakerKeys = keys{words("failures cooldown probes"), words("ratio min window")}
	mergeKeys   = keys{words("key wait max"), nil}
	respondKeys = keys{words("status headers body refused"), nil}
	keepKeys    = keys{words("history dead size"), nil}
	testKeys    = keys{words("name given expect"), nil}
	givenKeys   = keys{words("source event id received_at method headers query body"), nil}
	expectKeys  = keys{words("body headers url skip dead"), nil}
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
		case slices.Contains(k.now, key):
			b.fields = append(b.fields, f)
		case slices.Contains(k.later, key):
			p.fault(f.key, fmt.Sprintf("%q is not supported by this version", key), "")
		default:
			p.fault(f.key, fmt.Sprintf("unknown key %q in %s", key, what), didYouMean(key, k.now))
		}
	}
	return b, ok
}

// mapping gives the pairs of a mapping whose keys may be anything; a key that stands twice is given once.
func (p *parser) mapping(n *yaml.Node, what string) ([]field, bool) {
	if n.Kind != yaml.MappingNode {
		if !isNull(n) {
			p.fault(n, fmt.Sprintf("%s must be a mapping, not %s", what, kindOf(n)), "")
			return nil, false
		}
		p.fault(n, what+" is empty", "")
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

// section reads a top mapping from names; an absent or empty one has none.
func (p *parser) section(n *yaml.Node, what string) []field {
	if n == nil || isNull(n) {
		return nil
	}
	fields, _ := p.mapping(n, what)
	for _, f := range fields {
		p.name(f.key)
	}
	return fields
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
