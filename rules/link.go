package rules

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/hookrouter/hookrouter/rules/lang"
)

// link looks up the names in routes, and gives each source its routes.
func (p *parser) link() {
	sources := make([]string, 0, len(p.set.sourceList))
	for _, s := range p.set.sourceList {
		sources = append(sources, s.Name)
	}
	dests := make([]string, 0, len(p.set.destList))
	for _, d := range p.set.destList {
		dests = append(dests, d.Name)
	}
	for i, r := range p.set.routeList {
		r.spec.place = i
		p.linkFrom(r, sources)
		p.linkTo(r, dests)
		p.unauthorized(r, r.spec.at)
		p.linkReply(r)
		r.spec.readsBody = r.spec.reads()
		r.spec.hidden = r.spec.hides()
		p.attach(r)
	}
	for _, src := range p.set.sourceList {
		src.index = src.indexed()
		p.shadowed(src)
	}
}

// release lets go of the trees that the routes were read from.
func (p *parser) release() {
	for _, r := range p.set.routeList {
		r.spec.at, r.spec.from, r.spec.to, r.spec.transforms, r.spec.block = nil, nil, nil, nil, block{}
	}
}

func (p *parser) linkFrom(r *Route, known []string) {
	for i, name := range r.From {
		if _, ok := p.set.sources[name]; !ok && name != "*" {
			p.fault(r.spec.from[i], fmt.Sprintf("route %q: unknown source %q", r.Name, clip(name)), cmp.Or(didYouMean(name, known), "declare it under `sources`"))
		}
	}
}

func (p *parser) linkTo(r *Route, known []string) {
	for i, name := range r.To {
		d, ok := p.set.destinations[name]
		if !ok {
			p.fault(r.spec.to[i], fmt.Sprintf("route %q: unknown destination %q", r.Name, clip(name)), cmp.Or(didYouMean(name, known), "declare it under `destinations`"))
			continue
		}
		r.spec.targets = append(r.spec.targets, d)
		if r.spec.coalesce != nil {
			d.window = max(d.window, r.spec.coalesce.wait)
		}
	}
	if r.spec.transforms == nil {
		return
	}
	for i := 0; i+1 < len(r.spec.transforms.Content); i += 2 {
		key := r.spec.transforms.Content[i]
		if !slices.Contains(r.To, key.Value) {
			p.fault(key, fmt.Sprintf("route %q does not go to %q", r.Name, clip(key.Value)), cmp.Or(didYouMean(key.Value, r.To), "name it in `to`, or remove it here"))
		}
	}
}

// attach puts the route into the list of each source it takes events from.
func (p *parser) attach(r *Route) {
	if !r.Enabled {
		return
	}
	for _, src := range p.set.sourceList {
		if r.spec.everywhere || slices.Contains(r.From, src.Name) {
			src.routes = append(src.routes, r)
			src.readsBody = src.readsBody || r.spec.readsBody
		}
	}
}

// indexed makes the index of the conditions of the routes.
func (src *Source) indexed() *lang.Index {
	conditions := make([]*lang.Program, len(src.routes))
	for i, r := range src.routes {
		conditions[i] = r.spec.when
	}
	return lang.NewIndex(conditions)
}

// reads says whether anything that the route does looks into the body.
func (r *routeSpec) reads() bool {
	programs := []*lang.Program{r.when, r.transform}
	if r.coalesce != nil {
		programs = append(programs, r.coalesce.key)
	}
	for _, prog := range r.perDest {
		programs = append(programs, prog)
	}
	return r.reply.readsBody() || slices.ContainsFunc(programs, func(p *lang.Program) bool { return p != nil && p.ReadsBody() }) ||
		slices.ContainsFunc(r.headers, func(h header) bool { return h.value.readsBody() }) ||
		slices.ContainsFunc(r.targets, func(d *Destination) bool { return d.out.readsBody })
}
