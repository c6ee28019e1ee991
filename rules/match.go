package rules

import (
	"fmt"
	"net/url"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules/lang"
)

// Matched is what Match decided.
type Matched struct {
	Deliveries []event.Delivery // with ids, in the order of the routes
	Matched    bool             // some route matched, with or without destinations
	Reject     bool             // nothing matched and the source wants such events refused: do not store it
	Errors     map[string]int   // run errors by route; nil when there were none
	Answer     *Respond         // what the rules answer the sender with, instead of the source's; nil: nothing
	Replied    string           // the route whose reply the sender gets, "" when none has one
}

// env is what expressions see of an event, until it is given back with done. src may be nil when the source is gone.
func (s *Set) env(ev *event.Event, src *Source) *lang.Env {
	env, ok := s.envs.Get().(*lang.Env)
	if !ok {
		env = &lang.Env{}
	}
	env.Source, env.Event, env.ID = ev.Source, ev.Type, ev.ID.String()
	env.Method, env.Path, env.RemoteIP = ev.Method, ev.Path, ev.RemoteIP
	env.Header, env.Raw, env.ReceivedAt = ev.Header, ev.Body, ev.ReceivedAt
	if ev.Query != "" {
		env.Query, _ = url.ParseQuery(ev.Query) // what cannot be parsed is left out
	}
	format := ""
	if src != nil {
		format = src.idents.format
	}
	env.SetBody(format, ev.Header, ev.Body, ev.Method)
	return env
}

// done lets another event have the memory of env.
func (s *Set) done(env *lang.Env) {
	env.Reset()
	s.envs.Put(env)
}

// Match decides which deliveries the event gets, at the time now. It appends to ev.Marks what went wrong, and sets
// ev.RulesHash. An event of a source that is not in the Set matches nothing. No sender waits for what it gives: it is for
// events that were stored before.
func (s *Set) Match(ev *event.Event, now time.Time) Matched {
	src, ok := s.sources[ev.Source]
	if !ok {
		return Matched{}
	}
	env := s.env(ev, src)
	defer s.done(env)
	return s.match(ev, src, env, now, nil).unasked()
}

// Accept is Identify and then Match, on one decoding of the body.
func (s *Set) Accept(ev *event.Event, now time.Time) (Matched, error) {
	m, err := s.accept(ev, now)
	return m.unasked(), err
}

// Take is Accept for an event whose sender waits: a delivery that answers it, and is made only once, expires with the
// destination's timeout.
func (s *Set) Take(ev *event.Event, now time.Time) (Matched, error) {
	m, err := s.accept(ev, now)
	for i := range m.Deliveries {
		if d := &m.Deliveries[i]; d.Reply == event.ReplyOnce {
			d.Expires = now.Add(s.destinations[d.Destination].Timeout)
		}
	}
	return m, err
}

func (s *Set) accept(ev *event.Event, now time.Time) (Matched, error) {
	src, ok := s.sources[ev.Source]
	if !ok {
		return Matched{}, fmt.Errorf("unknown source %q", ev.Source)
	}
	env := s.env(ev, src)
	defer s.done(env)
	src.identify(ev, env)
	return s.match(ev, src, env, now, nil), nil
}

// unasked is for when no sender waits: all deliveries are those of their lanes.
func (m Matched) unasked() Matched {
	for i := range m.Deliveries {
		m.Deliveries[i].Reply = event.NoReply
	}
	m.Answer, m.Replied = nil, ""
	return m
}

// matching is one walk over the routes of a source.
type matching struct {
	out  Matched
	ev   *event.Event
	env  *lang.Env
	now  time.Time
	dead []event.Delivery // what an erring route would have sent
}

// match walks over the routes that the index leaves. seen, unless it is nil, hears of each one: whether it matched, or
// why that cannot be computed.
func (s *Set) match(ev *event.Event, src *Source, env *lang.Env, now time.Time, seen func(*Route, bool, error)) Matched {
	ev.RulesHash = s.hash
	m := matching{ev: ev, env: env, now: now}
	if src.readsBody {
		if err := env.Body.Err(); err != nil {
			ev.Marks = append(ev.Marks, "body: "+err.Error())
		}
	}
	for _, i := range src.index.Candidates(env) {
		r := src.routes[i]
		matched, err := m.route(r)
		if seen != nil {
			seen(r, matched, err)
		}
		if matched && r.Stop {
			break
		}
	}
	if !m.out.Matched {
		m.out.Deliveries = m.dead
		m.out.Reject = src.Reject && len(m.dead) == 0
	}
	return m.out
}

// route tries one route, and says whether it matched, or why that cannot be computed.
func (m *matching) route(r *Route) (bool, error) {
	if r.spec.when != nil {
		yes, err := r.spec.when.Bool(m.env)
		if err != nil {
			m.erred(r, "when", err)
			for _, d := range r.spec.targets {
				dead := m.delivery(r, d)
				dead.State, dead.Reason = event.Dead, event.ReasonMatch
				m.dead = append(m.dead, dead)
			}
			return false, err
		}
		if !yes {
			return false, nil
		}
	}
	m.out.Matched = true
	reply := m.reply(r)
	window := m.window(r)
	for _, d := range r.spec.targets {
		del := m.delivery(r, d)
		del.OrderKey = m.text(r, "order_by", d.order)
		del.Due = m.now.Add(d.Delay)
		if window.Key != "" {
			del.Coalesce = window
			del.Due = m.now.Add(max(d.Delay, window.Wait))
		}
		del.Reply = reply
		m.out.Deliveries = append(m.out.Deliveries, del)
	}
	return true, nil
}

// window is the coalesce window of an event under a route; without a key there is none.
func (m *matching) window(r *Route) event.Coalesce {
	c := r.spec.coalesce
	if c == nil || len(r.spec.targets) == 0 {
		return event.Coalesce{}
	}
	return event.Coalesce{Key: m.text(r, "coalesce", c.key), Wait: c.wait, Max: c.max}
}

// text is the key that an expression of a route gives, "" when it has no value or fails.
func (m *matching) text(r *Route, part string, expr *lang.Program) string {
	if expr == nil {
		return ""
	}
	key, err := expr.Text(m.env)
	if err != nil {
		if !isNil(err) {
			m.erred(r, part, err)
		}
		return ""
	}
	return dedupeKey(key)
}

func (m *matching) delivery(r *Route, d *Destination) event.Delivery {
	return event.Delivery{
		ID: event.NewDeliveryID(m.now), Event: m.ev.ID, Route: r.Name, Destination: d.Name,
		Created: m.now, Due: m.now, Expires: m.now.Add(d.Retry.MaxAge), State: event.Pending, Updated: m.now,
	}
}

// maxMarks bounds what one event can be marked with: 10,000 routes may all fail on it.
const maxMarks = 20

func (m *matching) erred(r *Route, part string, err error) {
	if m.out.Errors == nil {
		m.out.Errors = map[string]int{}
	}
	m.out.Errors[r.Name]++
	m.mark(fmt.Sprintf("route %q: %s: %v", r.Name, part, err))
}

func (m *matching) mark(text string) {
	if len(m.ev.Marks) < maxMarks {
		m.ev.Marks = append(m.ev.Marks, text)
	}
}
