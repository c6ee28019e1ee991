package lang

import (
	"fmt"
	"net/textproto"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"

	"github.com/expr-lang/expr/ast"
)

// inspector checks what expr does not: names, refused functions, patterns, and the size of the parsed tree, of which
// a chain of comparisons visits parts many times.
type inspector struct {
	kind  Kind
	reads []string
	folds bool // a map of headers may be in the result
	lets  []string
	count int
	fault *Error
}

func (in *inspector) inspect(root ast.Node) *Error {
	in.visit(root, 0)
	return in.fault
}

func (in *inspector) failf(node ast.Node, hint, format string, args ...any) {
	if in.fault == nil {
		loc := node.Location()
		in.fault = &Error{
			Offset: loc.From, Length: max(loc.To-loc.From, 1), Message: fmt.Sprintf(format, args...), Hint: hint,
		}
	}
}

func (in *inspector) visit(node ast.Node, depth int) {
	if in.count++; in.count > MaxNodes || depth > maxTree {
		in.failf(node, "", "the expression has too many parts")
	}
	if in.fault != nil {
		return
	}
	switch n := node.(type) {
	case *ast.IdentifierNode:
		in.identifier(n)
	case *ast.CallNode:
		in.call(n)
	case *ast.BuiltinNode:
		in.function(n, n.Name, len(n.Arguments))
	case *ast.BinaryNode:
		if n.Operator == "matches" {
			in.pattern(n)
		}
	case *ast.MapNode:
		in.distinct(n)
	case *ast.VariableDeclaratorNode:
		in.visit(n.Value, depth+1)
		in.lets = append(in.lets, n.Name)
		in.visit(n.Expr, depth+1)
		in.lets = in.lets[:len(in.lets)-1]
		return
	}
	for _, child := range children(node) {
		in.visit(child, depth+1)
	}
}

func (in *inspector) read(name string) {
	if !slices.Contains(in.reads, name) {
		in.reads = append(in.reads, name)
	}
}

func (in *inspector) identifier(n *ast.IdentifierNode) {
	for _, name := range in.lets {
		if name == n.Value {
			return
		}
	}
	for _, name := range variables {
		if name == n.Value {
			in.read(name)
			in.folds = in.folds || strings.HasPrefix(name, "headers")
			return
		}
	}
	if _, is := functions[n.Value]; is || predicates[n.Value] > 0 {
		in.failf(n, "call it: "+n.Value+"(…)", "%s is a function", n.Value)
		return
	}
	if hint := refused[n.Value]; hint != "" {
		in.failf(n, hint, "%s is not available", n.Value)
		return
	}
	if n.Value == "$env" {
		in.failf(n, "an expression sees the event only", "unknown name %s", n.Value)
		return
	}
	in.failf(n, in.meant(n.Value, append(variables[:len(variables):len(variables)], in.lets...)), "unknown name %s", n.Value)
}

// meant suggests a name, or quotes for a word where a string was meant.
func (in *inspector) meant(name string, among []string) string {
	switch strings.ToLower(name) {
	case "null", "none", "undefined":
		return "did you mean nil?"
	case "payload", "data", "json":
		return "did you mean body?"
	}
	if hint := suggest(name, among); hint != "" {
		return hint
	}
	return fmt.Sprintf("a string stands in quotes: %q", name)
}

func (in *inspector) call(n *ast.CallNode) {
	switch callee := n.Callee.(type) {
	case *ast.IdentifierNode:
		in.function(n, callee.Value, len(n.Arguments))
		in.read(callee.Value)
	case *ast.MemberNode:
		name, _ := callee.Property.(*ast.StringNode)
		if name == nil {
			break
		}
		m, known := method(name.Value)
		switch {
		case !known:
			in.failf(callee, methodHint(name.Value), "unknown method %s", name.Value)
		case len(n.Arguments)+1 != m.min:
			in.failf(callee, "", "%s takes %d arguments, not %d", name.Value, m.min-1, len(n.Arguments))
		}
		return
	}
	if _, is := n.Callee.(*ast.IdentifierNode); !is {
		in.failf(n, "", "only functions can be called")
	}
}

func (in *inspector) function(n ast.Node, name string, args int) {
	if hint := refused[name]; hint != "" {
		in.failf(n, hint, "%s is not available", name)
		return
	}
	least, most := 1, predicates[name]
	if most == 0 {
		f, known := functions[name]
		if !known {
			in.failf(n, meantFunction(name), "unknown function %s", name)
			return
		}
		least, most = f.min, f.max
	} else if name != "count" && name != "sum" {
		least = 2
	}
	if args < least || args > most {
		in.failf(n, "", "%s takes %s, not %d", name, arity(least, most), args)
	}
	if name == "skip" && in.kind == When {
		in.failf(n, "let the condition be false", "skip belongs in a transform")
	}
}

