package client

import (
	"context"
	"time"

	"github.com/hookrouter/hookrouter/verdict"
)

// Plan is what other rules would make of recorded events.
type Plan = verdict.Plan

// File is a rules file, or one that it includes, under the name by which it is included.
type File struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// PlanQuestion asks what other rules would make of events that were recorded.
type PlanQuestion struct {
	Rules  []File    `json:"rules"`            // the main file first
	Last   int       `json:"last,omitempty"`   // most events that are tried, the newest; 0 is 1,000, 10,000 is the most
	Since  time.Time `json:"since,omitzero"`   // of receipt
	Source string    `json:"source,omitempty"` // only of this one
}

// planTimeout bounds a call of Plan: the server tries events for at most 20 s.
const planTimeout = 2 * time.Minute

// Plan tries other rules on recorded events, on paper: nothing is stored or sent. References in them take the values that
// the server's environment has; what has none there is left out of the comparison. Faults of the rules are an *Error.
func (c *Client) Plan(ctx context.Context, q PlanQuestion) (*Plan, error) {
	v := new(Plan)
	return v, c.callWithin(ctx, planTimeout, "POST", "/api/v1/plan", q, v)
}
