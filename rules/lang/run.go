package lang

import (
	"fmt"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// state is what an Env keeps between runs: what was derived from the event, the machine with its stack, and
// what the body is decoded in.
type state struct {
	vm         vm.VM
	body       Body
	scanner    scanner
	run        run
	spent      int // steps of all runs beyond FreeSteps each
	headers    folded
	headersAll folded
	query      map[string]any
	queryAll   map[string]any
	raw        *string
	found      []int32 // by an Index
}

// run is one run of one program: what it sees and what it has used.
type run struct {
	env   *Env
	limit int // of steps
	steps int
	bytes int
}

// site is one operation of a program: where it stands, what its operands are called, and how nil is met there.
type site struct {
	what     string // "+" or "lower"
	at       int
	operands []operand
	when     bool // in a condition
}

// operand is written as text only when an error names it: the text of a tree is long.
type operand struct {
	node ast.Node // nil when it is left out
	at   int
}

const maxOperandText = 60

func (o operand) String() string {
	if o.node == nil {
		return ""
	}
	text := o.node.String()
	if len(text) > maxOperandText {
		text = text[:charByte(text, maxOperandText)] + "…"
	}
	return text
}

// step counts work; a run that does too much ends here.
func (r *run) step(n int) {
	if r.steps += n; r.steps <= r.limit {
		return
	}
	message := fmt.Sprintf("the expression takes more than %d steps", MaxSteps)
	if r.limit < MaxSteps {
		message = fmt.Sprintf("all expressions together take more than %d steps on this event", MaxEventSteps)
	}
	panic(&RunError{Message: message, noPlace: true})
}

// read counts the work of looking at n bytes.
func (r *run) read(n int) { r.step(1 + n/64) }

// grow counts n bytes that the run is about to build.
func (r *run) grow(n int) {
	if n < 0 || n > MaxMemory || r.bytes+n > MaxMemory {
		panic(&RunError{Message: fmt.Sprintf("the expression builds more than %d MiB", MaxMemory>>20), noPlace: true})
	}
	r.bytes += n
	r.read(n)
}

// fail ends the run at a site. Panics are how the machine itself reports errors; Run turns them all into results.
func (s *site) fail(format string, args ...any) {
	panic(&RunError{Offset: s.at, Message: fmt.Sprintf(format, args...)})
}

// failAt ends the run at one operand of a site.
func (s *site) failAt(i int, format string, args ...any) {
	at, text := s.at, s.what
	if i < len(s.operands) {
		at, text = s.operands[i].at, s.operands[i].String()
	}
	panic(&RunError{Offset: at, Message: text + " " + fmt.Sprintf(format, args...)})
}

// wrong ends the run because an operand is of another kind than the operation takes.
func (s *site) wrong(i int, v any, want string) {
	if v == nil {
		s.failAt(i, "is nil")
	}
	s.failAt(i, "is %s, %s takes %s", aKind(v), s.what, want)
}

func (s *site) text(args []any, i int) string {
	v, is := args[i].(string)
	if !is {
		s.wrong(i, args[i], "a string")
	}
	return v
}

func (s *site) int(args []any, i int) int {
	switch v := args[i].(type) {
	case int:
		return v
	case float64:
		if n := int(v); float64(n) == v && v < 1<<63 {
			return n
		}
	}
	s.wrong(i, args[i], "an int")
	return 0
}

func (s *site) list(args []any, i int) []any {
	v, is := args[i].([]any)
	if !is {
		s.wrong(i, args[i], "a list")
	}
	return v
}

func (s *site) object(args []any, i int) map[string]any {
	v, is := asMap(args[i])
	if !is {
		s.wrong(i, args[i], "a map")
	}
	return v
}

// kindOf names the kind of a value as the function type() does.
func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "nil"
	case bool:
		return "bool"
	case int:
		return "int"
	case float64:
		return "float"
	case string:
		return "string"
	case []byte:
		return "bytes"
	case Form:
		return "form"
	case []any:
		return "list"
	case map[string]any, folded:
		return "map"
	}
	return kindOfTime(v)
}

func aKind(v any) string {
	k := kindOf(v)
	switch k {
	case "nil", "bytes":
		return k
	case "int":
		return "an int"
	}
	return "a " + k
}
