package verify

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Problem is a fault in YAML data.
type Problem struct {
	Line, Col int // from 1; Col in characters
	Message   string
	Hint      string // may be empty
}

func (p Problem) String() string { return fmt.Sprintf("%d:%d: %s", p.Line, p.Col, p.Message) }

// reader decodes YAML nodes strictly and collects every problem with its position. It takes scalars by their text, so
// that no, 0123 and 1.10 stay what was written.
type reader struct {
	problems []Problem
	at       map[string]*yaml.Node // node of each key path, for faults found after decoding
}

func (d *reader) fail(n *yaml.Node, hint, format string, args ...any) {
	d.problems = append(d.problems, Problem{n.Line, n.Column, fmt.Sprintf(format, args...), hint})
}

// mapping returns the values by key, in the order written by keys, and reports everything else.
func (d *reader) mapping(n *yaml.Node, what string, keys ...string) map[string]*yaml.Node {
	if n.Kind != yaml.MappingNode {
		d.fail(n, mappingHint(n, what, keys), "%s must be a mapping", what)
		return nil
	}
	found := make(map[string]*yaml.Node)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(keys, key.Value) && len(keys) > 0:
			d.fail(key, suggest(key.Value, keys), "%s: unknown key %q", what, key.Value)
		case found[key.Value] != nil:
			d.fail(key, "", "%s: key %q stands twice", what, key.Value)
		default:
			found[key.Value] = value
		}
	}
	return found
}

// mappingHint shows how a name that stands alone would be written, when it can only be that of a header.
func mappingHint(n *yaml.Node, what string, keys []string) string {
	hint := "keys: " + strings.Join(keys, ", ")
	if n.Kind == yaml.ScalarNode && slices.Contains(keys, "header") && isToken(n.Value) {
		return fmt.Sprintf("for example %s: {header: %s}; %s", what, n.Value, hint)
	}
	return hint
}

// text is a scalar as written. An absent node is "", an empty scalar is a problem.
func (d *reader) text(n *yaml.Node, what string) string {
	switch {
	case n == nil:
		return ""
	case n.Kind != yaml.ScalarNode:
		d.fail(n, "", "%s must be a text", what)
		return ""
	case n.Value == "" || n.Tag == "!!null":
		d.fail(n, "leave the key out", "%s is empty", what)
		return ""
	}
	return n.Value
}

// texts is a list of texts; a single one may stand without brackets.
func (d *reader) texts(n *yaml.Node, what string) (list []string) {
	switch {
	case n == nil:
		return nil
	case n.Kind != yaml.SequenceNode:
		return []string{d.text(n, what)}
	case len(n.Content) == 0:
		d.fail(n, "leave the key out", "%s is empty", what)
	}
	for _, item := range n.Content {
		list = append(list, d.text(item, what))
	}
	return list
}

// pairs is a mapping from text to text; values may be empty.
func (d *reader) pairs(n *yaml.Node, what string) map[string]string {
	if n == nil {
		return nil
	}
	pairs := make(map[string]string)
	for key, value := range d.mapping(n, what) {
		if value.Kind != yaml.ScalarNode {
			d.fail(value, "", "%s: %s must be a text", what, key)
			continue
		}
		pairs[key] = value.Value
	}
	return pairs
}

// lists is a mapping from text to one text or several.
func (d *reader) lists(n *yaml.Node, what string) map[string]Texts {
	if n == nil {
		return nil
	}
	lists := make(map[string]Texts)
	for key, value := range d.mapping(n, what) {
		lists[key] = d.texts(value, what+"."+key)
	}
	return lists
}

func (d *reader) yes(n *yaml.Node, what string) bool {
	if n == nil {
		return false
	}
	if n.Kind != yaml.ScalarNode || n.Value != "true" && n.Value != "false" {
		d.fail(n, "", "%s must be true or false", what)
	}
	return n.Value == "true"
}

func (d *reader) number(n *yaml.Node, what string, least, most int) int {
	if n == nil {
		return 0
	}
	i, err := strconv.Atoi(d.text(n, what))
	if err != nil || i < least || i > most {
		d.fail(n, "", "%s must be a number from %d to %d", what, least, most)
		return 0
	}
	return i
}

func (d *reader) duration(n *yaml.Node, what string) time.Duration {
	if n == nil {
		return 0
	}
	t, err := time.ParseDuration(d.text(n, what))
	if err != nil || t <= 0 {
		d.fail(n, "for example 5m", "%s must be a duration over 0", what)
		return 0
	}
	return t
}

// list walks a sequence; a single mapping may stand without one.
func (d *reader) list(n *yaml.Node, what string) []*yaml.Node {
	switch {
	case n == nil:
		return nil
	case n.Kind == yaml.MappingNode:
		return []*yaml.Node{n}
	case n.Kind != yaml.SequenceNode:
		d.fail(n, "", "%s must be a mapping or a list", what)
		return nil
	}
	return n.Content
}
