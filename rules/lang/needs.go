package lang

import (
	"strconv"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// need is a value at a place.
type need struct {
	at    *place
	value any // as key makes it
}

// clause is a list of needs. An event that has none of them makes the condition false, and running it would not have
// been an error: errors are counted, so a condition that errs must run.
type clause []need

const (
	// maxClauses is how many clauses of a condition are kept: an index uses one of them.
	maxClauses = 8
	// maxText is how long a text may be that a condition looks into before it comes to a need, in bytes, and
	// maxTextSteps the steps that this may take in all, so that no such condition could run out of steps.
	maxText      = 64 << 10
	maxTextSteps = MaxSteps / 2
)

// finder takes the needs of a condition from its tree.
type finder struct {
	texts []*place // looked into before a need
	steps int      // that looking takes at most
}

// needsOf gives the clauses of a condition, and the places whose text must not be longer than maxText for them to
// hold.
func needsOf(node ast.Node) ([]clause, []*place) {
	f := &finder{}
	if clauses, _ := f.walk(node); f.steps <= maxTextSteps {
		return clauses, f.texts
	}
	return nil, nil
}

// walk gives the clauses of a condition, and says whether it is total: true or false for every event, in few steps.
func (f *finder) walk(node ast.Node) (clauses []clause, total bool) {
	switch n := node.(type) {
	case *ast.BoolNode:
		return nil, true
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			_, total = f.walk(n.Node)
		}
	case *ast.BinaryNode:
		return f.binary(n)
	}
	return nil, total
}

func (f *finder) binary(n *ast.BinaryNode) (clauses []clause, total bool) {
	switch n.Operator {
	case "and", "&&":
		return f.both(n)
	case "or", "||":
		left, isLeft := f.walk(n.Left)
		right, isRight := f.walk(n.Right)
		return either(left, right), isLeft && isRight
	case "==":
		at, value, is := comparison(n)
		if is {
			clauses = []clause{{{at, key(value)}}}
		}
		return clauses, is
	case "in":
		return membership(n)
	case "!=", "<", "<=", ">", ">=":
		_, _, total = comparison(n)
	case "contains", "startsWith", "endsWith", "matches":
		total = f.text(n)
	}
	return nil, total
}

func (f *finder) both(n *ast.BinaryNode) (clauses []clause, total bool) {
	clauses, isLeft := f.walk(n.Left)
	right, isRight := f.walk(n.Right)
	if isLeft { // what stands to the right of an error is not reached
		clauses = append(clauses, right...)
	}
	return clauses[:min(len(clauses), maxClauses)], isLeft && isRight
}

// either makes the clauses of an `or`: one of both sides holds, so one clause of each.
func either(left, right []clause) (clauses []clause) {
	for _, l := range left {
		for _, r := range right {
			if len(clauses) < maxClauses {
				clauses = append(clauses, append(l[:len(l):len(l)], r...))
			}
		}
	}
	return clauses
}

// text takes note of a look into a text. It is no error in a condition when something else stands there.
func (f *finder) text(n *ast.BinaryNode) bool {
	at, isPlace := placeOf(n.Left)
	text, isText := n.Right.(*ast.StringNode)
	if !isPlace || !isText {
		return false
	}
	cost := 1 + maxText/64
	if n.Operator == "matches" {
		p, _ := newPattern(text.Value) // checked by the inspector
		cost = p.cost(maxText)
	}
	f.steps += cost
	f.texts = append(f.texts, at)
	return true
}

// comparison is a place beside a literal.
func comparison(n *ast.BinaryNode) (at *place, value any, is bool) {
	if at, is = placeOf(n.Left); is {
		value, is = literal(n.Right)
		return at, value, is
	}
	if at, is = placeOf(n.Right); is {
		value, is = literal(n.Left)
	}
	return at, value, is
}

// membership is a place in a list of literals.
func membership(n *ast.BinaryNode) (clauses []clause, is bool) {
	at, isPlace := placeOf(n.Left)
	list, isList := n.Right.(*ast.ArrayNode)
	if !isPlace || !isList {
		return nil, false
	}
	c := make(clause, len(list.Nodes))
	for i, item := range list.Nodes {
		value, is := literal(item)
		if !is {
			return nil, false
		}
		c[i] = need{at, key(value)}
	}
	return []clause{c}, true
}

func literal(node ast.Node) (value any, is bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode:
		return n.Value, true
	case *ast.FloatNode:
		return n.Value, true
	case *ast.BoolNode:
		return n.Value, true
	case *ast.NilNode:
		return nil, true
	case *ast.UnaryNode:
		if i, is := n.Node.(*ast.IntegerNode); is && n.Operator == "-" {
			return -i.Value, true
		}
	}
	return nil, false
}

// key makes the same of values that are equal: 1 and 1.0 are. Lists and maps equal no literal.
func key(v any) any {
	switch v := v.(type) {
	case nil, bool, int, string:
		return v
	case float64:
		if n := int(v); v >= -1<<63 && v < 1<<63 && float64(n) == v {
			return n
		}
		return v
	}
	return noLiteral{}
}

type noLiteral struct{}

// place is where in an event a value stands that can be read without running an expression.
type place struct {
	variable string // or
	header   string // canonical, or
	body     []step // if both are empty
}

func placeOf(node ast.Node) (*place, bool) {
	if steps, is := bodyPath(node); is {
		return &place{body: steps}, true
	}
	switch n := node.(type) {
	case *ast.ChainNode:
		return placeOf(n.Node)
	case *ast.IdentifierNode:
		switch n.Value {
		case "source", "event", "id", "method", "path", "remote_ip":
			return &place{variable: n.Value}, true
		}
	case *ast.MemberNode:
		if isNamed(n.Node, "headers") {
			return placeOfHeader(n.Property)
		}
	case *ast.CallNode:
		if isNamed(n.Callee, "header") {
			return placeOfHeader(n.Arguments[0])
		}
	}
	return nil, false
}

func placeOfHeader(name ast.Node) (*place, bool) {
	text, is := name.(*ast.StringNode)
	if !is {
		return nil, false
	}
	return &place{header: canonical(text.Value)}, true
}

func isNamed(node ast.Node, name string) bool {
	n, is := node.(*ast.IdentifierNode)
	return is && n.Value == name
}

// id is the same for places that are the same.
func (p *place) id() string {
	var id strings.Builder
	id.WriteString(p.variable + "\x00" + p.header)
	for _, s := range p.body {
		if s.isKey {
			id.WriteString("." + strconv.Quote(s.key))
		} else {
			id.WriteString("." + strconv.Itoa(s.index))
		}
	}
	return id.String()
}

// read gives what stands there, but noLiteral for lists and maps.
func (p *place) read(env *Env) any {
	r := run{env: env}
	switch {
	case p.variable != "":
		return r.variable(p.variable)
	case p.header != "":
		return r.header(p.header)
	}
	return key(env.Body.scalar(p.body))
}
