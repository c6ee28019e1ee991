package verdict

import (
	"time"

	"github.com/hookrouter/hookrouter/event"
)

// Plan is what other rules would make of events that were recorded, beside what the rules in force make of them now.
type Plan struct {
	RulesHash string `json:"rules_hash"` // of the rules in force
	NewHash   string `json:"new_hash"`
	Events    int    `json:"events"`  // that were tried
	Changed   int    `json:"changed"` // of these: something would be otherwise
	// Oldest and Newest say when these came.
	Oldest time.Time `json:"oldest,omitzero"`
	Newest time.Time `json:"newest,omitzero"`
	// Skipped are events that can no longer be read. Cut says why fewer were tried than asked for.
	Skipped int    `json:"skipped,omitempty"`
	Cut     string `json:"cut,omitempty"`
	// UnmatchedBefore and UnmatchedAfter are events that no route takes, by the rules in force and by the new ones.
	UnmatchedBefore int         `json:"unmatched_before"`
	UnmatchedAfter  int         `json:"unmatched_after"`
	Routes          []RoutePlan `json:"routes"` // with changes, in the order of the new rules, then those that are gone
	// Unset are references that have no value here. What they stand for is not compared.
	Unset []string `json:"unset,omitempty"`
}

// RoutePlan is what becomes of one route.
type RoutePlan struct {
	Route   string   `json:"route"`
	Before  int      `json:"before"` // events that it takes now
	After   int      `json:"after"`  // and would take
	Changes []Change `json:"changes"`
}

// Kind of a [Change].
const (
	Gained    = "gained"    // the route would take the event, and does not now
	Lost      = "lost"      // the other way round
	Moved     = "moved"     // it would go to other destinations
	Different = "different" // a request would look different
	Failing   = "failing"   // its condition could not be computed
)

// Change is one kind of difference.
type Change struct {
	Kind     string    `json:"kind"`
	Events   int       `json:"events"`
	Examples []Example `json:"examples"` // a few of them
}

// Example is one event with what would be otherwise.
type Example struct {
	Event      event.EventID `json:"event"`
	Source     string        `json:"source"`
	Type       string        `json:"type,omitempty"`
	ReceivedAt time.Time     `json:"received_at"`
	Diffs      []string      `json:"diffs,omitempty"`
}
