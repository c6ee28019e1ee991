package rules

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/rules/lang"
)

// expression compiles a scalar that is an expression as a whole. It is nil after a fault.
func (p *parser) expression(n *yaml.Node, what string, k lang.Kind) *lang.Program {
	hint := fmt.Sprintf("quote the expression, or write it under `%s: |`", what)
	switch {
	case p.blanked[n.Line]:
		return nil // the line scan has said why
	case n.Kind != yaml.ScalarNode:
		p.fault(n, fmt.Sprintf("%s must be an expression, not %s", what, kindOf(n)), "write it as text, such as `event == \"push\"`")
	case n.Style&yaml.TaggedStyle != 0:
		p.fault(n, fmt.Sprintf("%s: YAML takes the beginning of this expression for a tag", what), hint)
	case strings.TrimSpace(n.Value) == "" || isNull(n):
		p.fault(n, fmt.Sprintf("%s is empty", what), "leave the key out, or write an expression")
	case n.ShortTag() != "!!str" && n.ShortTag() != "!!bool":
		p.fault(n, fmt.Sprintf("%s is %s, not an expression", what, kindOf(n)), hint)
	default:
		return p.compile(n, n.Value, 0, what, k)
	}
	return nil
}

// compiled names a program: big files say the same thing in many places, and compiling is most of the work of Parse.
type compiled struct {
	src  string
	kind lang.Kind
}

// compile compiles an expression that stands at an offset, in characters, in a scalar.
func (p *parser) compile(n *yaml.Node, src string, at int, what string, k lang.Kind) *lang.Program {
	if strings.TrimSpace(src) == "" {
		p.faultIn(n, at, what+": the expression is empty", "write one, such as $(body.id)")
		return nil
	}
	known := compiled{src, k}
	if prog, ok := p.programs[known]; ok {
		return prog
	}
	prog, err := p.compiler.Compile(src, k)
	if err == nil {
		p.programs[known] = prog
		return prog
	}
	var e *lang.Error
	if errors.As(err, &e) {
		p.faultIn(n, at+e.Offset, what+": "+e.Message, cmp.Or(e.Hint, "try it with `hookrouter eval`; docs/rules.md has the names and functions"))
	} else {
		p.faultIn(n, at, what+": "+err.Error(), "")
	}
	return nil
}

// cause is an error without the path that a message names already.
func cause(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}
