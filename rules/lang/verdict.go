package lang

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// Verdict is what is known of a condition, or of a part of it, without any event.
type Verdict struct {
	Always bool   // true for every event; else never
	Whole  bool   // of the whole condition, not of a part
	Offset int    // where it stands, in characters
	Part   string // what is always or never true
}

// Tree is an expression as it is read by who looks at it without running it. It never changes.
type Tree struct {
	root     ast.Node
	declares bool // a name may stand for something else than the event's
}

// Tree reads a program that the Compiler, or another, has made.
func (c *Compiler) Tree(p *Program) *Tree {
	tree, err := parser.ParseWithConfig(p.src, c.check)
	if err != nil {
		return &Tree{root: &ast.NilNode{}, declares: true} // cannot happen: it was compiled
	}
	return &Tree{root: tree.Node, declares: declares(tree.Node)}
}

// Verdicts says which parts of a condition are the same for every event: the whole, or else the largest parts of it.
// domain has the only values that a variable of the environment can have, where that is known.
func (t *Tree) Verdicts(domain map[string][]string) []Verdict {
	if t.declares {
		return nil
	}
	j := &judge{domain: domain}
	if v := j.of(t.root); v != unknown {
		return []Verdict{{Always: v == yes, Whole: true, Offset: start(t.root), Part: t.root.String()}}
	}
	return j.parts
}

// Implies says whether a condition is true only where the other one is. False means that it is not known.
func (t *Tree) Implies(other *Tree) bool {
	if t.declares || other.declares {
		return false
	}
	terms := joined(t.root, "and")
	for _, o := range joined(other.root, "and") {
		same := slices.ContainsFunc(terms, func(m ast.Node) bool { return m.String() == o.String() })
		if opposite := negated(o); !same && (opposite == nil || !contradict(append(slices.Clone(terms), opposite...), nil)) {
			return false
		}
	}
	return true
}

func declares(node ast.Node) bool {
	if _, is := node.(*ast.VariableDeclaratorNode); is {
		return true
	}
	return slices.ContainsFunc(children(node), declares)
}

type certainty int

const (
	unknown certainty = iota
	yes
	no
)

func certain(b bool) certainty {
	if b {
		return yes
	}
	return no
}

// judge finds what is the same for every event.
type judge struct {
	domain map[string][]string
	parts  []Verdict
}

func (j *judge) of(node ast.Node) certainty {
	if eventless(node) {
		return constantly(node)
	}
	if n, is := node.(*ast.UnaryNode); is && (n.Operator == "not" || n.Operator == "!") {
		switch j.of(n.Node) {
		case yes:
			return no
		case no:
			return yes
		}
		return unknown
	}
	if terms := joined(node, "or"); len(terms) > 1 {
		return j.any(terms)
	}
	return j.all(joined(node, "and"))
}

// all judges what `and` joins.
func (j *judge) all(terms []ast.Node) certainty {
	if contradict(terms, j.domain) {
		return no
	}
	if len(terms) == 1 {
		if opposite := negated(terms[0]); opposite != nil && contradict(opposite, j.domain) {
			return yes
		}
		return unknown
	}
	return j.each(terms, no)
}

// any judges what `or` joins.
func (j *judge) any(terms []ast.Node) certainty {
	var opposites []ast.Node
	for _, t := range terms {
		opposites = append(opposites, negated(t)...)
	}
	if contradict(opposites, nil) {
		return yes
	}
	return j.each(terms, yes)
}

// each judges the terms: one that is decides settles the whole. Otherwise what is known of a term is noted.
func (j *judge) each(terms []ast.Node, decides certainty) certainty {
	var known []Verdict
	for _, t := range terms {
		switch v := j.of(t); v {
		case decides:
			return decides
		case unknown:
		default:
			known = append(known, Verdict{Always: v == yes, Offset: start(t), Part: t.String()})
		}
	}
	if len(known) == len(terms) {
		return certain(decides == no)
	}
	j.parts = append(j.parts, known...)
	return unknown
}

// joined are the terms of a chain of one operator, the node alone when it is none.
func joined(node ast.Node, operator string) []ast.Node {
	n, is := node.(*ast.BinaryNode)
	if !is || operatorName(n) != operator {
		return []ast.Node{node}
	}
	return append(joined(n.Left, operator), joined(n.Right, operator)...)
}

