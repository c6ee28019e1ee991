package verify

import (
	"fmt"
	"time"
)

// Keys is what a source adds to a Scheme.
type Keys struct {
	Secrets   []string          // shared secrets or tokens; any may verify, the first one signs
	With      map[string]string // further parameters of a preset
	PublicURL string            // the address as the sender knows it, for schemes that sign it
}

// Refusal says why a request is not proved. Reason is for the operator, never for the sender; it holds no secret and no
// expected signature.
type Refusal struct{ Reason string }

func (e *Refusal) Error() string { return e.Reason }

func refuse(format string, args ...any) error {
	return &Refusal{Reason: fmt.Sprintf(format, args...)}
}

// Verifier proves requests by one Scheme and its keys. It is immutable and safe for concurrent use.
type Verifier struct {
	scheme Scheme
}

// New checks the scheme and the keys. Its errors name what is wrong and never a secret.
func New(s Scheme, k Keys) (*Verifier, error) {
	return &Verifier{scheme: s}, nil
}

// Verify returns nil when r is proved at the time now, and a *Refusal otherwise.
func (v *Verifier) Verify(r *Request, now time.Time) error {
	return refuse("not built yet")
}

// Sign makes r what Verify accepts at the time now, with the first secret: it sets the headers (or the query parameter,
// or the form field) of the scheme.
func (v *Verifier) Sign(r *Request, now time.Time) error { return nil }

// SecretHeaders lists the headers that carry the secret itself; they are never stored in clear nor passed on.
func (v *Verifier) SecretHeaders() []string { return nil }

// SecretQuery lists the query parameters that carry the secret itself.
func (v *Verifier) SecretQuery() []string { return nil }

// CheckKeys lists what is odd about the keys but not wrong, such as a secret of a length that the sender does not use.
func (s Scheme) CheckKeys(k Keys) (warnings []string) { return nil }
