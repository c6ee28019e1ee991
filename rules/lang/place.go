package lang

import (
	"slices"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// place is where in an event a value stands, known when compiling.
type place struct {
	variable string // or
	header   string // canonical, or
	body     []step // when both are empty
	id       string // the same for places that are the same
}

// places holds each place of several expressions once.
type places map[string]*place

func (all places) once(p place) *place {
	var id strings.Builder
	id.WriteString(p.variable + "\x00" + p.header)
	for _, s := range p.body {
		if s.isKey {
			id.WriteString("." + strconv.Quote(s.key))
		} else {
			id.WriteString("." + strconv.Itoa(s.index))
		}
	}
	p.id = id.String()
	known, is := all[p.id]
	if !is {
		known = &p
		all[p.id] = known
	}
	return known
}

// of says which place a node of a checked tree is, if it is one.
func (all places) of(node ast.Node) (*place, bool) {
	if steps, is := bodyPath(node); is {
		return all.once(place{body: steps}), true
	}
	switch n := node.(type) {
	case *ast.ChainNode:
		return all.of(n.Node)
	case *ast.IdentifierNode:
		if slices.Contains(variables, n.Value) { // another is declared by let
			return all.once(place{variable: n.Value}), true
		}
	case *ast.MemberNode:
		if isNamed(n.Node, "headers") {
			return all.ofHeader(n.Property)
		}
	case *ast.CallNode:
		if isNamed(n.Callee, "header") {
			return all.ofHeader(n.Arguments[0])
		}
	}
	return nil, false
}

func (all places) ofHeader(name ast.Node) (*place, bool) {
	text, is := name.(*ast.StringNode)
	if !is {
		return nil, false
	}
	return all.once(place{header: canonical(text.Value)}), true
}

func isNamed(node ast.Node, name string) bool {
	n, is := node.(*ast.IdentifierNode)
	return is && n.Value == name
}

func bodyPath(node ast.Node) ([]step, bool) {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return nil, n.Value == "body"
	case *ast.ChainNode:
		return bodyPath(n.Node)
	case *ast.MemberNode:
		steps, is := bodyPath(n.Node)
		if !is {
			return nil, false
		}
		switch p := n.Property.(type) {
		case *ast.StringNode:
			return append(steps, step{isKey: true, key: p.Value}), true
		case *ast.IntegerNode:
			return append(steps, step{index: p.Value}), true
		}
	}
	return nil, false
}

// value gives what stands there.
func (p *place) value(r *run) any { return p.get(r, (*Body).at) }

// scalar gives what stands there as a key of an index; lists and maps are not decoded for it.
func (p *place) scalar(r *run) any { return key(p.get(r, (*Body).scalar)) }

func (p *place) get(r *run, look func(*Body, []step) any) any {
	r.step(1)
	switch {
	case p.header != "":
		r.step(len(r.env.Header) / 16)
		return r.header(p.header)
	case p.variable != "":
		return r.variable(p.variable)
	}
	b := r.env.Body
	before := b.hops()
	v := look(b, p.body)
	r.step((b.hops() - before) / 64)
	return v
}
