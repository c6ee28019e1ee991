package client

import (
	"context"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/verdict"
)

// Explanation is what rules do with one event, and why.
type Explanation = verdict.Explanation

// Question says which event is to be explained: a stored one, a raw request, or a sample of a source's preset.
type Question struct {
	Event event.EventID `json:"event,omitzero"`
	// Source takes the request; "" is the one whose path it has.
	Source  string `json:"source,omitempty"`
	Request []byte `json:"request,omitempty"` // one HTTP request as it went over the wire, its body behind the empty line
	Sample  string `json:"sample,omitempty"`  // event of the preset that has a sample; "" is the first, when there is neither Event nor Request
	// Rules are tried instead of those in force: the main file first. They are for an Event only.
	Rules []File `json:"rules,omitempty"`
	// At is when the request arrives; zero is now.
	At time.Time `json:"at,omitzero"`
}

// Explain asks what the rules in force do with an event, and why. Nothing is stored or sent.
func (c *Client) Explain(ctx context.Context, q Question) (*Explanation, error) {
	return ask[Explanation](ctx, c, "/api/v1/explain", q)
}
