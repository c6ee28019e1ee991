package lang

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// values are what a place may hold by the terms of a condition.
type values struct {
	only     []any // nil: anything
	limited  bool  // only counts
	not      []any
	tests    []test
	low      *bound
	high     *bound
	prefixes []string
	suffixes []string
}

type test func(text string) bool

// bound is a number that a value must be beyond.
type bound struct {
	at        float64
	inclusive bool
}

// contradict says whether terms cannot all be true, for what they say about one place or another.
func contradict(terms []ast.Node, domain map[string][]string) bool {
	at := map[string]*values{}
	for _, t := range terms {
		id, read := termOf(t)
		if read == nil {
			continue
		}
		if at[id] == nil {
			at[id] = &values{}
			at[id].start(domain, id)
		}
		read(at[id])
	}
	for _, v := range at {
		if v.empty() {
			return true
		}
	}
	return false
}

func (v *values) start(domain map[string][]string, id string) {
	for name, known := range domain {
		if id == `["`+name+`"]` {
			v.limited = true
			for _, s := range known {
				v.only = append(v.only, s)
			}
		}
	}
}

// termOf is the place that a term is about, and what it says of it; nil when that is not known.
func termOf(node ast.Node) (id string, says func(*values)) {
	switch n := node.(type) {
	case *ast.UnaryNode:
		if n.Operator != "not" && n.Operator != "!" {
			return "", nil
		}
		return notTerm(n.Node)
	case *ast.BinaryNode:
		if operatorName(n) == "or" {
			return oneOfTerms(joined(n, "or"))
		}
		return comparing(n)
	}
	return "", nil
}

// notTerm is the opposite of a comparison.
func notTerm(node ast.Node) (string, func(*values)) {
	n, is := node.(*ast.BinaryNode)
	if !is {
		return "", nil
	}
	id, known := spot(n.Left)
	if !known {
		return "", nil
	}
	switch n.Operator {
	case "==", "in":
		list, is := literals(n.Right, n.Operator == "in")
		if !is {
			return "", nil
		}
		return id, func(v *values) { v.not = append(v.not, list...) }
	case "!=":
		list, is := literals(n.Right, false)
		if !is {
			return "", nil
		}
		return id, func(v *values) { v.restrict(list) }
	case "startsWith", "endsWith", "contains":
		text, is := n.Right.(*ast.StringNode)
		if !is {
			return "", nil
		}
		holds := textTests[n.Operator]
		return id, func(v *values) { v.refuse(func(s string) bool { return holds(s, text.Value) }) }
	}
	return "", nil
}

var textTests = map[string]func(s, part string) bool{
	"startsWith": strings.HasPrefix, "endsWith": strings.HasSuffix, "contains": strings.Contains,
}

// oneOfTerms is an `or` of equalities of one place.
func oneOfTerms(terms []ast.Node) (id string, says func(*values)) {
	var all []any
	for _, t := range terms {
		n, is := t.(*ast.BinaryNode)
		if !is || n.Operator != "==" && n.Operator != "in" {
			return "", nil
		}
		here, known := spot(n.Left)
		list, is := literals(n.Right, n.Operator == "in")
		if !known || !is || id != "" && here != id {
			return "", nil
		}
		id, all = here, append(all, list...)
	}
	return id, func(v *values) { v.restrict(all) }
}

func comparing(n *ast.BinaryNode) (id string, says func(*values)) {
	right, operator := n.Right, n.Operator
	id, known := spot(n.Left)
	if !known {
		swapped, turns := map[string]string{"==": "==", "!=": "!=", "<": ">", ">": "<", "<=": ">=", ">=": "<="}[operator]
		if id, known = spot(right); !known || !turns {
			return "", nil
		}
		right, operator = n.Left, swapped
	}
	list, is := literals(right, operator == "in")
	if !is {
		return "", nil
	}
	switch operator {
	case "==", "in":
		return id, func(v *values) { v.restrict(list) }
	case "!=":
		return id, func(v *values) { v.not = append(v.not, list...) }
	case "<", "<=", ">", ">=":
		if number, is := list[0].(float64); is {
			return id, func(v *values) { v.compare(operator, number) }
		}
	case "startsWith", "endsWith", "contains":
		if text, is := list[0].(string); is {
			return id, func(v *values) { v.text(operator, text) }
		}
	}
	return "", nil
}

