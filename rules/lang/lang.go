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

// Env is what one expression sees of one event. It may be used by one goroutine at a time; it and its Body must not
// be changed between runs, results may share its memory.
type Env struct {
	Source, Event, ID string
	Method, Path      string
	RemoteIP          string
	Query             map[string][]string
	Header            map[string][]string // names in any case
	Raw               []byte
	ReceivedAt        time.Time
	Body              *Body // nil is an empty body
}

// Encode turns the result of a transform into the body of a request: a map or list becomes JSON (keys sorted, no HTML
// escaping), a string text/plain, bytes application/octet-stream, another scalar its JSON. nil, NaN, infinities and
// more than MaxOutput bytes are errors.
func Encode(v any) (body []byte, contentType string, err error) { return nil, "", nil }