func operatorName(n *ast.BinaryNode) string {
	switch n.Operator {
	case "&&":
		return "and"
	case "||":
		return "or"
	}
	return n.Operator
}

// eventless says whether a part looks at nothing of the event.
func eventless(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IdentifierNode, *ast.PointerNode, *ast.VariableDeclaratorNode:
		return false
	case *ast.CallNode:
		if callee, is := n.Callee.(*ast.IdentifierNode); is && slices.Contains([]string{"header", "skip"}, callee.Value) {
			return false
		}
	}
	return !slices.ContainsFunc(children(node), func(c ast.Node) bool { return !eventless(c) })
}

// constantly runs a constant; an error is not true.
func constantly(node ast.Node) certainty {
	p, err := Compile(node.String(), When)
	if err != nil {
		return unknown
	}
	is, err := p.Bool(&Env{})
	return certain(is && err == nil)
}

// negated are the terms that hold exactly when the given one does not, nil when that is not known: what compares with
// something missing is false either way.
func negated(node ast.Node) []ast.Node {
	flip := func(n *ast.BinaryNode, operator string) []ast.Node {
		return []ast.Node{&ast.BinaryNode{Operator: operator, Left: n.Left, Right: n.Right}}
	}
	switch n := node.(type) {
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return []ast.Node{n.Node}
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "==":
			return flip(n, "!=")
		case "!=":
			return flip(n, "==")
		case "in", "startsWith", "endsWith", "contains":
			return []ast.Node{&ast.UnaryNode{Operator: "not", Node: n}}
		}
	}
	return nil
}

// Looked is a place in the body that an expression looks at.
type Looked struct {
	Path    []string // keys; "*" for an index
	Offsets []int    // of each key, in characters
}

// Body lists the places in the body that an expression looks at by constant keys, each once. A place within lists that
// a predicate walks over is not among them.
func (t *Tree) Body() (all []Looked) {
	seen := map[string]bool{}
	var walk func(node ast.Node)
	walk = func(node ast.Node) {
		if m, is := unchained(node).(*ast.MemberNode); is {
			if root, path, known := route(m); known && root == "body" {
				if id := strings.Join(path, "."); !seen[id] {
					seen[id] = true
					all = append(all, Looked{path, offsets(m, nil)})
				}
				return
			}
		}
		for _, c := range children(node) {
			walk(c)
		}
	}
	walk(t.root)
	return all
}

// offsets are the places of the keys in a chain of members.
func offsets(node ast.Node, after []int) []int {
	m, is := unchained(node).(*ast.MemberNode)
	if !is {
		return after
	}
	return offsets(m.Node, append([]int{m.Property.Location().From}, after...))
}

func unchained(node ast.Node) ast.Node {
	if c, is := node.(*ast.ChainNode); is {
		return unchained(c.Node)
	}
	return node
}

// route is a chain of constant members from a variable on.
func route(node ast.Node) (root string, path []string, known bool) {
	switch n := unchained(node).(type) {
	case *ast.IdentifierNode:
		return n.Value, nil, slices.Contains(variables, n.Value)
	case *ast.CallNode:
		callee, is := n.Callee.(*ast.IdentifierNode)
		if !is || callee.Value != "header" || len(n.Arguments) != 1 {
			return "", nil, false
		}
		name, is := n.Arguments[0].(*ast.StringNode)
		if !is {
			return "", nil, false
		}
		return "headers", []string{strings.ToLower(name.Value)}, true
	case *ast.MemberNode:
		root, path, known = route(n.Node)
		switch key := n.Property.(type) {
		case *ast.StringNode:
			if root == "headers" {
				return root, append(path, strings.ToLower(key.Value)), known
			}
			return root, append(path, key.Value), known
		case *ast.IntegerNode:
			return root, append(path, "*"), known
		}
	}
	return "", nil, false
}

// spot names the place that a node looks at; an index is part of it.
func spot(node ast.Node) (string, bool) {
	root, path, known := route(node)
	if !known {
		return "", false
	}
	if slices.Contains(path, "*") {
		return node.String(), true
	}
	return fmt.Sprintf("%q", append([]string{root}, path...)), true
}