// literals are the values of a literal, or of a list of them; numbers are floats, as 1 and 1.0 are equal.
func literals(node ast.Node, list bool) ([]any, bool) {
	nodes := []ast.Node{node}
	if list {
		n, is := node.(*ast.ArrayNode)
		if !is {
			return nil, false
		}
		nodes = n.Nodes
	}
	all := []any{}
	for _, x := range nodes {
		switch n := x.(type) {
		case *ast.StringNode:
			all = append(all, n.Value)
		case *ast.IntegerNode:
			all = append(all, float64(n.Value))
		case *ast.FloatNode:
			all = append(all, n.Value)
		case *ast.BoolNode:
			all = append(all, n.Value)
		case *ast.NilNode:
			if !list { // nothing is in a list for what is missing
				all = append(all, nil)
			}
		default:
			return nil, false
		}
	}
	return all, true
}

func (v *values) restrict(list []any) {
	if !v.limited {
		v.limited, v.only = true, list
		return
	}
	v.only = slices.DeleteFunc(slices.Clone(v.only), func(x any) bool { return !slices.Contains(list, x) })
}

func (v *values) refuse(holds test) {
	v.tests = append(v.tests, func(s string) bool { return !holds(s) })
}

// text notes a test that only a text passes.
func (v *values) text(operator, part string) {
	switch operator {
	case "startsWith":
		v.prefixes = append(v.prefixes, part)
	case "endsWith":
		v.suffixes = append(v.suffixes, part)
	}
	holds := textTests[operator]
	v.tests = append(v.tests, func(s string) bool { return holds(s, part) })
	v.not = append(v.not, nil, true, false)
}

func (v *values) compare(operator string, number float64) {
	b := &bound{number, strings.HasSuffix(operator, "=")}
	if operator[0] == '<' {
		if v.high == nil || number < v.high.at || number == v.high.at && !b.inclusive {
			v.high = b
		}
	} else if v.low == nil || number > v.low.at || number == v.low.at && !b.inclusive {
		v.low = b
	}
}

// empty says whether nothing fulfils all that was said.
func (v *values) empty() bool {
	if v.limited {
		return !slices.ContainsFunc(v.only, v.allows)
	}
	if v.low != nil && v.high != nil && (v.low.at > v.high.at || v.low.at == v.high.at && (!v.low.inclusive || !v.high.inclusive)) {
		return true
	}
	return apart(v.prefixes, strings.HasPrefix) || apart(v.suffixes, strings.HasSuffix)
}

// apart says whether no text begins, or ends, with all parts.
func apart(parts []string, has func(s, part string) bool) bool {
	for i, a := range parts {
		for _, b := range parts[:i] {
			if !has(a, b) && !has(b, a) {
				return true
			}
		}
	}
	return false
}

func (v *values) allows(x any) bool {
	if slices.Contains(v.not, x) {
		return false
	}
	if v.low != nil || v.high != nil {
		n, is := x.(float64)
		if !is || v.low != nil && (n < v.low.at || n == v.low.at && !v.low.inclusive) ||
			v.high != nil && (n > v.high.at || n == v.high.at && !v.high.inclusive) {
			return false
		}
	}
	text, is := x.(string)
	if !is {
		return len(v.tests) == 0 || x == nil || len(v.prefixes)+len(v.suffixes) == 0
	}
	return !slices.ContainsFunc(v.tests, func(t test) bool { return !t(text) })
}
