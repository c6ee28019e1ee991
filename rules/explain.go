package rules

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules/lang"
	"github.com/hookrouter/hookrouter/verdict"
)

// Explain says what the rules do with an event that was stored, at the time now, and why. Whether a route matches is
// what Match says, of whose own walk this is the record; only the parts of a condition are computed once more, to be
// shown. Nothing is changed, and ev is not written. An event of a source that is not in the Set is an error.
func (s *Set) Explain(ev *event.Event, now time.Time) (*verdict.Explanation, error) {
	src, ok := s.sources[ev.Source]
	if !ok {
		return nil, fmt.Errorf("source %q is not in the rules", ev.Source)
	}
	own := *ev
	own.Marks = nil
	return s.explain(src, &own, now, verdict.Proof{Outcome: verdict.Stored}, false), nil
}

// trace is one event on its way over the routes, and what happened to each of them.
type trace struct {
	set     *Set
	src     *Source
	ev      *event.Event
	env     *lang.Env
	seen    map[*Route]seenRoute
	matched Matched
	stop    *Route // ended the walk
}

type seenRoute struct {
	matched bool
	err     error
}

// trace runs the server's own walk and keeps what it did, until done. identify says that the event is named first, as one
// that comes in is.
func (s *Set) trace(src *Source, ev *event.Event, now time.Time, identify bool) *trace {
	t := &trace{set: s, src: src, ev: ev, env: s.env(ev, src), seen: map[*Route]seenRoute{}}
	if identify {
		src.identify(ev, t.env)
	}
	t.matched = s.match(ev, src, t.env, now, func(r *Route, matched bool, err error) {
		t.seen[r] = seenRoute{matched, err}
		if matched && r.Stop {
			t.stop = r
		}
	})
	return t
}

func (t *trace) done() { t.set.done(t.env) }

// outcome says what the walk did with a route.
func (t *trace) outcome(r *Route) string {
	seen, was := t.seen[r]
	switch {
	case !r.Enabled:
		return verdict.Disabled
	case !r.spec.everywhere && !slices.Contains(r.From, t.src.Name):
		return verdict.Elsewhere
	case seen.matched:
		return verdict.Matched
	case seen.err != nil:
		return verdict.Erred
	case !was && t.stop != nil && r.spec.place > t.stop.spec.place:
		return verdict.Stopped
	}
	return verdict.Missed
}

// explaining is a walk that is written down.
type explaining struct {
	*trace
	shown    *lang.Env // without the secrets of the sender
	compiler *lang.Compiler
	room     int // bytes of bodies that may still be shown
}

// explain writes down a walk. Its done gives the memory back.
func (t *trace) explain() *explaining {
	shown := *t.ev
	shown.Header, shown.Query = Mask(t.ev.Header, t.src.secretHeaders), MaskQuery(t.ev.Query)
	return &explaining{trace: t, shown: t.set.env(&shown, t.src), compiler: lang.NewCompiler(), room: maxShownBodies}
}

func (x *explaining) done() {
	x.set.done(x.shown)
	x.trace.done()
}

func (s *Set) explain(src *Source, ev *event.Event, now time.Time, proof verdict.Proof, identify bool) *verdict.Explanation {
	x := s.trace(src, ev, now, identify).explain()
	defer x.done()
	out := &verdict.Explanation{
		RulesHash: s.hash, Source: src.Name, Event: ev.ID, Type: ev.Type, SenderID: ev.SenderID, DedupeKey: ev.DedupeKey,
		Proof: proof, Matched: x.matched.Matched, Rejected: x.matched.Reject, Marks: ev.Marks,
		Routes: make([]verdict.Route, 0, len(s.routeList)),
	}
	for _, r := range s.routeList {
		out.Routes = append(out.Routes, x.route(r))
	}
	return out
}

func (x *explaining) route(r *Route) verdict.Route {
	out := verdict.Route{Name: r.Name, Outcome: x.outcome(r)}
	switch out.Outcome {
	case verdict.Disabled, verdict.Elsewhere:
		return out
	case verdict.Stopped:
		out.StoppedBy = x.stop.Name
	case verdict.Erred:
		out.Error = x.seen[r].err.Error()
	}
	if r.spec.when != nil {
		out.Conditions = x.conditions(r.spec.when)
	}
	out.Near = out.Outcome == verdict.Missed && nearMiss(out.Conditions)
	if x.matched.Replied == r.Name {
		out.Reply = r.spec.reply.shown(x.matched.Answer)
	}
	for i := range x.matched.Deliveries {
		if d := &x.matched.Deliveries[i]; d.Route == r.Name {
			out.Deliveries = append(out.Deliveries, x.delivery(d))
		}
	}
	return out
}

