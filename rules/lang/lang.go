package lang

import "time"

// Kind says what an expression is for: it decides what nil and values of different kinds do, and what may come out.
type Kind int

const (
	// When is a condition: its result is a bool or nil. Comparing what is missing, or values of different kinds, is
	// false.
	When Kind = iota
	// Transform builds a payload: any result. Using what is missing is a run error.
	Transform
	// Text builds a piece of text, for $() and for keys: a string, number or bool. Using what is missing is a run
	// error.
	Text
)

// Env is what expressions see of one event. It is used by one goroutine at a time, for one expression after another;
// it must not be copied, and neither it nor its Body be changed, once an expression was run. Results may share its
// memory.
type Env struct {
	Source, Event, ID string
	Method, Path      string
	RemoteIP          string
	Query             map[string][]string
	Header            map[string][]string // names in any case
	Raw               []byte
	ReceivedAt        time.Time
	Body              *Body // nil is an empty body

	kept state
}
