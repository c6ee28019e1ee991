package rules

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/hookrouter/hookrouter/verdict"
)

// Suite is tests for one Set, and what the tests that were run have seen of its routes. It is used by one goroutine at a
// time.
type Suite struct {
	set     *Set
	tests   []*test
	covered map[*Route]*Coverage
}

// Coverage says whether tests tried both ways of a route.
type Coverage struct {
	Route   string `json:"route"`
	Matched int    `json:"matched"` // tests whose event it took
	Missed  int    `json:"missed"`  // tests whose event is of one of its sources, and which it did not take
	// Always says that it takes all events of its sources that reach it: no test can make it miss by its condition.
	Always bool `json:"always,omitempty"`
}

// OK reports whether a test matched the route, and one missed it unless it takes everything.
func (c Coverage) OK() bool { return c.Matched > 0 && (c.Missed > 0 || c.Always) }

// Suite holds the tests that stand in the files of the Set.
func (s *Set) Suite() *Suite { return &Suite{set: s, tests: s.tests, covered: map[*Route]*Coverage{}} }

// Run runs the tests whose name matches run; nil runs all. It uses the very Match and Render of the server.
func (x *Suite) Run(run *regexp.Regexp) []TestResult {
	var results []TestResult
	for _, t := range x.tests {
		if run != nil && !run.MatchString(t.name) {
			continue
		}
		diffs := x.set.runTest(t, x.cover)
		results = append(results, TestResult{
			Name: t.name, File: t.file, Line: t.line, Passed: len(diffs) == 0, Diffs: diffs,
		})
	}
	return results
}

func (x *Suite) cover(t *trace) {
	for _, r := range t.src.routes {
		c := x.covered[r]
		if c == nil {
			c = &Coverage{}
			x.covered[r] = c
		}
		if t.outcome(r) == verdict.Matched {
			c.Matched++
		} else {
			c.Missed++
		}
	}
}

// Coverage says of each route that is enabled what the tests that were run have seen of it, in the order of the file.
func (x *Suite) Coverage() []Coverage {
	var list []Coverage
	for _, r := range x.set.routeList {
		if !r.Enabled {
			continue
		}
		c := Coverage{Route: r.Name, Always: r.spec.when == nil}
		if seen := x.covered[r]; seen != nil {
			c.Matched, c.Missed = seen.Matched, seen.Missed
		}
		list = append(list, c)
	}
	return list
}

// missing says why no more deliveries go to a destination: what the routes that lead there did.
func (t *trace) missing(destination string) (why []string) {
	x := t.explain()
	defer t.set.done(x.shown)
	leads := false
	for _, r := range t.src.routes {
		if !r.leadsTo(destination) {
			continue
		}
		leads = true
		switch t.outcome(r) {
		case verdict.Stopped:
			why = append(why, fmt.Sprintf("  route %q is not looked at: route %q matched, and stops", r.Name, t.stop.Name))
		case verdict.Missed:
			why = append(why, fmt.Sprintf("  route %q missed: %s", r.Name, reasons(x.conditions(r.spec.when))))
		}
	}
	if !leads {
		why = append(why, fmt.Sprintf("  no route from %q leads there", t.src.Name))
	}
	return why
}

// reasons are the conditions that are false, with what they saw.
func reasons(list []verdict.Condition) string {
	var all []string
	for _, c := range list {
		if c.True {
			continue
		}
		text := strings.Join(strings.Fields(c.Expression), " ")
		var values []string
		for _, v := range c.Values {
			values = append(values, v.Expression+" is "+v.Value)
		}
		if c.Error != "" {
			values = []string{c.Error}
		}
		if len(values) > 0 {
			text += " (" + strings.Join(values, ", ") + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}
