package deliver

import (
	"context"
	"fmt"
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
	s := &Status{Name: name, Breaker: "closed"}
	s.Paused, s.PausedSince = d.opts.paused(name)
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
		Paused: g.paused, PausedSince: l.pausedAt,
		InFlight: g.running, Concurrency: g.limit.Concurrency, Ramp: g.most(), Rate: g.limit.Rate,
		LastError: l.lastError, LastErrorAt: l.errorAt,
	}
	if g.hold.After(now) {
		s.Hold = g.hold
	}
	return s
}

// pauseNote is the prefix of the queue's notes that say which destinations are paused, and since when.
const pauseNote = "pause/"

// Pause stops attempts to a destination until Resume, over restarts; attempts that run go on. It returns when the
// pause is durable. Pausing twice is no error. ErrUnknown, or the queue's error.
func (d *Deliverer) Pause(ctx context.Context, name string) error {
	if _, ok := d.opts.Queue.Note(pauseNote + name); ok {
		return nil
	}
	return d.note(ctx, name, time.Now().UTC().Format(time.RFC3339))
}

// Resume ends a pause and a hold. It is no error when there was none. ErrUnknown, or the queue's error.
func (d *Deliverer) Resume(ctx context.Context, name string) error {
	if err := d.note(ctx, name, ""); err != nil {
		return err
	}
	if l := d.lane(name); l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.gate.hold = time.Time{}
		l.wake()
	}
	return nil
}

// note stores the pause and then lets the lane read it. One that is made meanwhile reads it by itself.
func (d *Deliverer) note(ctx context.Context, name, since string) error {
	if err := d.known(name); err != nil {
		return err
	}
	if _, ok := d.opts.Queue.Note(pauseNote + name); ok || since != "" {
		if err := d.opts.Queue.SetNote(ctx, pauseNote+name, since); err != nil {
			return fmt.Errorf("destination %q: pause: %w", name, err)
		}
	}
	if l := d.lane(name); l != nil {
		l.readPause()
	}
	return nil
}

// readPause takes over what the note says.
func (l *lane) readPause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gate.paused, l.pausedAt = l.opts.paused(l.name)
	l.wake()
}

// paused is what the note says; since is zero when it says something else than a time.
func (o *Options) paused(name string) (paused bool, since time.Time) {
	text, paused := o.Queue.Note(pauseNote + name)
	since, _ = time.Parse(time.RFC3339, text)
	return paused, since
}

// Probe lets an open breaker try one delivery now instead of when its cooldown ends; it does nothing when the breaker
// is not open. ErrUnknown.
func (d *Deliverer) Probe(_ context.Context, name string) error {
	if err := d.known(name); err != nil {
		return err
	}
	l := d.lane(name)
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gate.breaker.probe(time.Now())
	l.wake()
	return nil
}
