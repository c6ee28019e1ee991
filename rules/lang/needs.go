package lang

import "github.com/expr-lang/expr/ast"

// need is a value at a place.
type need struct {
	at    *place
	value any // as key makes it
}

// clause is a list of needs. An event that has none of them makes the condition false.
type clause []need

// necessary is what a condition must find in an event. Each clause holds alone: an event that does not fulfil it makes the
// condition false, and running it would not have been an error. Errors are counted, so a condition that errs must run.
type necessary struct {
	clauses []clause
	places  []*place // that are looked at until it is false
	texts   []*place // those of them whose text must not be longer than maxText
	steps   int      // that it takes at most until then, beside looking at places
}

const (
	// maxClauses is how many clauses of a condition are kept: an index uses one of them.
	maxClauses = 8
	// maxText is how long a text may be that a condition looks into before it is false, in bytes.
	maxText = 256
)

// needsOf gives the needs of a condition, nil when it has none. Such a condition is false well within FreeSteps, so that
// not running it changes nothing for the others either.
func needsOf(node ast.Node, seen places) *necessary {
	f := &finder{seen: seen}
	clauses, _ := f.walk(node)
	if len(clauses) == 0 || f.found.steps > FreeSteps/2 {
		return nil
	}
	f.found.clauses = clauses
	return &f.found
}

// finder takes the needs of a condition from its tree.
type finder struct {
	seen  places
	found necessary
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
		at, value, is := f.comparison(n)
		if is {
			clauses = []clause{{{at, key(value)}}}
		}
		return clauses, is
	case "in":
		return f.membership(n)
	case "!=", "<", "<=", ">", ">=":
		_, _, total = f.comparison(n)
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

// look takes note of an operation on a place, and of the steps that it takes.
func (f *finder) look(at *place, steps int) {
	f.found.places = append(f.found.places, at)
	f.found.steps += 1 + steps
}

// text takes note of a look into a text. It is no error in a condition when something else stands there.
func (f *finder) text(n *ast.BinaryNode) bool {
	at, isPlace := f.placeOf(n.Left)
	text, isText := n.Right.(*ast.StringNode)
	if !isPlace || !isText {
		return false
	}
	steps := 1 + maxText/64
	if n.Operator == "matches" {
		p, _ := newPattern(text.Value) // checked by the inspector
		steps = p.cost(maxText)
	}
	f.look(at, steps)
	f.found.texts = append(f.found.texts, at)
	return true
}

// comparison is a place beside a literal.
func (f *finder) comparison(n *ast.BinaryNode) (at *place, value any, is bool) {
	at, isPlace := f.placeOf(n.Left)
	value, is = literal(n.Right)
	if !isPlace {
		at, isPlace = f.placeOf(n.Right)
		value, is = literal(n.Left)
	}
	if !isPlace || !is {
		return nil, nil, false
	}
	f.look(at, sizeOf(value)/64)
	return at, value, true
}

// membership is a place in a list of literals.
func (f *finder) membership(n *ast.BinaryNode) (clauses []clause, is bool) {
	at, isPlace := f.placeOf(n.Left)
	list, isList := n.Right.(*ast.ArrayNode)
	if !isPlace || !isList {
		return nil, false
	}
	c, steps := make(clause, len(list.Nodes)), 0
	for i, item := range list.Nodes {
		value, is := literal(item)
		if !is {
			return nil, false
		}
		if _, isText := value.(string); !isText {
			steps++
		}
		steps += sizeOf(value) / 64
		c[i] = need{at, key(value)}
	}
	f.look(at, steps)
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

// placeOf is a place that may hold the value of a literal, and is no larger than what senders may send as a header.
func (f *finder) placeOf(node ast.Node) (*place, bool) {
	at, is := f.seen.of(node)
	if !is {
		return nil, false
	}
	switch at.variable {
	case "", "source", "event", "id", "method", "path", "remote_ip":
		return at, true
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
