package router

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/router/deliver"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
)

const (
	alertLook  = 2 * time.Second // between looks: what happens together is told together
	alertItems = 50              // in one alert; all are counted
)

// alerter tells operators what they asked for in the rules. An alert is an event of our own, stored and delivered like any
// other; the troubles of the destinations that are told are not told, or one would make the next.
type alerter struct {
	queue   *queue.Queue
	deliver *deliver.Deliverer
	rules   *loader
	log     *slog.Logger

	next   map[string]time.Time // by kind: no alert before
	told   map[string]int       // deaths by group that were told of
	open   map[string]breakerTold
	reload string          // the fault that was told of
	old    map[string]bool // destinations whose age was told of
}

type breakerTold struct {
	open  bool
	since time.Time
}

// alert is what destinations get.
type alert struct {
	Alert string    `json:"alert"`
	Text  string    `json:"text"` // all of it, for people
	At    time.Time `json:"at"`
	Count int       `json:"count"`
	Items []any     `json:"items"` // the first 50 of what Text says, for machines
}

func newAlerter(q *queue.Queue, d *deliver.Deliverer, l *loader, log *slog.Logger) *alerter {
	a := &alerter{
		queue: q, deliver: d, rules: l, log: log,
		next: map[string]time.Time{}, told: map[string]int{}, open: map[string]breakerTold{}, old: map[string]bool{},
	}
	for _, g := range q.Deaths() {
		a.told[g.Fingerprint] = g.Count
	}
	return a
}

func (a *alerter) run(ctx context.Context) {
	for sleep(ctx, alertLook) {
		a.look(ctx, time.Now().UTC())
	}
}

// look tells of each kind that is asked for, if its time has come.
func (a *alerter) look(ctx context.Context, now time.Time) {
	set := a.rules.live.Load()
	want := set.Alerts()
	if len(want.To) == 0 {
		return
	}
	status := slices.DeleteFunc(a.deliver.Destinations(), func(s deliver.Status) bool { return slices.Contains(want.To, s.Name) })
	kinds := map[string]func() (*alert, func()){
		rules.AlertDead:    func() (*alert, func()) { return a.dead(ctx) },
		rules.AlertBreaker: func() (*alert, func()) { return a.breakers(status) },
		rules.AlertReload:  a.refused,
		rules.AlertAge:     func() (*alert, func()) { return a.age(status, now, want.OldestPending) },
	}
	for _, kind := range want.On {
		if now.Before(a.next[kind]) {
			continue
		}
		if what, told := kinds[kind](); what != nil && a.tell(ctx, set, kind, what, now) {
			told()
			a.next[kind] = now.Add(want.Every)
		}
	}
}

// tell stores an alert; false when that has to be tried again.
func (a *alerter) tell(ctx context.Context, set *rules.Set, kind string, what *alert, now time.Time) bool {
	what.Alert, what.At = kind, now
	what.Items = what.Items[:min(len(what.Items), alertItems)]
	body, err := json.Marshal(what)
	if err == nil {
		ev, deliveries := set.Alert(kind, body, now)
		_, err = a.queue.Enqueue(ctx, ev, deliveries)
	}
	if err != nil && ctx.Err() == nil {
		a.log.Error("alert is not stored", "kind", kind, "text", what.Text, "error", err)
	}
	return err == nil
}

// add counts an item and tells of it in the text, as long as there are not too many.
func (w *alert) add(n int, item any, format string, args ...any) {
	w.Count += n
	w.Items = append(w.Items, item)
	if len(w.Items) <= alertItems {
		w.Text = strings.TrimPrefix(w.Text+"; "+fmt.Sprintf(format, args...), "; ")
	}
}

type deadItem struct {
	Group       string    `json:"group"`
	Destination string    `json:"destination"`
	Route       string    `json:"route"`
	Reason      string    `json:"reason"`
	Class       string    `json:"error_class,omitempty"`
	Error       string    `json:"last_error,omitempty"`
	Count       int       `json:"count"`
	Last        time.Time `json:"last_dead,omitzero"`
	Example     string    `json:"example"`
}

