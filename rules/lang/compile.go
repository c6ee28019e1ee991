package lang

import (
	"fmt"
	"reflect"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/builtin"
	"github.com/expr-lang/expr/checker"
	"github.com/expr-lang/expr/compiler"
	"github.com/expr-lang/expr/conf"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"
)

// seen is the environment as expr's checker knows it: what is always of one kind has that kind.
type seen struct {
	Source     string         `expr:"source"`
	Event      string         `expr:"event"`
	ID         string         `expr:"id"`
	Body       any            `expr:"body"`
	Headers    map[string]any `expr:"headers"`
	HeadersAll map[string]any `expr:"headers_all"`
	Query      map[string]any `expr:"query"`
	QueryAll   map[string]any `expr:"query_all"`
	Path       string         `expr:"path"`
	Method     string         `expr:"method"`
	Raw        string         `expr:"raw"`
	ReceivedAt time.Time      `expr:"received_at"`
	RemoteIP   string         `expr:"remote_ip"`
}

// Compiler compiles expressions one after another, and keeps what they have in common: most of the work of a short one.
// It is used by one goroutine at a time.
type Compiler struct {
	check *conf.Config // the language as expr's parser and checker see it
	build *conf.Config // our operations
	seen  places
}

// NewCompiler makes a Compiler.
func NewCompiler() *Compiler {
	return &Compiler{check: checkConfig(), build: buildConfig(), seen: places{}}
}

// Compile compiles one expression, see [Compiler.Compile].
func Compile(src string, k Kind) (*Program, error) { return NewCompiler().Compile(src, k) }

// Compile checks an expression and prepares it for running. Its error is an *Error.
//
// It goes in five steps: size and nesting are scanned, expr parses, names and limits are checked, expr checks the
// kinds, and what could differ, grow or fail is replaced by operations of our own before expr compiles the rest.
func (c *Compiler) Compile(src string, k Kind) (*Program, error) {
	if fault := scan(src); fault != nil {
		return nil, fault
	}
	p, fault := c.compile(src, k)
	if fault != nil {
		return nil, fault
	}
	return p, nil
}

func (c *Compiler) compile(src string, k Kind) (p *Program, fault *Error) {
	defer func() {
		if recover() != nil { // expr's parser and checker are not ours: whatever they meet, it is the expression's fault
			p, fault = nil, &Error{Length: 1, Message: "the expression cannot be compiled"}
		}
	}()
	tree, err := parser.ParseWithConfig(src, c.check)
	if err != nil {
		return nil, fromFileError(src, err)
	}
	in := &inspector{kind: k}
	if fault := in.inspect(tree.Node); fault != nil {
		return nil, fault
	}
	if _, err := checker.Check(tree, c.check); err != nil {
		return nil, fromFileError(src, err)
	}
	if fault := checkResult(tree.Node, k); fault != nil {
		return nil, fault
	}
	code, err := c.assemble(tree, k)
	if err != nil {
		return nil, &Error{Length: 1, Message: firstLine(err.Error())}
	}
	p = &Program{src: src, kind: k, code: code, reads: in.reads, folds: in.folds}
	if k == When {
		p.needs = needsOf(tree.Node, c.seen)
	}
	return p, nil
}

// assemble compiles the tree as the writer writes it: it calls only our operations, each with the run and its site
// before its operands. The program would keep what was written, most of its memory, so it gets an empty frame.
func (c *Compiler) assemble(tree *parser.Tree, k Kind) (*vm.Program, error) {
	w := &writer{when: k == When, places: c.seen, quiet: &site{when: k == When}}
	frame := &ast.SequenceNode{Nodes: []ast.Node{w.node(tree.Node)}}
	code, err := compiler.Compile(&parser.Tree{Node: frame, Source: tree.Source}, c.build)
	frame.Nodes = nil
	return code, err
}

// checkConfig is the language as expr's parser and checker see it.
func checkConfig() *conf.Config {
	config := conf.New(seen{})
	config.Optimize = false
	config.MaxNodes = MaxNodes
	text, anything := reflect.TypeFor[func(string) any](), reflect.TypeFor[func(any) any]()
	own := map[string]reflect.Type{
		"header": text, "skip": text, "json": anything, "bytes": anything, "b64": anything, "hex": anything,
		"sha256": anything, "url_escape": anything, "form": anything,
	}
	for name, t := range own {
		config.Functions[name] = &builtin.Function{Name: name, Types: []reflect.Type{t}}
	}
	// expr's own signatures of these refuse nil, or explain themselves badly.
	config.Functions["len"] = &builtin.Function{Name: "len", Types: []reflect.Type{reflect.TypeFor[func(any) int]()}}
	config.Functions["sort"] = &builtin.Function{Name: "sort", Types: []reflect.Type{
		reflect.TypeFor[func(any) []any](), reflect.TypeFor[func(any, string) []any](),
	}}
	return config
}

func buildConfig() *conf.Config {
	config := &conf.Config{ShortCircuit: true, Functions: conf.FunctionsTable{}}
	for name, op := range operations() {
		config.Functions[name] = &builtin.Function{Name: name, Func: op}
	}
	return config
}

// checkResult refuses an expression whose result is known to be of a kind that its use cannot take.
func checkResult(node ast.Node, k Kind) *Error {
	t := node.Type()
	wrong := false
	switch k {
	case When:
		wrong = t.Kind() != reflect.Bool && t.Kind() != reflect.Interface && !node.Nature().Nil
	case Text:
		wrong = t.Kind() == reflect.Map || t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8
	}
	if !wrong {
		return nil
	}
	want, hint := "true or false", "compare it, as event == \"push\""
	if k == Text {
		want, hint = "text or a number", "take one value out of it, or write toJSON(…)"
	}
	return &Error{
		Offset: start(node), Length: 1,
		Message: fmt.Sprintf("the result is %s, it must be %s", aKindOfType(t), want), Hint: hint,
	}
}

func aKindOfType(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Map:
		return "a map"
	case reflect.Slice:
		return "a list"
	case reflect.Float64:
		return "a float"
	case reflect.Struct:
		return "a time"
	case reflect.String:
		return "a string"
	}
	return "a number"
}
