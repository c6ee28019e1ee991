package lang

import (
	"errors"
	"fmt"
	"slices"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/vm"
)

// Program is a compiled expression. It may be run by many goroutines at once, each with an Env of its own.
type Program struct {
	src   string
	kind  Kind
	code  *vm.Program
	reads []string
	folds bool

	needs *necessary // of a When, see Index
}

// Source returns the expression as it was written.
func (p *Program) Source() string { return p.src }

// ReadsBody says whether the expression looks at the decoded body.
func (p *Program) ReadsBody() bool { return p.Reads("body") }

// Reads says whether the expression names a variable of the environment ("headers", "event", …) or calls one of our own
// functions ("header", "skip", …).
func (p *Program) Reads(name string) bool { return slices.Contains(p.reads, name) }

// Run evaluates the expression. Its error is a *RunError, or *Skip when the expression called skip. It never panics.
// A result holds nil, bool, int, float64, string, []byte, Form, time.Time, time.Duration, []any and map[string]any only; it
// may share memory with the Env and must not be changed.
func (p *Program) Run(env *Env) (any, error) {
	r := &env.kept.run
	*r = run{env: env, limit: min(MaxSteps, FreeSteps+MaxEventSteps-env.kept.spent)}
	env.kept.vm.MemoryBudget = maxElements
	out, err := env.kept.vm.Run(p.code, r)
	env.kept.spent += max(0, min(r.steps, r.limit)-FreeSteps)
	if err != nil {
		return nil, runError(err)
	}
	if p.folds {
		return unfold(out)
	}
	return out, nil
}

// runError takes our own error out of expr's, or makes one of what its machine says.
func runError(err error) error {
	var skip *Skip
	if errors.As(err, &skip) {
		return skip
	}
	var place *file.Error
	at := 0
	if errors.As(err, &place) {
		at = place.From
	}
	var ours *RunError
	if !errors.As(err, &ours) {
		message := "cannot be computed"
		if place != nil {
			message = firstLine(place.Message)
		}
		if message == "memory budget exceeded" {
			message = "the expression builds lists that are too long"
		}
		return &RunError{Offset: at, Message: message}
	}
	if ours.noPlace {
		ours.Offset = at
	}
	return ours
}

// unfold makes plain maps of the maps of headers in a result.
func unfold(v any) (any, error) {
	switch v := v.(type) {
	case folded:
		return map[string]any(v), nil
	case []any, map[string]any:
		left := MaxSteps
		return unfoldInside(v, &left, 0)
	}
	return v, nil
}

func unfoldInside(v any, left *int, depth int) (any, error) {
	if *left--; *left < 0 || depth > maxValue {
		return nil, &RunError{Message: "the result is too large"}
	}
	var err error
	switch v := v.(type) {
	case folded:
		return map[string]any(v), nil
	case []any:
		out := make([]any, len(v))
		for i := range v {
			if out[i], err = unfoldInside(v[i], left, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for k := range v {
			if out[k], err = unfoldInside(v[k], left, depth+1); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return v, nil
}

// Bool runs a When: nil is false, another result that is no bool is a *RunError.
func (p *Program) Bool(env *Env) (bool, error) {
	v, err := p.Run(env)
	if err != nil {
		return false, err
	}
	switch v := v.(type) {
	case nil:
		return false, nil
	case bool:
		return v, nil
	}
	return false, &RunError{Message: fmt.Sprintf("the result is %s, it must be true or false", aKind(v))}
}

// Text runs a Text: numbers and bools in their shortest form, bytes as they are, times as RFC 3339. A nil result is a
// *RunError around ErrNil, a list or map a plain *RunError.
func (p *Program) Text(env *Env) (string, error) {
	v, err := p.Run(env)
	if err != nil {
		return "", err
	}
	if v == nil {
		return "", &RunError{Message: ErrNil.Error(), cause: ErrNil}
	}
	text, ok := scalarText(v)
	if !ok {
		return "", &RunError{Message: fmt.Sprintf("the result is %s, it must be text or a number", aKind(v))}
	}
	return text, nil
}