func nearMiss(list []verdict.Condition) bool {
	missing := 0
	for _, c := range list {
		if c.Error != "" {
			return false
		}
		if !c.True {
			missing++
		}
	}
	return missing == 1 && len(list) > 1
}

func (x *explaining) conditions(when *lang.Program) (list []verdict.Condition) {
	for _, c := range x.compiler.Clauses(when) {
		x.env.Renew()
		x.shown.Renew()
		out := verdict.Condition{Expression: strings.TrimSpace(c.Source())}
		yes, err := c.Bool(x.env)
		if err != nil {
			out.Error = err.Error()
		}
		if out.True = yes; !yes && err == nil {
			out.Needs = c.Needs
		}
		for _, read := range c.Reads {
			v, err := read.Run(x.shown)
			if err == nil {
				out.Values = append(out.Values, verdict.Value{Expression: read.Source(), Value: literal(v)})
			}
		}
		list = append(list, out)
	}
	return list
}

// literal writes a value as an expression would.
func literal(v any) string {
	if v == nil {
		return "nil"
	}
	text, _, err := lang.Encode([]any{v})
	if err != nil {
		return fmt.Sprintf("(%v)", err)
	}
	return clipLong(text[1 : len(text)-1])
}

func (x *explaining) delivery(d *event.Delivery) verdict.Delivery {
	out := verdict.Delivery{Destination: d.Destination, Outcome: verdict.Sent, OrderKey: d.OrderKey}
	if delay := x.set.destinations[d.Destination].Delay; delay > 0 {
		out.Delay = spell(delay)
	}
	if c := d.Coalesce; c.Key != "" {
		out.Coalesce = &verdict.Coalesce{Key: c.Key, Wait: spell(c.Wait)}
		if c.Max > 0 {
			out.Coalesce.Max = spell(c.Max)
		}
	}
	req, skipped, dead := x.set.outcome(x.ev, d)
	switch {
	case skipped != nil:
		out.Outcome, out.Reason = verdict.Skipped, *skipped
	case dead != nil:
		out.Outcome, out.Reason = verdict.Dead, *dead
	default:
		out.Request = x.request(req)
		x.set.destinations[d.Destination].show(out.Request)
		out.Request.Untouched = x.set.routes[d.Route].spec.program(d.Destination) == nil
	}
	return out
}

// show names the headers that are made for each attempt.
func (d *Destination) show(r *verdict.Request) {
	const made = "(made for each attempt)"
	if len(d.signers) > 0 {
		r.Header["Webhook-Timestamp"], r.Header[signatureName] = []string{made}, []string{made}
	}
	if d.OAuth2 != nil {
		r.Header["Authorization"] = []string{made}
	}
}

const (
	maxShownBody   = 64 << 10 // bytes of one body
	maxShownBodies = 4 << 20  // and of all
)

// request shows what is sent, without secrets.
func (x *explaining) request(r *Request) *verdict.Request {
	sum := sha256.Sum256(r.Body)
	out := &verdict.Request{
		Method: r.Method, URL: r.shownURL(), Header: r.shownHeader(x.src.secretHeaders), Length: len(r.Body), SHA256: hex.EncodeToString(sum[:]),
	}
	shown := r.Body[:min(len(r.Body), maxShownBody, x.room)]
	x.room -= len(shown)
	if out.Cut = len(shown) < len(r.Body); out.Cut && utf8.Valid(r.Body) {
		shown = []byte(strings.ToValidUTF8(string(shown), ""))
	}
	out.Body = string(shown)
	if out.Base64 = !utf8.Valid(shown); out.Base64 {
		out.Body = base64.StdEncoding.EncodeToString(shown)
	}
	return out
}

// shownURL also hides what the file itself writes into parameters whose names tell that they are secret.
func (r *Request) shownURL() string {
	path, query, found := strings.Cut(r.MaskedURL, "?")
	if !found {
		return path
	}
	return path + "?" + MaskQuery(query)
}

// madeAtAccept stands for the id of a delivery that there is not.
const madeAtAccept = "dlv_…"

func (r *Request) shownHeader(secret []string) map[string][]string {
	out := Mask(r.Header, secret)
	for name, text := range r.masked {
		out[name] = []string{text} // beside the mask it may say which kind it is
	}
	out["Webhook-Id"] = []string{madeAtAccept}
	return out
}
