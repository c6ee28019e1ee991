package lang

import "github.com/expr-lang/expr/ast"

// builtin is a function of expr's. Those that take a predicate stay loops of expr's machine, over a list of ours, and
// each turn is counted; the rest are calls of ours.
func (w *writer) builtin(n *ast.BuiltinNode) ast.Node {
	if predicates[n.Name] == 0 {
		return w.call("$"+n.Name, w.site(n, n.Name, n.Arguments...), w.nodes(n.Arguments)...)
	}
	list := w.call("$list", w.site(n, n.Name, n.Arguments[0]), w.node(n.Arguments[0]))
	switch n.Name {
	case "map":
		return w.loop("map", list, w.turn(n, n.Arguments[1]))
	case "sum":
		if len(n.Arguments) == 2 {
			list = w.loop("map", list, w.turn(n, n.Arguments[1]))
		}
		return w.call("$sum", w.site(n, n.Name, n.Arguments[0]), list)
	case "count":
		if len(n.Arguments) == 1 {
			element := w.located(n.Arguments[0], &ast.PointerNode{})
			return w.loop("count", list, w.call("$turnTruth", w.site(n, n.Name, element), &ast.PointerNode{}))
		}
	case "groupBy":
		return w.call("$groupBy", w.site(n, n.Name, n.Arguments[0]), w.loop("map", list, w.pair(n)))
	case "sortBy":
		args := append([]ast.Node{w.loop("map", list, w.pair(n))}, w.nodes(n.Arguments[2:])...)
		operands := append([]ast.Node{n.Arguments[0]}, n.Arguments[2:]...)
		return w.call("$sortBy", w.site(n, n.Name, operands...), args...)
	case "reduce":
		args := []ast.Node{list, w.turn(n, n.Arguments[1])}
		return &ast.BuiltinNode{Name: "reduce", Arguments: append(args, w.nodes(n.Arguments[2:])...)}
	}
	return w.loop(n.Name, list, w.turnTruth(n, n.Arguments[1]))
}

func (w *writer) loop(name string, list, body ast.Node) ast.Node {
	return &ast.BuiltinNode{Name: name, Arguments: []ast.Node{list, &ast.PredicateNode{Node: body}}}
}

// turn is the body of a loop.
func (w *writer) turn(n *ast.BuiltinNode, body ast.Node) ast.Node {
	return w.call("$turn", w.site(n, n.Name), w.node(inner(body)))
}

// turnTruth is the body of a loop that asks for true or false.
func (w *writer) turnTruth(n *ast.BuiltinNode, body ast.Node) ast.Node {
	return w.call("$turnTruth", w.site(n, n.Name, inner(body)), w.node(inner(body)))
}

// pair is the body of a loop that keeps each element beside what was computed of it.
func (w *writer) pair(n *ast.BuiltinNode) ast.Node {
	pair := &ast.ArrayNode{Nodes: []ast.Node{w.node(inner(n.Arguments[1])), &ast.PointerNode{}}}
	return w.call("$turn", w.site(n, n.Name), pair)
}

func inner(body ast.Node) ast.Node {
	if p, is := body.(*ast.PredicateNode); is {
		return p.Node
	}
	return body
}
