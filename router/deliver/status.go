package deliver

import (
	"slices"
	"strings"
	"time"
)

// Status is a destination as it is now.
type Status struct {
	Name   string
	URL    string // secrets masked; "" when Parked
	Parked bool   // not in the rules now: its deliveries wait for it to return

	Breaker      string    // closed, open or half-open
	BreakerSince time.Time // when it changed to that; zero when it never did
	NextProbe    time.Time // when an open breaker lets the next attempt through, else zero
	Hold         time.Time // until when the destination asked to be left alone, else zero
	Paused       bool      // until a person resumes it
	PausedSince  time.Time // zero when unknown
	Gone         bool      // it paused itself, by an answer of 410: another URL ends the pause, too

	InFlight    int     // attempts that run
	Concurrency int     // most attempts at once
	Ramp        int     // most attempts at once now, while the lane is starting; else Concurrency
	Rate        float64 // most attempts a second, 0 when unbounded

	Pending, Due, Dead int
	Aside              int       // of the pending ones: their route is not in the rules now, so they wait for it to return
	Oldest             time.Time // when the oldest pending delivery was created; zero when none
	NextDue            time.Time // zero when none

	LastError   string // of the newest attempt that was not answered 2xx; "" when there was none
	LastErrorAt time.Time
}

// Destinations are those of the rules and those that still have deliveries, by name.
func (d *Deliverer) Destinations() []Status {
	byName := map[string]*Status{}
	for _, l := range d.allLanes() {
		s := l.status()
		byName[s.Name] = &s
	}
	named := func(name string) *Status {
		if byName[name] == nil {
			byName[name] = d.idle(name)
		}
		return byName[name]
	}
	set := d.opts.Rules()
	for _, dest := range set.Destinations() {
		named(dest.Name)
	}
	for _, q := range d.opts.Queue.Destinations() {
		s := named(q.Destination)
		s.Pending, s.Due, s.Dead, s.Aside, s.Oldest, s.NextDue = q.Pending, q.Due, q.Dead, q.Aside, q.Oldest, q.NextDue
	}
	list := make([]Status, 0, len(byName))
	for name, s := range byName {
		if dest, ok := set.Destination(name); ok {
			s.URL, s.Parked = dest.URL, false
		} else if s.Parked = true; s.Pending == 0 && s.Dead == 0 {
			continue
		}
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Status) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// idle is the status of a destination without a lane: it is not in the rules, or Run has only begun.
func (d *Deliverer) idle(name string) *Status {
	s, url := &Status{Name: name, Breaker: "closed"}, ""
	if dest, ok := d.opts.Rules().Destination(name); ok {
		url = dest.Fingerprint()
	}
	p, ok := d.opts.pause(name, url)
	s.Paused, s.PausedSince, s.Gone = ok, p.since, ok && p.url != ""
	return s
}

// status is what the lane itself knows.
func (l *lane) status() Status {
	l.mu.Lock()
	defer l.mu.Unlock()
	g, now := l.gate, time.Now()
	s := Status{
		Name: l.name, Parked: g.parked,
		Breaker: g.breaker.state.String(), BreakerSince: g.breaker.since, NextProbe: g.breaker.until,
		Paused: g.paused, PausedSince: l.pause.since, Gone: g.paused && l.pause.url != "",
		InFlight: g.running, Concurrency: g.limit.Concurrency, Ramp: g.most(now), Rate: g.limit.Rate,
		LastError: l.lastError, LastErrorAt: l.errorAt,
	}
	if g.hold.After(now) {
		s.Hold = g.hold
	}
	return s
}
