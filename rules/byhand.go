package rules

import "strings"

// byHand begins the route of a delivery that a person asked for, and no rule: no name of a route has it.
const byHand = "@"

// ByHand is the route of a delivery that a person sends to a destination of their choice: shaped as by the route, or as
// the event came when that is "". What is by hand already stays so.
func ByHand(route string) string {
	if strings.HasPrefix(route, byHand) {
		return route
	}
	return byHand + route
}

// path finds the route of a delivery to a destination; nil when it may not be attempted now.
func (s *Set) path(route, destination string) *Route {
	name, chosen := strings.CutPrefix(route, byHand)
	r := s.routes[name]
	switch {
	case !chosen:
		if r != nil && r.leadsTo(destination) {
			return r
		}
		return nil
	case s.destinations[destination] == nil:
		return nil
	case name == "":
		return &Route{Name: byHand, Enabled: true}
	}
	return r
}

// hiding are the values of references that a request of the route to a destination holds.
func (r *Route) hiding(d *Destination) []string {
	if r.leadsTo(d.Name) {
		return r.spec.hidden[d.Name] // known beforehand
	}
	return r.spec.secrets(d)
}
