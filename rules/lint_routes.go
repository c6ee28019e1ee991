package rules

import (
	"fmt"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/rules/lang"
)

// syntaxOf reads an expression once, for all that look at it.
func (p *parser) syntaxOf(prog *lang.Program) *lang.Tree {
	t, known := p.trees[prog]
	if !known {
		t = p.compiler.Tree(prog)
		p.trees[prog] = t
	}
	return t
}

// verdicts finds conditions, and parts of them, that are the same for every event.
func (p *parser) verdicts() {
	for _, r := range p.set.routeList {
		n := r.spec.block.get("when")
		if r.spec.when == nil || n == nil {
			continue
		}
		for _, v := range p.syntaxOf(r.spec.when).Verdicts(p.domain(r)) {
			c, word, hint := codeNeverTrue, "never", "no event fulfils it: compare with `in [...]`, or join with `or`"
			if v.Always {
				c, word, hint = codeAlwaysTrue, "always", "it says nothing: leave it out, or join with `and`"
			}
			what := fmt.Sprintf("route %q: %s is %s true", r.Name, clip(v.Part), word)
			if v.Whole && !v.Always {
				what += ", so it matches nothing"
			}
			line, col := p.locate(n, v.Offset)
			p.warnAt(line, col, c, what, hint)
		}
	}
}

// domain has what the variables of a route can be, by where its events come from.
func (p *parser) domain(r *Route) map[string][]string {
	var names, methods []string
	for _, s := range p.set.sourceList {
		if r.spec.everywhere || slices.Contains(r.From, s.Name) {
			names = append(names, s.Name)
			methods = append(methods, s.Methods...)
		}
	}
	return map[string][]string{"source": names, "method": methods}
}

// maxStops bounds the conditions that a route is compared with: it is work for each pair.
const maxStops = 50

// walked is the walk over the routes of one source, as an event goes.
type walked struct {
	tree  func(*lang.Program) *lang.Tree
	stops []*Route          // seen, those without a condition first
	sent  map[string]*Route // what goes where by which route
}

// order finds routes that are never reached, and those that repeat another.
func (p *parser) order() {
	hidden := map[*Route]map[string]*Route{} // by source: which route hides it
	twice := map[string]bool{}
	for _, s := range p.set.sourceList {
		w := &walked{tree: p.syntaxOf, sent: map[string]*Route{}}
		for _, r := range s.routes {
			if by := w.stopped(r); by != nil {
				if hidden[r] == nil {
					hidden[r] = map[string]*Route{}
				}
				hidden[r][s.Name] = by
				continue
			}
			p.repeated(w, r, twice)
			if r.Stop && len(w.stops) < maxStops {
				w.stops = append(w.stops, r)
			}
		}
	}
	for _, r := range p.set.routeList {
		p.hides(r, hidden[r])
	}
}

// stopped gives the route above that takes all that r would match.
func (w *walked) stopped(r *Route) *Route {
	for _, by := range w.stops {
		if by.spec.when == nil || r.spec.when != nil && w.tree(r.spec.when).Implies(w.tree(by.spec.when)) {
			return by
		}
	}
	return nil
}

func (p *parser) hides(r *Route, by map[string]*Route) {
	sources := 0
	for _, s := range p.set.sourceList {
		if r.spec.everywhere || slices.Contains(r.From, s.Name) {
			sources++
		}
	}
	for _, s := range p.set.sourceList {
		other := by[s.Name]
		switch {
		case other == nil:
		case len(by) == sources:
			p.warn(r.spec.at, codeUnreachable, fmt.Sprintf("route %q is never reached: route %q (%s) stops all that it would match",
				r.Name, other.Name, p.where(other.spec.at, r.spec.at)), "move it up, or take `stop` away")
			return
		default:
			p.warn(r.spec.at, codeShadowed, fmt.Sprintf("route %q sees nothing of source %q: route %q (%s) stops all of it",
				r.Name, s.Name, other.Name, p.where(other.spec.at, r.spec.at)), "move it up, or take the source out of its `from`")
		}
	}
}

// repeated warns when a route sends what another has sent.
func (p *parser) repeated(w *walked, r *Route, twice map[string]bool) {
	for i, d := range r.spec.targets {
		made := strings.Join(append([]string{d.Name, r.When}, r.spec.block.written("transform", "method", "headers", "coalesce")...), "\x00")
		other := w.sent[made]
		if other == nil {
			w.sent[made] = r
			continue
		}
		if pair := other.Name + " " + r.Name + " " + d.Name; !twice[pair] {
			twice[pair] = true
			p.warn(r.spec.to[i], codeDuplicate, fmt.Sprintf("routes %q and %q send the same to %q: it gets each event twice", other.Name, r.Name, d.Name),
				"remove one")
		}
	}
}

// written is what stands under keys, so that it can be compared.
func (b block) written(keys ...string) (texts []string) {
	for _, key := range keys {
		text := ""
		if n := b.get(key); n != nil {
			out, err := yaml.Marshal(n)
			if err == nil {
				text = string(out)
			}
		}
		texts = append(texts, text)
	}
	return texts
}
