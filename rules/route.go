package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/rules/lang"
)

// routeSpec is a route ready to run.
type routeSpec struct {
	// Where things stand, for faults while names are linked; nil afterwards.
	at         *yaml.Node
	block      block
	from, to   []*yaml.Node
	transforms *yaml.Node

	place int // in the order of all routes

	when       *lang.Program            // nil: always
	transform  *lang.Program            // for all destinations
	perDest    map[string]*lang.Program // instead, by destination
	method     string
	headers    []header
	coalesce   *coalesce
	reply      *reply
	targets    []*Destination
	readsBody  bool
	everywhere bool // from: "*"

	hidden map[string][]string // by destination: values that no answer of it may show
}

// coalesce is how events become one delivery.
type coalesce struct {
	key       *lang.Program
	wait, max time.Duration
}

func (r *Route) leadsTo(destination string) bool {
	return r.Enabled && slices.Contains(r.To, destination)
}

// program is the transform for a destination, nil when there is none.
func (r *routeSpec) program(destination string) *lang.Program {
	if r.perDest != nil {
		return r.perDest[destination]
	}
	return r.transform
}

func (p *parser) readRoutes(nodes []*yaml.Node) {
	for _, x := range p.items(nodes, "route") {
		r, ok := p.route(x)
		if !ok {
			continue
		}
		p.set.routeList = append(p.set.routeList, r)
		if r.Name == "" {
			continue
		}
		if first, taken := p.set.routes[r.Name]; taken {
			p.twice("route", r.spec.at, first.spec.at)
			continue
		}
		p.set.routes[r.Name] = r
	}
}

func (p *parser) route(n *yaml.Node) (*Route, bool) {
	what := "a route"
	if name := peek(n, "name"); name != "" {
		what = fmt.Sprintf("route %q", name)
	}
	b, ok := p.block(n, what, routeKeys)
	if !ok {
		return nil, false
	}
	r := &Route{Enabled: true, spec: routeSpec{at: n, block: b}}
	if name := b.get("name"); name == nil {
		p.fault(n, "a route has no name", nameHint)
	} else if s, ok := p.scalar(name, "name"); ok && p.name(name) {
		r.Name, r.spec.at = s, name
	}
	p.ends(r, b, what)
	p.conditions(r, b)
	p.shape(r, b)
	return r, true
}

// peek reads the scalar of a key for messages, "" when it is not there.
func peek(n *yaml.Node, key string) string {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return clip(n.Content[i+1].Value)
		}
	}
	return ""
}

// ends reads where events come from and where they go. The names are looked up when all are known.
func (p *parser) ends(r *Route, b block, what string) {
	if n := b.get("from"); n == nil {
		p.fault(b.node, what+" has no from", "name a source, or write `from: \"*\"` for all")
	} else {
		r.From, r.spec.from = p.names(n, "from")
	}
	if n := b.get("to"); n != nil {
		r.To, r.spec.to = p.names(n, "to")
	}
	r.spec.everywhere = slices.Contains(r.From, "*")
	if r.spec.everywhere && len(r.From) > 1 {
		p.fault(b.get("from"), `from: "*" is all sources, others beside it mean nothing`, "write `from: \"*\"`, or the names")
	}
}

// names reads a name or a list of them, each once.
func (p *parser) names(n *yaml.Node, what string) (list []string, nodes []*yaml.Node) {
	for _, x := range p.list(n, what) {
		s, ok := p.scalar(x, what)
		switch {
		case !ok:
		case slices.Contains(list, s):
			p.fault(x, fmt.Sprintf("%s names %q twice", what, clip(s)), "remove one")
		default:
			list, nodes = append(list, s), append(nodes, x)
		}
	}
	return list, nodes
}

func (p *parser) conditions(r *Route, b block) {
	if n := b.get("when"); n != nil {
		r.When = strings.TrimSpace(n.Value)
		r.spec.when = p.expression(n, "when", lang.When)
	}
	if n := b.get("stop"); n != nil {
		r.Stop = p.boolean(n, "stop")
	}
	if n := b.get("enabled"); n != nil {
		r.Enabled = p.boolean(n, "enabled")
	}
	if n := b.get("coalesce"); n != nil {
		r.spec.coalesce = p.coalesce(n)
	}
	if n := b.get("reply"); n != nil {
		r.spec.reply = p.reply(n)
	}
}

func (p *parser) coalesce(n *yaml.Node) *coalesce {
	b, ok := p.block(n, "coalesce", mergeKeys)
	if !ok {
		return nil
	}
	c := &coalesce{}
	if n := b.get("key"); n != nil {
		c.key = p.expression(n, "key", lang.Text)
	} else {
		p.fault(b.node, "coalesce has no key", "events with the same key become one delivery: `key: body.id`")
	}
	if n := b.get("wait"); n != nil {
		p.setDuration(&c.wait, n, "wait", day)
	} else {
		p.fault(b.node, "coalesce has no wait", "`wait: 10s` is the quiet time after the last event")
	}
	if n := b.get("max"); n != nil {
		p.setDuration(&c.max, n, "max", 7*day)
		if c.max > 0 && c.max < c.wait {
			p.fault(n, fmt.Sprintf("max %s is below wait %s", spell(c.max), spell(c.wait)), "make it longer than wait, or leave it out")
		}
	}
	if c.key == nil {
		return nil
	}
	return c
}

// shape reads how the route's requests look.
func (p *parser) shape(r *Route, b block) {
	if n := b.get("method"); n != nil {
		r.spec.method = p.method(n, "method")
	}
	if n := b.get("headers"); n != nil {
		r.spec.headers = p.headers(n, true)
	}
	n := b.get("transform")
	switch {
	case n == nil:
	case n.Kind == yaml.MappingNode:
		r.spec.transforms, r.spec.perDest = n, map[string]*lang.Program{}
		fields, _ := p.mapping(n, "transform")
		for _, f := range fields {
			r.spec.perDest[f.key.Value] = p.expression(f.value, f.key.Value, lang.Transform)
		}
		if len(fields) == 0 {
			p.fault(n, "transform is empty", "leave the key out, or write an expression")
		}
	default:
		r.spec.transform = p.expression(n, "transform", lang.Transform)
	}
}
