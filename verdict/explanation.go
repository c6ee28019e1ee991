package verdict

import (
	"slices"

	"github.com/hookrouter/hookrouter/event"
)

// Explanation is what the rules do with one event, and why.
type Explanation struct {
	RulesHash string        `json:"rules_hash"`
	Source    string        `json:"source"`
	Event     event.EventID `json:"event"` // of a request that is not stored: one made for it
	Type      string        `json:"type,omitempty"`
	SenderID  string        `json:"sender_id,omitempty"`
	DedupeKey string        `json:"dedupe_key,omitempty"`
	Proof     Proof         `json:"proof"`
	Matched   bool          `json:"matched"` // by some route, with or without destinations
	// Rejected says that the source refuses what no route matches.
	Rejected bool     `json:"rejected,omitempty"`
	Marks    []string `json:"marks,omitempty"` // what went wrong on the way
	Routes   []Route  `json:"routes"`          // all of the file, in its order
}

// Outcome of a [Proof].
const (
	Valid      = "valid"
	Invalid    = "invalid"
	Unverified = "unverified" // the source asks for no proof
	Stored     = "stored"     // it was proved when it came
	Handshake  = "handshake"  // answered, not stored: no route is asked
	Refused    = "refused"    // before it is proved: method, size
)

// Proof says whether the request would be taken from its sender.
type Proof struct {
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"` // why not
	Hint    string `json:"hint,omitempty"`
}

// OK reports whether routes are asked about the request.
func (p Proof) OK() bool { return p.Outcome == Valid || p.Outcome == Unverified || p.Outcome == Stored }

// Outcome of a [Route].
const (
	Matched   = "matched"
	Missed    = "missed"   // its condition is false
	Erred     = "error"    // its condition cannot be computed
	Stopped   = "stopped"  // not looked at: a route above it matched, and stops
	Disabled  = "disabled" // by the file
	Elsewhere = "other_source"
)

// Route is what one route makes of the event.
type Route struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	// StoppedBy is the route that ended the walk before this one.
	StoppedBy string `json:"stopped_by,omitempty"`
	Error     string `json:"error,omitempty"`
	// Near says that all but one of its conditions hold.
	Near       bool        `json:"near,omitempty"`
	Conditions []Condition `json:"conditions,omitempty"`
	Reply      string      `json:"reply,omitempty"` // what the sender is answered, where the route says so
	Deliveries []Delivery  `json:"deliveries,omitempty"`
}

// Condition is one of the parts of a route's `when` that `and` joins, computed by itself.
type Condition struct {
	Expression string  `json:"expression"`
	True       bool    `json:"true"`
	Error      string  `json:"error,omitempty"`
	Values     []Value `json:"values,omitempty"` // what it looks at
	Needs      string  `json:"needs,omitempty"`  // of one that is false: what would make it true
}

// Value is something that an expression looks up in the event.
type Value struct {
	Expression string `json:"expression"`
	Value      string `json:"value"` // as an expression would write it; long ones are cut
}

// Outcome of a [Delivery].
const (
	Sent    = "request"
	Skipped = "skipped"
	Dead    = "dead"
)

// Delivery is what one destination gets by one route.
type Delivery struct {
	Destination string    `json:"destination"`
	Outcome     string    `json:"outcome"`
	Reason      string    `json:"reason,omitempty"` // when it is skipped or dead
	OrderKey    string    `json:"order_key,omitempty"`
	Delay       string    `json:"delay,omitempty"` // from accept until the first attempt
	Coalesce    *Coalesce `json:"coalesce,omitempty"`
	Request     *Request  `json:"request,omitempty"`
}

// Coalesce is the window in which events with the same key become one delivery.
type Coalesce struct {
	Key  string `json:"key"`
	Wait string `json:"wait"`
	Max  string `json:"max,omitempty"`
}

// Request is what is sent at the first attempt. Values that may be secret are ***, and webhook-id, which is made at
// accept, is dlv_….
type Request struct {
	Method string              `json:"method"`
	URL    string              `json:"url"`
	Header map[string][]string `json:"headers"`
	Body   string              `json:"body"`             // in base64 when Base64 says so
	Base64 bool                `json:"base64,omitempty"` // the body is no text
	Length int                 `json:"length"`           // bytes of the body
	SHA256 string              `json:"sha256"`           // of the whole body, in hex
	Cut    bool                `json:"cut,omitempty"`    // Body is only its beginning
	// Untouched says that the body is the sender's, byte for byte.
	Untouched bool `json:"untouched,omitempty"`
}

// Destinations are those that get a request, each once, sorted.
func (x *Explanation) Destinations() []string {
	var list []string
	for _, r := range x.Routes {
		for _, d := range r.Deliveries {
			if d.Outcome == Sent {
				list = append(list, d.Destination)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}
