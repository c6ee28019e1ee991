package rules

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules/lang"
)

// ErrParked means that route or destination are not in the Set: the delivery waits until they return.
var ErrParked = errors.New("route or destination is not in the rules")

// RuleError means that the rules could not make a request of this event: the delivery is dead (rule_error).
type RuleError struct {
	Route, Destination string
	Part               string // which part of the rules: `url`, `header "x"`, `transform`, …
	Err                error
}

// Error names route, part and cause; it holds no secret.
func (e *RuleError) Error() string {
	return fmt.Sprintf("route %q to %q: %s: %v", e.Route, e.Destination, e.Part, e.Err)
}

// Unwrap gives the cause.
func (e *RuleError) Unwrap() error { return e.Err }

// Request is what a delivery becomes. The caller owns it, but must not write to Body or to the values in Header.
type Request struct {
	Method, URL string
	Header      map[string][]string // canonical names; no Host, no Content-Length
	Body        []byte
	MaskedURL   string // URL with every value that came from a reference as ***

	masked  map[string]string // what to show instead of a header
	secrets []string          // see Hide
}

// Masked are the headers with every value that came from a reference as ***.
func (r *Request) Masked() map[string][]string {
	h := maps.Clone(r.Header)
	for name, show := range r.masked {
		h[name] = []string{show}
	}
	return h
}

func isNil(err error) bool { return errors.Is(err, lang.ErrNil) }

// rendering is one delivery becoming a request.
type rendering struct {
	ev      *event.Event
	src     *Source // nil when it is gone from the rules
	route   *Route
	dest    *Destination
	env     *lang.Env
	program *lang.Program
	req     *Request
}

// Render makes the request of a delivery, under this Set. The same event, delivery and attempt give the same bytes.
// Errors: *Skip when the rules skip it, *RuleError, ErrParked.
func (s *Set) Render(ev *event.Event, d *event.Delivery, attempt int) (*Request, error) {
	route := s.path(d.Route, d.Destination)
	if route == nil {
		return nil, ErrParked
	}
	src := s.sources[ev.Source]
	r := &rendering{
		ev: ev, src: src, route: route, dest: s.destinations[d.Destination], env: s.env(ev, src),
		req: &Request{Header: make(map[string][]string, len(ev.Header)+len(ownNames))},
	}
	defer s.done(r.env)
	r.program = r.route.spec.program(d.Destination)
	r.req.secrets = r.route.hiding(r.dest)
	if err := r.body(); err != nil {
		return nil, r.fail("transform", err)
	}
	if err := r.url(); err != nil {
		return nil, r.fail("url", err)
	}
	if err := r.headers(); err != nil {
		return nil, r.fail("headers", err)
	}
	r.own(d, attempt)
	return r.req, nil
}

// Skip is the error of Render when the rules say not to send, with their reason.
type Skip = lang.Skip

// fail wraps what went wrong; a skip is no error of the rules.
func (r *rendering) fail(part string, err error) error {
	var skip *lang.Skip
	if errors.As(err, &skip) {
		return skip
	}
	return &RuleError{Route: r.route.Name, Destination: r.dest.Name, Part: part, Err: err}
}

// body passes the bytes on, or transforms them.
func (r *rendering) body() error {
	r.req.Method = r.method()
	r.pass()
	if r.program == nil {
		r.req.Body = r.ev.Body
		return nil
	}
	v, err := r.program.Run(r.env)
	if err != nil {
		return err
	}
	body, contentType, err := lang.Encode(v)
	if err != nil {
		return err
	}
	r.req.Body = body
	r.req.Header["Content-Type"] = []string{contentType}
	return nil
}

// method is the one the rules name; else the sender's for the sender's body, and POST for one of our own.
func (r *rendering) method() string {
	switch {
	case r.route.spec.method != "":
		return r.route.spec.method
	case r.dest.Method != "":
		return r.dest.Method
	case r.program == nil:
		return r.ev.Method
	}
	return http.MethodPost
}

// pass takes over the headers of the sender that go on. Those that describe the body go with it, and only with it.
func (r *rendering) pass() {
	dropped := connectionNames(r.ev.Header["Connection"])
	for name, values := range r.ev.Header {
		switch {
		case foreign(name) || r.carriesSecret(name) || slices.Contains(dropped, name) || !isToken(name):
		case name == "Content-Type" || name == "Content-Encoding":
			if r.program == nil {
				r.req.Header[name] = slices.Clip(values)
			}
		case r.src != nil && r.dest.out.pass.keeps(name, r.program != nil):
			r.req.Header[name] = slices.Clip(values)
		}
	}
}

// carriesSecret says whether the sender's secret stands in a header. When the source is gone nobody knows which those
// are, and pass copies none that could be one.
func (r *rendering) carriesSecret(name string) bool {
	return r.src != nil && slices.Contains(r.src.secretHeaders, name)
}

// connectionNames are the headers that the sender's connection claims for itself.
func connectionNames(values []string) (names []string) {
	for _, v := range values {
		for _, name := range strings.Split(v, ",") {
			names = append(names, textproto.CanonicalMIMEHeaderKey(strings.TrimSpace(name)))
		}
	}
	return names
}

func (r *rendering) url() error {
	full, masked, err := r.dest.out.url.run(r.env)
	if err != nil {
		return err
	}
	r.req.URL, r.req.MaskedURL, err = appendQuery(full, masked, r.dest.out.query, r.env)
	return err
}

// headers sets those of the destination, then those of the route, which win.
func (r *rendering) headers() error {
	for _, list := range [...][]header{r.dest.out.headers, r.route.spec.headers} {
		for _, h := range list {
			value, masked, err := h.run(r.env)
			if err != nil {
				return fmt.Errorf("%s: %w", h.name, err)
			}
			r.req.set(h.name, value, masked)
		}
	}
	return nil
}

func (r *Request) set(name, value, masked string) {
	r.Header[name] = []string{value}
	delete(r.masked, name)
	if masked == value {
		return
	}
	if r.masked == nil {
		r.masked = map[string]string{}
	}
	r.masked[name] = masked
}

// ownNames are the headers by which a destination knows the delivery, in the order of their values in own.
var ownNames = [...]string{
	"Webhook-Id", "Hookrouter-Event", "Hookrouter-Source", "Hookrouter-Type", "Hookrouter-Route", "Hookrouter-Attempt",
	hopsName,
}

// own sets the headers of ownNames.
func (r *rendering) own(d *event.Delivery, attempt int) {
	eventType := r.ev.Type
	if checkName(eventType) != nil {
		eventType = "" // named by rules of another time
	}
	values := [len(ownNames)]string{
		d.ID.String(), r.env.ID, r.ev.Source, eventType, d.Route, strconv.Itoa(attempt),
		strconv.Itoa(Hops(r.ev.Header) + 1),
	}
	for i, name := range ownNames {
		r.req.Header[name] = values[i : i+1 : i+1] // one allocation for all
	}
}
