package lang

// Program is a compiled expression. It may be run by many goroutines at once, each with an Env of its own.
type Program struct {
	src  string
	kind Kind
}

// Compile checks an expression and prepares it for running. Its error is an *Error.
func Compile(src string, k Kind) (*Program, error) { return &Program{src: src, kind: k}, nil }

// Source returns the expression as it was written.
func (p *Program) Source() string { return p.src }

// ReadsBody says whether the expression looks at the decoded body.
func (p *Program) ReadsBody() bool { return p.Reads("body") }

// Reads says whether the expression names a variable or function of the environment: "headers", "event", "header", ….
func (p *Program) Reads(name string) bool { return false }

// Run evaluates the expression. Its error is a *RunError, or *Skip when the expression called skip. It never panics.
// A result holds nil, bool, int, float64, string, []byte, []any and map[string]any only; it must not be changed.
func (p *Program) Run(env *Env) (any, error) { return nil, nil }

// Bool runs a When: nil is false, another result that is no bool is a *RunError.
func (p *Program) Bool(env *Env) (bool, error) { return false, nil }

// Text runs a Text: numbers and bools in their shortest form, times as RFC 3339. A nil result is a *RunError around
// ErrNil, a list or map a plain *RunError.
func (p *Program) Text(env *Env) (string, error) { return "", nil }

// Span returns the length in bytes of the expression at the start of s, up to the ")" that closes a "$(" before it;
// parentheses in strings and comments don't count. It is -1 when nothing closes it.
func Span(s string) int { return -1 }
