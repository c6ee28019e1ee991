package lang

import (
	"github.com/expr-lang/expr/ast"
)

// writer replaces, in a checked tree, everything that touches a value by a call of an operation of ours: member
// access, operators, functions, and what loops look at. What stays expr's own is control flow: and, or, ??, conditions,
// variables, lists and loops.
type writer struct {
	when   bool
	places places
	quiet  *site // of what has no errors
}

func (w *writer) node(node ast.Node) ast.Node {
	out := w.rewrite(node)
	if out.Location().From == 0 {
		out.SetLocation(node.Location())
	}
	return out
}

func (w *writer) rewrite(node ast.Node) ast.Node {
	if p, is := w.places.of(node); is { // known places in the body are looked up without decoding what is around them
		return &ast.CallNode{Callee: &ast.IdentifierNode{Value: "$place"}, Arguments: []ast.Node{theRun(), constant(p)}}
	}
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return &ast.IdentifierNode{Value: n.Value} // declared by let
	case *ast.UnaryNode:
		return w.unary(n)
	case *ast.BinaryNode:
		return w.binary(n)
	case *ast.ChainNode:
		return w.node(n.Node)
	case *ast.MemberNode:
		return w.member(n)
	case *ast.SliceNode:
		return w.call("$slice", w.site(node, "a slice", n.Node, n.From, n.To), w.node(n.Node), w.optional(n.From), w.optional(n.To))
	case *ast.CallNode:
		return w.function(n)
	case *ast.BuiltinNode:
		return w.builtin(n)
	case *ast.VariableDeclaratorNode:
		return &ast.VariableDeclaratorNode{Name: n.Name, Value: w.node(n.Value), Expr: w.node(n.Expr)}
	case *ast.SequenceNode:
		return &ast.SequenceNode{Nodes: w.nodes(n.Nodes)}
	case *ast.ConditionalNode:
		return &ast.ConditionalNode{Cond: w.truth(n.Cond), Exp1: w.node(n.Exp1), Exp2: w.node(n.Exp2)}
	case *ast.ArrayNode:
		return w.array(n)
	case *ast.MapNode:
		return w.mapping(n)
	case *ast.StringNode:
		return constant(n.Value)
	case *ast.IntegerNode:
		return constant(n.Value)
	case *ast.FloatNode:
		return constant(n.Value)
	case *ast.BytesNode:
		return constant(n.Value)
	}
	return node // nil, true, false, #
}

func (w *writer) nodes(list []ast.Node) []ast.Node {
	out := make([]ast.Node, len(list))
	for i, n := range list {
		out[i] = w.node(n)
	}
	return out
}

func (w *writer) optional(node ast.Node) ast.Node {
	if node == nil {
		return &ast.NilNode{}
	}
	return w.node(node)
}

func theRun() ast.Node { return &ast.IdentifierNode{Value: "$env"} }

func constant(v any) ast.Node { return &ast.ConstantNode{Value: v} }

// site describes an operation for its errors.
func (w *writer) site(node ast.Node, what string, operands ...ast.Node) *site {
	s := &site{what: what, at: node.Location().From, when: w.when}
	for _, o := range operands {
		if o == nil {
			s.operands = append(s.operands, operand{})
			continue
		}
		s.operands = append(s.operands, operand{node: o, at: start(o)})
	}
	return s
}

// call makes the call of an operation: the run, the site, the operands.
func (w *writer) call(name string, s *site, args ...ast.Node) ast.Node {
	all := append([]ast.Node{theRun(), constant(s)}, args...)
	return &ast.CallNode{Callee: &ast.IdentifierNode{Value: name}, Arguments: all}
}

// member is x.y or x[y] of what is no place.
func (w *writer) member(n *ast.MemberNode) ast.Node {
	return w.call("$get", w.quiet, w.node(n.Node), w.node(n.Property))
}

