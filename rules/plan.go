package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/verdict"
)

const (
	planExamples = 3  // of one kind of change of one route
	planDiffs    = 20 // lines of one example
)

// Plan tries events on other rules, on paper: each is matched and rendered by both Sets as if it came in now, and the
// differences are gathered by route. It is used by one goroutine at a time; nothing is stored or sent.
type Plan struct {
	now, next *Set
	out       verdict.Plan
	routes    map[string]*routePlan
}

type routePlan struct {
	before, after int
	changes       map[string]*verdict.Change
}

// NewPlan compares the rules in force with others.
func NewPlan(now, next *Set) *Plan {
	return &Plan{
		now: now, next: next, routes: map[string]*routePlan{},
		out: verdict.Plan{RulesHash: now.Hash(), NewHash: next.Hash(), Unset: next.Unset()},
	}
}

// taken is what one Set makes of an event.
type taken struct {
	*trace  // nil when the Set has not got the source
	matched map[string][]event.Delivery
	failing map[string]error
}

func (s *Set) take(ev *event.Event) taken {
	t := taken{matched: map[string][]event.Delivery{}, failing: map[string]error{}}
	src, ok := s.sources[ev.Source]
	if !ok {
		return t
	}
	own := *ev
	own.Marks = nil
	t.trace = s.trace(src, &own, ev.ReceivedAt, true)
	for r, seen := range t.seen {
		switch {
		case seen.matched:
			t.matched[r.Name] = nil
		case seen.err != nil:
			t.failing[r.Name] = seen.err
		}
	}
	for _, d := range t.trace.matched.Deliveries {
		if d.State != event.Dead {
			t.matched[d.Route] = append(t.matched[d.Route], d)
		}
	}
	return t
}

func (t taken) done() {
	if t.trace != nil {
		t.trace.done()
	}
}

// Add tries one event.
func (p *Plan) Add(ev *event.Event) {
	was, is := p.now.take(ev), p.next.take(ev)
	defer was.done()
	defer is.done()
	p.out.Events++
	if p.out.Oldest.IsZero() || ev.ReceivedAt.Before(p.out.Oldest) {
		p.out.Oldest = ev.ReceivedAt
	}
	if ev.ReceivedAt.After(p.out.Newest) {
		p.out.Newest = ev.ReceivedAt
	}
	if len(was.matched) == 0 {
		p.out.UnmatchedBefore++
	}
	if len(is.matched) == 0 {
		p.out.UnmatchedAfter++
	}
	changed := false
	for name := range names(was, is) {
		changed = p.compare(ev, name, was, is) || changed
	}
	if changed {
		p.out.Changed++
	}
}

// names are the routes that either Set has something to say by.
func names(all ...taken) map[string]bool {
	list := map[string]bool{}
	for _, t := range all {
		for name := range t.matched {
			list[name] = true
		}
		for name := range t.failing {
			list[name] = true
		}
	}
	return list
}

// compare notes what would be otherwise by one route, if anything would.
func (p *Plan) compare(ev *event.Event, name string, was, is taken) bool {
	before, took := was.matched[name]
	after, takes := is.matched[name]
	r := p.route(name)
	if took {
		r.before++
	}
	if takes {
		r.after++
	}
	err := is.failing[name]
	switch {
	case err != nil && was.failing[name] == nil:
		r.note(verdict.Failing, ev, is, []string{"when: " + err.Error()})
	case takes && !took:
		r.note(verdict.Gained, ev, is, []string{"to " + to(after)})
	case took && !takes:
		r.note(verdict.Lost, ev, is, lost(p.next, name, is, before))
	case to(before) != to(after):
		r.note(verdict.Moved, ev, is, []string{fmt.Sprintf("was to %s, would be to %s", to(before), to(after))})
	default:
		diffs := looks(was, is, before, after)
		if len(diffs) == 0 {
			return false
		}
		r.note(verdict.Different, ev, is, diffs)
	}
	return true
}

// lost says why a route does not take an event any more.
func lost(next *Set, name string, is taken, before []event.Delivery) []string {
	r, there := next.routes[name]
	switch {
	case is.trace == nil:
		return []string{"its source is gone"}
	case !there:
		return []string{"the route is gone; it went to " + to(before)}
	}
	switch is.outcome(r) {
	case verdict.Disabled:
		return []string{"the route is disabled"}
	case verdict.Elsewhere:
		return []string{"the route takes nothing from its source"}
	case verdict.Stopped:
		return []string{fmt.Sprintf("route %q takes it, and stops", is.stop.Name)}
	}
	x := is.explain()
	defer next.done(x.shown)
	return []string{reasons(x.conditions(r.spec.when))}
}

func (p *Plan) route(name string) *routePlan {
	r := p.routes[name]
	if r == nil {
		r = &routePlan{changes: map[string]*verdict.Change{}}
		p.routes[name] = r
	}
	return r
}

func (r *routePlan) note(kind string, ev *event.Event, is taken, diffs []string) {
	c := r.changes[kind]
	if c == nil {
		c = &verdict.Change{Kind: kind}
		r.changes[kind] = c
	}
	if c.Events++; len(c.Examples) >= planExamples {
		return
	}
	typ := ev.Type
	if is.trace != nil {
		typ = is.ev.Type
	}
	c.Examples = append(c.Examples, verdict.Example{
		Event: ev.ID, Source: ev.Source, Type: typ, ReceivedAt: ev.ReceivedAt, Diffs: diffs[:min(len(diffs), planDiffs)],
	})
}

// to names the destinations of deliveries.
func to(list []event.Delivery) string {
	if len(list) == 0 {
		return "no destination"
	}
	var names []string
	for _, d := range list {
		names = append(names, d.Destination)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// looks says how the requests to the same destinations differ.
func looks(was, is taken, before, after []event.Delivery) (diffs []string) {
	for _, b := range before {
		for _, a := range after {
			if a.Destination != b.Destination {
				continue
			}
			for _, x := range unlike(was.look(&b), is.look(&a)) {
				diffs = append(diffs, a.Destination+": "+x)
			}
		}
	}
	return diffs
}

// Result is what came of the events so far.
func (p *Plan) Result() *verdict.Plan {
	out := p.out
	out.Routes = []verdict.RoutePlan{}
	for _, set := range []*Set{p.next, p.now} {
		for _, r := range set.routeList {
			plan := p.routes[r.Name]
			if _, again := p.next.routes[r.Name]; plan == nil || len(plan.changes) == 0 || set == p.now && again {
				continue
			}
			out.Routes = append(out.Routes, plan.result(r.Name))
		}
	}
	return &out
}

func (r *routePlan) result(name string) verdict.RoutePlan {
	out := verdict.RoutePlan{Route: name, Before: r.before, After: r.after}
	for _, kind := range []string{verdict.Gained, verdict.Lost, verdict.Moved, verdict.Different, verdict.Failing} {
		if c := r.changes[kind]; c != nil {
			out.Changes = append(out.Changes, *c)
		}
	}
	return out
}