// dead tells of what died since it last told of that.
func (a *alerter) dead(ctx context.Context) (*alert, func()) {
	what, counts := &alert{}, map[string]int{}
	var examples map[string]queue.DeadGroup
	for _, g := range a.queue.Deaths() {
		n := g.Count - a.told[g.Fingerprint]
		counts[g.Fingerprint] = g.Count
		if n == 0 || g.Route == rules.AlertRoute {
			continue
		}
		if examples == nil {
			examples = a.examples(ctx)
		}
		x := examples[g.Fingerprint]
		what.add(n, deadItem{
			Group: g.Fingerprint, Destination: g.Destination, Route: g.Route, Reason: g.Reason.String(), Class: g.Class,
			Error: x.Attempt.Error, Count: n, Last: x.Last, Example: x.Example.ID.String(),
		}, "%d to %s by %s: %s", n, g.Destination, g.Route, strings.TrimSpace(g.Reason.String()+" "+g.Class))
	}
	if what.Count == 0 {
		return nil, nil
	}
	what.Text = fmt.Sprintf("%d dead: %s", what.Count, what.Text)
	return what, func() { a.told = counts }
}

// examples are the groups that are dead now, by fingerprint; none when they cannot be read.
func (a *alerter) examples(ctx context.Context) map[string]queue.DeadGroup {
	groups, err := a.queue.DeadGroups(ctx, "", "", time.Time{})
	if err != nil {
		a.log.Warn("alert without examples", "error", err)
	}
	by := map[string]queue.DeadGroup{}
	for _, g := range groups {
		by[g.Fingerprint] = g
	}
	return by
}

type breakerItem struct {
	Destination string    `json:"destination"`
	Breaker     string    `json:"breaker"`
	Since       time.Time `json:"since"`
	Error       string    `json:"last_error,omitempty"`
}

// breakers tells of those that are not as it last told, or were otherwise in between.
func (a *alerter) breakers(status []deliver.Status) (*alert, func()) {
	what, seen := &alert{}, map[string]breakerTold{}
	for _, s := range status {
		is, was := breakerTold{s.Breaker != "closed", s.BreakerSince}, a.open[s.Name]
		seen[s.Name] = is
		item := breakerItem{s.Name, s.Breaker, s.BreakerSince, s.LastError}
		switch {
		case is.open && !was.open:
			what.add(1, item, "breaker of %s is open: %s", s.Name, s.LastError)
		case !is.open && was.open:
			what.add(1, item, "breaker of %s is closed again", s.Name)
		case !is.open && !is.since.Equal(was.since):
			what.add(1, item, "breaker of %s was open, and is closed again", s.Name)
		}
	}
	if what.Count == 0 {
		return nil, nil
	}
	return what, func() { a.open = seen }
}

type reloadItem struct {
	File  string `json:"file"`
	Error string `json:"error"`
}

// refused tells once of each way in which the rules file is not what is live.
func (a *alerter) refused() (*alert, func()) {
	s := a.rules.status()
	if s.OK || s.Error == a.reload {
		if s.OK {
			a.reload = ""
		}
		return nil, nil
	}
	what := &alert{}
	what.add(1, reloadItem{s.File, s.Error}, "the rules file is not live: %s", s.Error)
	return what, func() { a.reload = s.Error }
}

type ageItem struct {
	Destination string    `json:"destination"`
	Pending     int       `json:"pending"`
	Oldest      time.Time `json:"oldest_pending"`
}

// age tells once of each destination for which something has been pending for long, until it has caught up.
func (a *alerter) age(status []deliver.Status, now time.Time, limit time.Duration) (*alert, func()) {
	what, late := &alert{}, map[string]bool{}
	for _, s := range status {
		if s.Oldest.IsZero() || now.Sub(s.Oldest) < limit {
			delete(a.old, s.Name)
			continue
		}
		late[s.Name] = true
		if !a.old[s.Name] {
			what.add(1, ageItem{s.Name, s.Pending, s.Oldest},
				"%s is behind: %d pending, the oldest for %v", s.Name, s.Pending, now.Sub(s.Oldest).Round(time.Second))
		}
	}
	if what.Count == 0 {
		return nil, nil
	}
	return what, func() { a.old = late }
}
