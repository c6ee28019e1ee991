package lang

import (
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/parser/lexer"
)

// Clause is one of the parts of a condition that its outermost `and` joins.
type Clause struct {
	*Program            // a When
	Reads    []*Program // what of the event it looks at, each once, as far as that is known without running it
	Needs    string     // what would make it true, in words; "" when its own text says it best
}

// Clauses takes a When apart, for people: it is true exactly when all of its clauses are. One that `and` does not join,
// or that declares variables first, is its own only clause. It compiles anew at every call.
func (c *Compiler) Clauses(when *Program) []Clause {
	var list []Clause
	for _, src := range c.conjuncts(when.src) {
		part, err := c.clause(src)
		if err != nil {
			part, _ = c.clause(when.src) // the whole was compiled before
			return []Clause{part}
		}
		list = append(list, part)
	}
	return list
}

func (c *Compiler) clause(src string) (part Clause, err error) {
	if part.Program, err = c.Compile(src, When); err != nil {
		return part, err
	}
	tree, err := parser.ParseWithConfig(src, c.check)
	if err != nil {
		return part, err
	}
	for _, text := range reads(tree.Node, nil) {
		if read, err := c.Compile(text, Transform); err == nil {
			part.Reads = append(part.Reads, read)
		}
	}
	part.Needs = needs(tree.Node)
	return part, nil
}

// conjuncts cuts an expression at each `and` that joins its outermost parts; brackets around all of it count for
// nothing.
func (c *Compiler) conjuncts(src string) []string {
	tree, err := parser.ParseWithConfig(src, c.check)
	if err != nil {
		return []string{src}
	}
	joins := ands(tree.Node)
	if len(joins) == 0 {
		return []string{src}
	}
	tokens, closed := tokensOf(src)
	if closed {
		return c.conjuncts(src[charByte(src, tokens[0].To):charByte(src, tokens[len(tokens)-1].From)])
	}
	var parts []string
	from := 0
	for _, t := range tokens {
		if slices.Contains(joins, t.From) {
			parts = append(parts, c.conjuncts(strings.TrimSpace(src[from:charByte(src, t.From)]))...)
			from = charByte(src, t.To)
		}
	}
	if from == 0 {
		return []string{src}
	}
	return append(parts, c.conjuncts(strings.TrimSpace(src[from:]))...)
}

// ands are the places of the operators that join the outermost parts.
func ands(node ast.Node) (places []int) {
	for {
		n, is := node.(*ast.BinaryNode)
		if !is || n.Operator != "and" && n.Operator != "&&" {
			return places
		}
		places = append(places, n.Location().From)
		node = n.Left
	}
}

// tokensOf are the tokens outside of all brackets, and the brackets; closed says that one pair is around everything.
func tokensOf(src string) (outer []lexer.Token, closed bool) {
	lex := lexer.New()
	lex.Reset(file.NewSource(src))
	depth := 0
	for {
		t, err := lex.Next()
		if err != nil || t.Is(lexer.EOF) {
			return outer, len(outer) == 2 && outer[0].Is(lexer.Bracket, "(")
		}
		opens := t.Is(lexer.Bracket, "(") || t.Is(lexer.Bracket, "[") || t.Is(lexer.Bracket, "{")
		if t.Kind == lexer.Bracket && !opens {
			depth--
		}
		if depth == 0 {
			outer = append(outer, t)
		}
		if opens {
			depth++
		}
	}
}

// reads lists the parts of an expression that only look something up in the event, each once.
func reads(node ast.Node, found []string) []string {
	if looksUp(node) {
		if text := node.String(); !slices.Contains(found, text) {
			found = append(found, text)
		}
		return found
	}
	if n, is := node.(*ast.VariableDeclaratorNode); is {
		return reads(n.Expr, reads(n.Value, found))
	}
	for _, child := range children(node) {
		found = reads(child, found)
	}
	return found
}

func looksUp(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return slices.Contains(variables, n.Value)
	case *ast.ChainNode:
		return looksUp(n.Node)
	case *ast.MemberNode:
		return looksUp(n.Node) && isLiteral(n.Property)
	case *ast.CallNode:
		name, is := n.Callee.(*ast.IdentifierNode)
		return is && name.Value == "header" && isLiteral(n.Arguments[0])
	}
	return false
}

func isLiteral(node ast.Node) bool {
	switch n := node.(type) {
	case *ast.StringNode, *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NilNode:
		return true
	case *ast.UnaryNode:
		return n.Operator == "-" && isLiteral(n.Node)
	case *ast.ArrayNode:
		return !slices.ContainsFunc(n.Nodes, func(x ast.Node) bool { return !isLiteral(x) })
	}
	return false
}

// demands are the operators that say of what stands on their left how it must be to what stands on their right.
var demands = map[string]string{
	"==": "be", "!=": "be other than", "in": "be one of", "contains": "contain", "startsWith": "start with", "endsWith": "end with",
	"matches": "match", "<": "be below", "<=": "be at most", ">": "be above", ">=": "be at least",
}

// needs says what would make a clause true.
func needs(node ast.Node) string {
	switch n := node.(type) {
	case *ast.BinaryNode:
		left, right := n.Left, n.Right
		if n.Operator == "==" && isLiteral(left) {
			left, right = right, left
		}
		if verb := demands[n.Operator]; verb != "" && isLiteral(right) && !isLiteral(left) {
			return left.String() + " would have to " + verb + " " + right.String()
		}
	case *ast.UnaryNode:
		in, is := n.Node.(*ast.BinaryNode)
		switch {
		case n.Operator == "-" || n.Operator == "+":
		case is && in.Operator == "in" && isLiteral(in.Right):
			return in.Left.String() + " would have to be none of " + in.Right.String()
		case looksUp(n.Node):
			return n.Node.String() + " would have to be false"
		}
	default:
		if looksUp(node) {
			return node.String() + " would have to be true"
		}
	}
	return ""
}
