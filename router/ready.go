package router

import (
	"errors"

	"github.com/hookrouter/hookrouter/router/admin"
)

// ready says why no events are accepted, or nil.
func (r *Router) ready() error {
	for _, c := range r.checks() {
		if c.Err != nil {
			return c.Err
		}
	}
	return nil
}

// checks is everything that decides whether events are accepted. Old rules do not: they are good rules.
func (r *Router) checks() []admin.Check {
	log := admin.Check{Name: "log", Note: "accepting", Err: r.queue.Health().Trouble()}
	draining := admin.Check{Name: "draining", Note: "no"}
	if r.ingest.Draining() {
		draining.Err = errors.New("draining")
	}
	return []admin.Check{r.rules.check(), log, draining}
}

// check says where the rules in force come from. It names no fault: readiness is told to everybody.
func (l *loader) check() admin.Check {
	c := admin.Check{Name: "rules", Note: "the file is live"}
	switch result := l.result.Load(); {
	case result.FellBack:
		c.Note = "the file is bad: running on the rules that were live before the start"
	case result.Err != nil:
		c.Note = "the file is bad: the rules before it stay live"
	}
	return c
}
