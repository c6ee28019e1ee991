package event

import "fmt"

// State is where a delivery stands. Only Pending is ever leased; Delivered, Dead and Canceled are final until a
// replay opens a new round.
type State uint8

// The states. "Retrying" is Pending with attempts; "parked" is Pending whose route or destination is not in the rules.
const (
	Pending State = iota + 1
	Delivered
	Dead
	Canceled
)

var stateNames = [...]string{Pending: "pending", Delivered: "delivered", Dead: "dead", Canceled: "canceled"}

// String gives the name used in API, logs and metrics.
func (s State) String() string { return name(stateNames[:], int(s), "state") }

// MarshalText writes the name.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts only the names of States.
func (s *State) UnmarshalText(b []byte) error {
	v, err := ParseState(string(b))
	*s = v
	return err
}

// ParseState is the inverse of String; the error names the value.
func ParseState(text string) (State, error) {
	for i, n := range stateNames {
		if n != "" && n == text {
			return State(i), nil
		}
	}
	return 0, fmt.Errorf("unknown state %q", text)
}

// Final reports whether nothing more happens to a delivery in this state by itself.
func (s State) Final() bool { return s != Pending }

// Reason says why a delivery is dead or canceled. It is stored in records: numbers are never reused or changed.
type Reason uint8

// Reasons of dead deliveries, then of canceled ones.
const (
	NoReason        Reason = 0
	ReasonRefused   Reason = 1 // the destination answered with a status that is not retried
	ReasonExpired   Reason = 2 // its time ran out before it was delivered
	ReasonExhausted Reason = 3 // retry.attempts were used up
	ReasonRule      Reason = 4 // the rules could not make a request of it
	ReasonMatch     Reason = 5 // a rule failed while it was matched, and nothing else matched
	ReasonDamaged   Reason = 6 // its event is not on disk as it was written
	// ReasonQuarantined: the process died of it, twice.
	ReasonQuarantined Reason = 7
	ReasonUnanswered  Reason = 8 // its sender waited for the answer, and there was none in time
	ReasonSkipped     Reason = 32
	ReasonCoalesced   Reason = 33
	ReasonCanceled    Reason = 34 // by a person
	ReasonDropped     Reason = 35 // a dead letter that a person dropped
)

var reasonNames = [...]string{
	NoReason: "", ReasonRefused: "refused", ReasonExpired: "expired", ReasonExhausted: "exhausted",
	ReasonRule: "rule_error", ReasonMatch: "match_error", ReasonDamaged: "damaged", ReasonQuarantined: "quarantined", ReasonUnanswered: "unanswered",
	ReasonSkipped:   "skipped",
	ReasonCoalesced: "coalesced", ReasonCanceled: "canceled", ReasonDropped: "dropped",
}

// String gives the name used in API, logs and metrics; "" for NoReason.
func (r Reason) String() string {
	if r == NoReason {
		return ""
	}
	return name(reasonNames[:], int(r), "reason")
}

func name(names []string, i int, kind string) string {
	if i < len(names) && names[i] != "" {
		return names[i]
	}
	return fmt.Sprintf("%s(%d)", kind, i)
}
