package lang

import (
	"time"
	"unsafe"
)

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

// Reset makes e ready for another event. It keeps memory that runs and SetBody took, within bounds; what came out of
// runs stays valid, the Body does not.
func (e *Env) Reset() {
	k := &e.kept
	clear(k.vm.Stack[:cap(k.vm.Stack)])
	clear(k.vm.Variables)
	*e = Env{kept: state{vm: k.vm, scanner: k.scanner.emptied(), found: k.found}}
}

// Renew gives runs on e the budget that they share anew, for looking at an event once more to explain it.
func (e *Env) Renew() { e.kept.spent = 0 }

// SetBody is NewBody for the Body of e, and decodes it in memory that Reset keeps.
func (e *Env) SetBody(format string, header map[string][]string, raw []byte, method string) {
	e.kept.body = Body{format: format, header: header, raw: raw, method: method, scanner: &e.kept.scanner}
	e.Body = &e.kept.body
}

// textOf is raw as a string without a copy: nobody writes to a payload.
func textOf(raw []byte) string { return unsafe.String(unsafe.SliceData(raw), len(raw)) }
