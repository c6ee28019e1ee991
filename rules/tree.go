package rules

import (
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// tree parses the text and refuses what YAML offers beyond plain data. It returns the top mapping, or nil when nothing
// more can be read.
func (p *parser) tree(text string) *yaml.Node {
	d := yaml.NewDecoder(strings.NewReader(text))
	var doc, second yaml.Node
	if err := decode(d, &doc); err != nil {
		p.syntax(err)
		return nil
	}
	switch err := decode(d, &second); {
	case err == nil && len(second.Content) > 0:
		p.faultAt(p.current().first+second.Line, second.Column, "a second document: a rules file is one", "remove the line `---`")
	case err != nil && !errors.Is(err, io.EOF):
		p.syntax(err)
		return nil
	}
	if len(doc.Content) == 0 {
		p.faultAt(0, 0, "the file is empty", "a rules file begins with `version: 1`")
		return nil
	}
	root := doc.Content[0]
	shift(root, p.current().first)
	p.plain(root)
	return root
}

// decode guards against a panic of the parser on a file it does not understand.
func decode(d *yaml.Decoder, n *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("yaml: the file cannot be parsed")
		}
	}()
	return d.Decode(n)
}

var (
	syntaxLine    = regexp.MustCompile(`^line (\d+): `)
	unknownAnchor = regexp.MustCompile(`^unknown anchor '(.*)' referenced`)
	// lineBefore are the errors for which yaml.v3 names the line before the one it means.
	lineBefore = regexp.MustCompile(`^(did not find expected (',' or|<|node content|key|'-' indicator)|found undefined tag|found duplicate %|found incompatible)`)
)

// syntax reports an error of the YAML parser. It knows the line at best, and stops at the first.
func (p *parser) syntax(err error) {
	if errors.Is(err, io.EOF) {
		p.faultAt(0, 0, "the file is empty", "a rules file begins with `version: 1`")
		return
	}
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 1 // left out for the first one
	if m := syntaxLine.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1])
		message = message[len(m[0]):]
		if lineBefore.MatchString(message) {
			line++
		}
	}
	if m := unknownAnchor.FindStringSubmatch(message); m != nil {
		line = 1 + slices.IndexFunc(p.lines[p.current().first:], func(s string) bool { return strings.Contains(s, "*"+m[1]) })
	}
	hint := syntaxHint(message) + "the rest of the file is checked when this is repaired"
	line = min(p.current().first+line, len(p.lines))
	p.hideSecretLine(line)
	p.faultAt(line, 0, "yaml: "+message, hint)
}

// syntaxHint says what the YAML parser mostly means.
func syntaxHint(message string) string {
	switch {
	case strings.Contains(message, "tab") || strings.Contains(message, "cannot start any token"):
		return "indent with spaces, not tabs; "
	case strings.HasPrefix(message, "did not find expected ','"):
		return "a bracket is not closed, or a comma is missing; "
	case strings.HasPrefix(message, "found unexpected end of stream"):
		return "a text in quotes is not closed; "
	case strings.HasPrefix(message, "did not find expected key"):
		return "look for another indentation, or for a text that needs quotes; "
	case strings.HasPrefix(message, "mapping values are not allowed"):
		return "put the value in quotes: it holds a colon and a blank; "
	}
	return ""
}

// hideSecretLine hides a line that seems to hold a secret: where the file cannot be parsed, nothing better is known.
func (p *parser) hideSecretLine(line int) {
	for i := line - 1; i >= 0; i-- {
		text := strings.TrimSpace(p.lines[i])
		if strings.Contains(text, "secret") {
			_, value, _ := strings.Cut(p.lines[line-1], ":")
			if i != line-1 {
				value = p.lines[line-1]
			}
			p.hide(strings.TrimSpace(value))
		}
		if !strings.HasPrefix(text, "- ") && strings.Contains(text, ":") {
			return
		}
	}
}

// plain walks over everything and refuses anchors, aliases, merges and keys that stand twice.
func (p *parser) plain(n *yaml.Node) {
	if n.Anchor != "" {
		p.fault(n, fmt.Sprintf("anchor %q: anchors and aliases are not supported", n.Anchor), "write the value out")
	}
	switch n.Kind {
	case yaml.AliasNode:
		p.faultAt(n.Line, n.Column, fmt.Sprintf("alias %q: anchors and aliases are not supported", n.Value), "write the value out")
		return
	case yaml.MappingNode:
		p.keysOnce(n)
	}
	for _, c := range n.Content {
		p.plain(c)
	}
}

func (p *parser) keysOnce(n *yaml.Node) {
	first := make(map[string]*yaml.Node, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if slices.Contains([]string{"secret", "sign", "bearer", "password", "client_secret"}, key.Value) {
			p.hideAll(n.Content[i+1])
		}
		switch other, twice := first[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			if key.Kind != yaml.AliasNode {
				p.fault(key, "a key must be text", "write a name before the colon")
			}
		case key.Value == "<<" && key.Style == 0:
			p.fault(key, "`<<` is not supported", "write the keys out; `defaults:` holds what all destinations share")
		case twice:
			p.fault(key, fmt.Sprintf("key %q stands twice, first in %s", key.Value, p.where(other, key)), "remove one")
		default:
			first[key.Value] = key
		}
	}
}