func (w *writer) unary(n *ast.UnaryNode) ast.Node {
	switch n.Operator {
	case "-":
		if i, is := n.Node.(*ast.IntegerNode); is {
			return constant(-i.Value)
		}
		return w.call("$negate", w.site(n, "-", n.Node), w.node(n.Node))
	case "+":
		return w.call("$plus", w.site(n, "+", n.Node), w.node(n.Node))
	}
	return &ast.UnaryNode{Operator: "not", Node: w.truth(n.Node)}
}

func (w *writer) binary(n *ast.BinaryNode) ast.Node {
	switch n.Operator {
	case "and", "&&", "or", "||":
		return &ast.BinaryNode{Operator: n.Operator, Left: w.truth(n.Left), Right: w.truth(n.Right)}
	case "??":
		return &ast.BinaryNode{Operator: n.Operator, Left: w.node(n.Left), Right: w.node(n.Right)}
	case "matches":
		p, _ := newPattern(n.Right.(*ast.StringNode).Value) // checked by the inspector
		return w.call("$matches", w.operator(n), w.node(n.Left), constant(p))
	case "in":
		if list, is := w.node(n.Right).(*ast.ConstantNode); is {
			if values, is := list.Value.([]any); is {
				return w.call("$in", w.operator(n), w.node(n.Left), constant(newConstants(values)))
			}
		}
	}
	return w.call("$"+n.Operator, w.operator(n), w.node(n.Left), w.node(n.Right))
}

// operator is the site of a binary operator. Those that are true or false whatever they compare share one: it would keep
// the tree, for errors that they never have.
func (w *writer) operator(n *ast.BinaryNode) *site {
	if n.Operator == "==" || n.Operator == "!=" || w.when && isTruth(n) {
		return w.quiet
	}
	return w.site(n, n.Operator, n.Left, n.Right)
}

// truth is a part that must be true or false; nil is false.
func (w *writer) truth(node ast.Node) ast.Node {
	out := w.node(node)
	if isTruth(node) {
		return out
	}
	return w.located(node, w.call("$truth", w.site(node, "a condition", node), out))
}

func (w *writer) located(from, node ast.Node) ast.Node {
	node.SetLocation(from.Location())
	return node
}

// isTruth says that the rewritten node can only be true or false. The kind that expr's checker finds does not say so:
// a list of bools has nil beyond its end.
func isTruth(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.BoolNode:
		return true
	case *ast.UnaryNode:
		return n.Operator == "not" || n.Operator == "!"
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&", "or", "||", "==", "!=", "<", ">", "<=", ">=", "in", "contains", "startsWith", "endsWith", "matches":
			return true
		}
	case *ast.BuiltinNode:
		return n.Name == "all" || n.Name == "any" || n.Name == "none" || n.Name == "one"
	}
	return false
}

// array is a list; one of literals alone is made once.
func (w *writer) array(n *ast.ArrayNode) ast.Node {
	nodes := w.nodes(n.Nodes)
	values := make([]any, 0, len(nodes))
	for _, item := range nodes {
		switch c := item.(type) {
		case *ast.ConstantNode:
			values = append(values, c.Value)
		case *ast.BoolNode:
			values = append(values, c.Value)
		case *ast.NilNode:
			values = append(values, nil)
		default:
			return &ast.ArrayNode{Nodes: nodes}
		}
	}
	return constant(values)
}

func (w *writer) mapping(n *ast.MapNode) ast.Node {
	var args, operands []ast.Node
	for _, p := range n.Pairs {
		pair := p.(*ast.PairNode)
		operands = append(operands, pair.Key, pair.Value)
		args = append(args, w.node(pair.Key), w.node(pair.Value))
	}
	return w.call("$map", w.site(n, "a map", operands...), args...)
}

func (w *writer) function(n *ast.CallNode) ast.Node {
	if m, is := n.Callee.(*ast.MemberNode); is {
		name := m.Property.(*ast.StringNode).Value
		operands := append([]ast.Node{m.Node}, n.Arguments...)
		return w.call("$."+name, w.site(m, name, operands...), w.nodes(operands)...)
	}
	name := n.Callee.(*ast.IdentifierNode).Value
	return w.call("$"+name, w.site(n, name, n.Arguments...), w.nodes(n.Arguments)...)
}
