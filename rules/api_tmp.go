package rules

import (
	"errors"
	"regexp"
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// File is a rules file: Name as people know it (used in faults), Data as it was read.
type File struct {
	Name string
	Data []byte
}

// Options is what Parse may know about the world.
type Options struct {
	// Env looks up `${VAR}`; nil knows none.
	Env func(string) (string, bool)
	// ReadFile reads `${file:/path}`; nil refuses all.
	ReadFile func(string) ([]byte, error)
	// PublicLoopback says that senders can only come from this machine, so that example secrets are warnings only.
	PublicLoopback bool
	// AllowUnverified lets `verify: none` stand when the listener is not loopback.
	AllowUnverified bool
}

// Parse turns a file into a Set. The error is Faults: all that is wrong, at once. It never panics, and touches nothing
// but o.
func Parse(file File, o Options) (*Set, error) { return nil, errors.New("not yet") }

// Matched is what Match decided.
type Matched struct {
	Deliveries []event.Delivery // with ids, in the order of the routes
	Matched    bool             // some route matched, with or without destinations
	Reject     bool             // nothing matched and the source wants such events refused: do not store it
	Errors     map[string]int   // run errors by route; nil when there were none
}

// Identify fills Type, SenderID, DedupeKey and DedupeFor from what the source declares. What cannot be computed stays
// empty and is marked on the event; an error means that the source is not in this Set.
func (s *Set) Identify(ev *event.Event) error { return nil }

// Match decides which deliveries the event gets, at the time now. It appends to ev.Marks what went wrong, and sets
// ev.RulesHash.
func (s *Set) Match(ev *event.Event, now time.Time) Matched { return Matched{} }

// ErrParked means that route or destination are not in the Set: the delivery waits until they return.
var ErrParked = errors.New("route or destination is not in the rules")

// RuleError means that the rules could not make a request of this event: the delivery is dead (rule_error).
type RuleError struct {
	Route, Destination string
	Part               string // which part of the rules: `url`, `header "x"`, `transform`, …
	Err                error
}

// Error names route, part and cause; it holds no secret.
func (e *RuleError) Error() string { return "" }

// Unwrap gives the cause.
func (e *RuleError) Unwrap() error { return e.Err }

// Request is what a delivery becomes. The caller owns it.
type Request struct {
	Method, URL string
	Header      map[string][]string // canonical names; no Host, no Content-Length
	Body        []byte
	MaskedURL   string // URL with every value that came from a reference as ***
}

// Masked are the headers with every value that came from a reference as ***.
func (r *Request) Masked() map[string][]string { return nil }

// Render makes the request of a delivery, under this Set. The same event, delivery and attempt give the same bytes.
// Errors: *lang.Skip when the rules skip it, *RuleError, ErrParked.
func (s *Set) Render(ev *event.Event, d *event.Delivery, attempt int) (*Request, error) {
	return nil, nil
}

// TestResult is the outcome of one of the file's own tests.
type TestResult struct {
	Name   string
	File   string
	Line   int
	Passed bool
	Diffs  []string // what differs from what was expected, one line or more each
}

// Test runs the tests of the file whose name matches run; nil runs all.
func (s *Set) Test(run *regexp.Regexp) []TestResult { return nil }

type test struct{}
type identity struct{}
type outgoing struct{}
type routeSpec struct{}

func (r routeSpec) leadsTo(string) bool { return false }
