package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/event"
)

const (
	// AlertSource is the source of the events that hookrouter makes itself.
	AlertSource = "hookrouter"
	// AlertRoute is the route of their deliveries: no name of a route is like it.
	AlertRoute = "(alerts)"
)

// What an alert can be about.
const (
	AlertDead    = "dead"    // deliveries died
	AlertBreaker = "breaker" // a breaker opened or closed
	AlertReload  = "reload"  // the rules file is not what is live
	AlertAge     = "age"     // a delivery has been pending for long
)

func alertKinds() []string { return []string{AlertDead, AlertBreaker, AlertReload, AlertAge} }

// Alerts say which troubles operators are told of, and where.
type Alerts struct {
	To            []string // destinations; nil: nobody is told
	On            []string // of the kinds above
	OldestPending time.Duration
	Every         time.Duration // at most one alert of a kind in this time
}

// Alerts is what `alerts:` says, with its defaults.
func (s *Set) Alerts() Alerts { return s.alerts }

// Alert makes the event that tells of a trouble, with its deliveries. Its body is JSON.
func (s *Set) Alert(kind string, body []byte, now time.Time) (*event.Event, []event.Delivery) {
	ev := &event.Event{
		ID: event.NewEventID(now), Source: AlertSource, Type: "alert." + kind, ReceivedAt: now, Method: "POST",
		Header: map[string][]string{"Content-Type": {"application/json"}}, Body: body, RulesHash: s.hash,
	}
	m := matching{ev: ev, now: now}
	var ds []event.Delivery
	for _, d := range s.routes[AlertRoute].spec.targets {
		ds = append(ds, m.delivery(s.routes[AlertRoute], d))
	}
	return ev, ds
}

// readAlerts reads the block, which makes a route of its own that no source leads to.
func (p *parser) readAlerts(n *yaml.Node) (a Alerts) {
	if n == nil || isNull(n) {
		return a
	}
	a = Alerts{On: alertKinds(), OldestPending: 10 * time.Minute, Every: 5 * time.Minute}
	b, _ := p.block(n, "alerts", alertKeys)
	if n := b.get("on"); n != nil {
		a.On = p.alertKinds(n)
	}
	if n := b.get("oldest_pending"); n != nil {
		p.setDuration(&a.OldestPending, n, "oldest_pending", 3650*day)
	}
	if n := b.get("every"); n != nil {
		p.setDuration(&a.Every, n, "every", 3650*day)
	}
	a.To = p.alertRoute(n, b)
	return a
}

func (p *parser) alertKinds(n *yaml.Node) (kinds []string) {
	list, nodes := p.names(n, "on")
	for i, kind := range list {
		if !slices.Contains(alertKinds(), kind) {
			p.fault(nodes[i], fmt.Sprintf("alerts: unknown trouble %q", clip(kind)), didYouMean(kind, alertKinds()))
		}
	}
	return list
}

func (p *parser) alertRoute(n *yaml.Node, b block) []string {
	to := b.get("to")
	if to == nil {
		p.fault(n, "alerts has no to", "name the destination that is told")
		return nil
	}
	r := &Route{Name: AlertRoute, Enabled: true, spec: routeSpec{at: n}}
	r.To, r.spec.to = p.names(to, "to")
	p.shape(r, b)
	var known []string
	for _, d := range p.set.destList {
		known = append(known, d.Name)
	}
	p.linkTo(r, known)
	r.spec.hidden = r.spec.hides()
	r.spec.at, r.spec.to, r.spec.transforms = nil, nil, nil
	p.set.routes[AlertRoute] = r
	return r.To
}

// alertWords are the kinds as the reference shows them.
func alertWords() string { return "`[" + strings.Join(alertKinds(), ", ") + "]`" }