// meantFunction suggests a function, or the operator that was taken for one.
func meantFunction(name string) string {
	for operator := range operators {
		if strings.EqualFold(name, operator) {
			return fmt.Sprintf("%s is an operator: event %s \"a\"", operator, operator)
		}
	}
	return suggest(name, functionNames())
}

func arity(least, most int) string {
	switch {
	case most == many:
		return fmt.Sprintf("at least %d arguments", least)
	case least == most && least == 1:
		return "one argument"
	case least == most:
		return fmt.Sprintf("%d arguments", least)
	}
	return fmt.Sprintf("%d to %d arguments", least, most)
}

// pattern is a compiled pattern of `matches` with the size of its program.
type pattern struct {
	re   *regexp.Regexp
	size int
}

// cost is how many steps it takes to match n bytes: Go's engine takes time in proportion to both sizes.
func (p *pattern) cost(n int) int { return 1 + n*(4+p.size)/16 }

func (in *inspector) pattern(n *ast.BinaryNode) {
	text, is := n.Right.(*ast.StringNode)
	if !is {
		in.failf(leftmost(n.Right), "write the pattern in quotes; for text use contains, startsWith or endsWith",
			"the pattern of matches must be a literal")
		return
	}
	if _, err := newPattern(text.Value); err != nil {
		in.failf(text, "signs that mean something in a pattern are escaped: \"\\\\(\"", "%s", err)
	}
}

// leftmost is the node with which the text of a chain of members begins.
func leftmost(node ast.Node) ast.Node {
	switch n := node.(type) {
	case *ast.ChainNode:
		return leftmost(n.Node)
	case *ast.MemberNode:
		return leftmost(n.Node)
	}
	return node
}

func newPattern(text string) (*pattern, error) {
	if len(text) > MaxPattern {
		return nil, fmt.Errorf("the pattern is longer than %d bytes", MaxPattern)
	}
	parsed, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		return nil, fmt.Errorf("invalid pattern: %s", strings.TrimPrefix(err.Error(), "error parsing regexp: "))
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return nil, fmt.Errorf("invalid pattern: %w", err)
	}
	if len(program.Inst) > maxProgram {
		return nil, fmt.Errorf("the pattern is too large: its repetitions make %d steps, at most %d", len(program.Inst), maxProgram)
	}
	re, err := regexp.Compile(text)
	if err != nil {
		return nil, fmt.Errorf("invalid pattern: %w", err)
	}
	return &pattern{re: re, size: len(program.Inst)}, nil
}

func (in *inspector) distinct(n *ast.MapNode) {
	keys := map[string]bool{}
	for _, p := range n.Pairs {
		key, is := p.(*ast.PairNode).Key.(*ast.StringNode)
		if !is {
			continue
		}
		if keys[key.Value] {
			in.failf(key, "remove one", "duplicate key %q", key.Value)
		}
		keys[key.Value] = true
	}
}

func canonical(name string) string { return textproto.CanonicalMIMEHeaderKey(name) }

// children lists the parts of a node.
func children(node ast.Node) []ast.Node {
	switch n := node.(type) {
	case *ast.UnaryNode:
		return []ast.Node{n.Node}
	case *ast.BinaryNode:
		return []ast.Node{n.Left, n.Right}
	case *ast.ChainNode:
		return []ast.Node{n.Node}
	case *ast.MemberNode:
		return []ast.Node{n.Node, n.Property}
	case *ast.SliceNode:
		return present(n.Node, n.From, n.To)
	case *ast.CallNode:
		if m, is := n.Callee.(*ast.MemberNode); is {
			return append([]ast.Node{m.Node}, n.Arguments...)
		}
		return n.Arguments
	case *ast.BuiltinNode:
		return n.Arguments
	case *ast.PredicateNode:
		return []ast.Node{n.Node}
	case *ast.SequenceNode:
		return n.Nodes
	case *ast.ConditionalNode:
		return []ast.Node{n.Cond, n.Exp1, n.Exp2}
	case *ast.ArrayNode:
		return n.Nodes
	case *ast.MapNode:
		return n.Pairs
	case *ast.PairNode:
		return []ast.Node{n.Key, n.Value}
	}
	return nil
}

func present(nodes ...ast.Node) (there []ast.Node) {
	for _, n := range nodes {
		if n != nil {
			there = append(there, n)
		}
	}
	return there
}

// start is where the text of a node begins: the place of an operator or member is its own, not its first operand's.
func start(node ast.Node) int {
	at := node.Location().From
	switch n := node.(type) {
	case *ast.BinaryNode:
		at = min(at, start(n.Left))
	case *ast.ChainNode:
		return start(n.Node)
	case *ast.MemberNode:
		at = min(at, start(n.Node))
	case *ast.SliceNode:
		at = min(at, start(n.Node))
	case *ast.CallNode:
		at = min(at, start(n.Callee))
	case *ast.ConditionalNode:
		return start(n.Cond)
	}
	return at
}
