package lang

import "errors"

// ErrNil is in the chain of the error that [Program.Text] returns for a nil result.
var ErrNil = errors.New("the result is nil")

// Error is a fault found while compiling.
type Error struct {
	Offset  int    // in characters from 0, of the fault in the expression
	Length  int    // in characters, at least 1 unless the expression is empty
	Message string // lower case
	Hint    string // what to do instead, "" when there is nothing to say
}

func (e *Error) Error() string { return e.Message }

// RunError is a fault found while running: the expression is sound, the event does not fit it.
type RunError struct {
	Offset  int // in characters from 0, of the part that could not be computed
	Message string
	cause   error
	noPlace bool // the place is where expr's machine stood
}

func (e *RunError) Error() string { return e.Message }

func (e *RunError) Unwrap() error { return e.cause }

// Skip is the error of a run that called skip(reason): the delivery is not wanted.
type Skip struct{ Reason string }

func (s *Skip) Error() string { return "skipped: " + s.Reason }
