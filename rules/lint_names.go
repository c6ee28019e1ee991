package rules

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules/lang"
	"github.com/hookrouter/hookrouter/verify"
)

// unseen finds names in expressions that no body of the sender has, as far as bodies are known.
func (p *parser) unseen() {
	whole, err := lang.Compile("body", lang.Transform)
	if err != nil {
		return // cannot happen
	}
	known := map[string][]any{}
	for _, s := range p.set.sourceList {
		known[s.Name] = p.bodies(s, whole)
	}
	for _, r := range p.set.routeList {
		var bodies []any
		for _, s := range p.set.sourceList {
			if r.spec.everywhere || slices.Contains(r.From, s.Name) {
				if len(known[s.Name]) == 0 {
					bodies = nil // nothing is known of what it sends
					break
				}
				bodies = append(bodies, known[s.Name]...)
			}
		}
		if len(bodies) > 0 {
			p.bodyNames(r, bodies)
		}
	}
}

// bodies are those that are known of a source: in tests, in the samples of its preset, and those that were recorded.
func (p *parser) bodies(s *Source, whole *lang.Program) (all []any) {
	add := func(ev *event.Event) {
		env := p.set.env(ev, s)
		defer p.set.done(env)
		if v, err := whole.Run(env); err == nil && v != nil {
			all = append(all, v)
		}
	}
	for _, t := range p.set.tests {
		if t.given.source == s {
			add(t.given.make())
		}
	}
	if pre, ok := verify.Lookup(s.Preset); ok && s.Preset != "" {
		for _, info := range pre.Samples {
			if r, err := verify.Sample(s.Preset, info.Event); err == nil {
				add(&event.Event{Source: s.Name, Method: r.Method, Header: r.Header, Body: r.Body})
			}
		}
	}
	if p.o.Lint.Recorded != nil {
		for _, body := range p.o.Lint.Recorded(s.Name) {
			add(&event.Event{Source: s.Name, Method: "POST", Body: body})
		}
	}
	return all
}

// bodyNames looks at the expressions of a route that read the body.
func (p *parser) bodyNames(r *Route, bodies []any) {
	b, seen := r.spec.block, map[string]bool{}
	look := func(n *yaml.Node, prog *lang.Program) {
		if n == nil || prog == nil {
			return
		}
		for _, l := range p.syntaxOf(prog).Body() {
			p.lookFor(n, r, l, bodies, seen)
		}
	}
	look(b.get("when"), r.spec.when)
	if n := b.get("coalesce"); n != nil && r.spec.coalesce != nil {
		look(child(n, "key"), r.spec.coalesce.key)
	}
	if r.spec.perDest == nil {
		look(b.get("transform"), r.spec.transform)
	}
	for _, name := range slices.Sorted(maps.Keys(r.spec.perDest)) {
		look(child(b.get("transform"), name), r.spec.perDest[name])
	}
}

func (p *parser) lookFor(n *yaml.Node, r *Route, l lang.Looked, bodies []any, seen map[string]bool) {
	at := bodies
	for i, key := range l.Path {
		next := inside(at, key)
		if len(next) > 0 {
			at = next
			continue
		}
		path := "body." + strings.Join(l.Path[:i+1], ".")
		if key == "*" || seen[path] || !slices.ContainsFunc(at, func(v any) bool { return v != nil }) {
			return // a list may be empty
		}
		seen[path] = true
		line, col := p.locate(n, l.Offsets[i])
		hint := cmp.Or(nearest(key, keysOf(at)), "correct it, or add a test with a body that has it")
		p.warnAt(line, col, codeUnseen, fmt.Sprintf("route %q: no body of a test or sample has %s", r.Name, path), hint)
		return
	}
}

// inside is what stands under a key in any of the values.
func inside(all []any, key string) (found []any) {
	for _, v := range all {
		switch v := v.(type) {
		case map[string]any:
			if x, ok := v[key]; ok {
				found = append(found, x)
			}
		case []any:
			if key == "*" {
				found = append(found, v...)
			}
		}
	}
	return found
}

func keysOf(all []any) (keys []string) {
	for _, v := range all {
		if m, is := v.(map[string]any); is {
			keys = append(keys, slices.Collect(maps.Keys(m))...)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}
