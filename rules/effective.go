package rules

import (
	"bytes"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"
)

// Effective gives what a file means, as YAML: with the files that it includes, defaults written out, and *** for secrets
// and for what comes from references. Its error is that of Parse.
func Effective(file File, o Options) ([]byte, error) {
	p := newParser(o)
	set := p.parse(file)
	if len(p.faults) > 0 {
		return nil, p.sorted(p.faults)
	}
	all, _ := p.sections(p.roots)
	top := &yaml.Node{Kind: yaml.MappingNode}
	defaults := first(all["defaults"])
	for _, r := range topKeys.rows {
		if n := set.effective(r.key, all[r.key], defaults); n != nil {
			put(top, r.key, n)
		}
	}
	var b bytes.Buffer
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(top); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// effective is the value of a key of the top, nil when nothing is to be said.
func (s *Set) effective(key string, nodes []*yaml.Node, defaults *yaml.Node) *yaml.Node {
	switch key {
	case "include", "defaults":
		return nil // said where it counts
	case "version":
		return scalarNode("1")
	case "retention":
		n := &yaml.Node{Kind: yaml.MappingNode}
		if given := first(nodes); given != nil {
			n = redacted(given, "")
		}
		fill(n, keepKeys, nil)
		return n
	}
	joined := &yaml.Node{}
	for _, n := range nodes {
		joined.Kind = n.Kind
		joined.Content = append(joined.Content, redacted(n, key).Content...)
	}
	if len(joined.Content) == 0 {
		return nil
	}
	for i := 0; joined.Kind == yaml.MappingNode && i < len(joined.Content); i += 2 {
		name := joined.Content[i].Value
		switch key {
		case "sources":
			effectiveSource(s.sources[name], joined.Content[i+1])
		case "destinations":
			joined.Content[i+1] = effectiveDestination(s.destinations[name], joined.Content[i+1], defaults)
		}
	}
	return joined
}

func effectiveSource(src *Source, n *yaml.Node) {
	methods := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
	for _, m := range src.Methods {
		methods.Content = append(methods.Content, scalarNode(m))
	}
	for _, x := range []struct {
		key   string
		value *yaml.Node
	}{{"path", scalarNode(src.Path)}, {"methods", methods}, {"max_body", scalarNode(spellSize(src.MaxBody))}} {
		if child(n, x.key) == nil {
			put(n, x.key, x.value)
		}
	}
	fill(n, sourceKeys, nil)
}

func effectiveDestination(d *Destination, n, defaults *yaml.Node) *yaml.Node {
	if n.Kind == yaml.ScalarNode {
		url := n
		n = &yaml.Node{Kind: yaml.MappingNode}
		put(n, "url", url)
	}
	fill(n, destKeys, defaults)
	put(child(n, "limit"), "concurrency", scalarNode(strconv.Itoa(d.Limit.Concurrency)))
	retry, breaker := child(n, "retry"), child(n, "breaker")
	if len(d.Retry.Schedule) > 0 {
		drop(retry, "backoff", "max_backoff")
	} else {
		drop(retry, "schedule")
		put(retry, "max_backoff", scalarNode(spell(d.Retry.MaxBackoff)))
	}
	if d.Breaker.Failures == 0 {
		drop(breaker, "failures")
	}
	if d.Breaker.Ratio == 0 {
		drop(breaker, "ratio")
	} else {
		put(breaker, "min", scalarNode(strconv.Itoa(d.Breaker.Min)))
		put(breaker, "window", scalarNode(spell(d.Breaker.Window)))
	}
	return n
}

// drop takes keys that do not count out of a mapping: another way was said, here or among the defaults.
func drop(n *yaml.Node, names ...string) {
	for i := len(n.Content) - 2; i >= 0; i -= 2 {
		if slices.Contains(names, n.Content[i].Value) {
			n.Content = slices.Delete(n.Content, i, i+2)
		}
	}
}

// fill writes out what holds for the keys of a block that are not there: what is inherited, or the default.
func fill(n *yaml.Node, k keys, inherited *yaml.Node) {
	for _, r := range k.rows {
		given, from := child(n, r.key), (*yaml.Node)(nil)
		if inherited != nil {
			from = child(inherited, r.key)
		}
		within, isBlock := policyBlock(r.key)
		m := literalDefault.FindStringSubmatch(r.def)
		switch {
		case isBlock && slices.ContainsFunc(policyRows(), func(p row) bool { return p.key == r.key }) && k.name == destKeys.name:
			if given == nil {
				given = &yaml.Node{Kind: yaml.MappingNode}
				put(n, r.key, given)
			}
			fill(given, within, from)
		case given != nil:
		case from != nil:
			put(n, r.key, redacted(from, r.key))
		case m != nil:
			put(n, r.key, literalNode(m[1]))
		}
	}
}

// literalNode is a default as the file would have it.
func literalNode(text string) *yaml.Node {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil || len(doc.Content) == 0 {
		return scalarNode(text)
	}
	return bare(doc.Content[0])
}

// policyBlock is the table of a block that destinations inherit key by key.
func policyBlock(key string) (keys, bool) {
	for _, k := range []keys{retryKeys, breakerKeys, limitKeys} {
		if k.name == key {
			return k, true
		}
	}
	return keys{}, false
}

// put sets a key of a mapping.
func put(n *yaml.Node, key string, value *yaml.Node) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			n.Content[i+1] = value
			return
		}
	}
	n.Content = append(n.Content, scalarNode(key), value)
}

func scalarNode(text string) *yaml.Node { return &yaml.Node{Kind: yaml.ScalarNode, Value: text} }

// redacted is a copy without comments and without what is secret; key is the one that it stands under.
func redacted(n *yaml.Node, key string) *yaml.Node {
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style}
	switch {
	case slices.Contains(words("tests when transform coalesce order_by type dedupe"), key):
		return bare(n) // nothing in them is filled in
	case n.Kind == yaml.ScalarNode && slices.Contains([]string{"secret", "password", "with"}, key):
		return scalarNode(mask)
	case n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "${"):
		return scalarNode(withoutReferences(n.Value))
	}
	for i := range n.Content {
		under := key // also of the elements of a list, and of what has any name
		if n.Kind == yaml.MappingNode && i%2 == 0 {
			c.Content = append(c.Content, bare(n.Content[i]))
			continue
		}
		if n.Kind == yaml.MappingNode && !slices.Contains(words("with headers query"), key) {
			under = n.Content[i-1].Value
		}
		c.Content = append(c.Content, redacted(n.Content[i], under))
	}
	return c
}

// bare is a copy without comments.
func bare(n *yaml.Node) *yaml.Node {
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style}
	for _, x := range n.Content {
		c.Content = append(c.Content, bare(x))
	}
	return c
}

// withoutReferences is a text with *** for each reference.
func withoutReferences(s string) string {
	pieces, bad := split(s, true)
	if bad != nil {
		return mask
	}
	var b strings.Builder
	for _, x := range pieces {
		switch x.kind {
		case literalPiece:
			b.WriteString(strings.ReplaceAll(x.text, "$", "$$"))
		case exprPiece:
			b.WriteString("$(" + x.text + ")")
		default:
			b.WriteString(mask)
		}
	}
	return b.String()
}
