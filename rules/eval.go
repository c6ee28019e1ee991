package rules

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules/lang"
)

// Evaluate runs an expression on an event: as a condition, where what is missing is false, or as a transform, where using
// it is an error. format is that of the body, as `body:` of a source; "" goes by its Content-Type. text is what a
// destination would get. The error is Faults, with places in the expression, or *Skip.
func Evaluate(src string, condition bool, ev *event.Event, format string) (text []byte, err error) {
	kind := lang.Transform
	if condition {
		kind = lang.When
	}
	prog, err := lang.Compile(src, kind)
	if err != nil {
		var e *lang.Error
		if errors.As(err, &e) {
			return nil, inExpression(src, e.Offset, e.Message, e.Hint)
		}
		return nil, err
	}
	s := &Set{}
	env := s.env(ev, &Source{idents: identity{format: format}})
	if err := env.Body.Err(); err != nil && prog.ReadsBody() {
		return nil, Faults{{File: "body", Message: err.Error(), Hint: "it is nil for expressions"}}
	}
	if condition {
		yes, err := prog.Bool(env)
		return fmt.Append(nil, yes), runFault(src, err)
	}
	v, err := prog.Run(env)
	if err != nil {
		return nil, runFault(src, err)
	}
	if v == nil {
		return []byte("nil"), nil
	}
	text, _, err = lang.Encode(v)
	return text, err
}

// runFault gives a run error its place.
func runFault(src string, err error) error {
	var e *lang.RunError
	if errors.As(err, &e) {
		hint := "this is what makes a delivery dead (rule_error)"
		if strings.Contains(e.Message, "nil") {
			hint = "say what stands for what is missing: body.name ?? \"nobody\""
		}
		return inExpression(src, e.Offset, e.Message, hint)
	}
	return err
}

// inExpression is a fault at an offset, in characters.
func inExpression(src string, offset int, message, hint string) Faults {
	lines, line := splitLines(src), 0
	for ; line < len(lines)-1 && offset > len([]rune(lines[line])); line++ {
		offset -= len([]rune(lines[line])) + 1
	}
	return Faults{{File: "expression", Line: line + 1, Col: offset + 1, Source: lines[line], Message: message, Hint: hint}}
}
