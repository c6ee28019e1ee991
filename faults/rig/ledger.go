package rig

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"

	"github.com/tidwall/gjson"

	"github.com/hookrouter/hookrouter/sink"
)

// Secret is that of the stripe source that Senders send to.
const Secret = "whsec_a_secret_of_the_ledger_tests"

// Ledger knows what was sent, what was acknowledged and what arrived, and so what was lost.
type Ledger struct {
	mu      sync.Mutex
	sent    map[string][32]byte // by the sender's id: hash of the body
	acked   map[string]bool
	arrived map[string]int
	wrong   []string // deliveries whose body is not what was sent
	refused map[int]int
	curt    int // refusals without a Retry-After

	Accepted atomic.Int64
	Pad      int // bodies have up to so many bytes; 4000 by default
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{Pad: 4000, sent: map[string][32]byte{}, acked: map[string]bool{}, arrived: map[string]int{}, refused: map[int]int{}}
}

// answer notes what a sender was told, and reports whether the event was acknowledged.
func (l *Ledger) answer(id string, a Answer) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.Status/100 == 2 {
		l.acked[id] = true
		l.Accepted.Add(1)
		return true
	}
	l.refused[a.Status]++
	if a.RetryAfter == "" {
		l.curt++
	}
	return false
}

// Refused counts the answers with this status.
func (l *Ledger) Refused(status int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused[status]
}

// Receive notes a delivery; it is the sink's Seen.
func (l *Ledger) Receive(r sink.Request) {
	id := idOf(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrived[id]++
	if hash, ok := l.sent[id]; !ok || hash != r.Hash {
		l.wrong = append(l.wrong, id)
	}
}

// idOf is the id in a body, of which the sink may have kept only the beginning; without one it is wrong.
func idOf(body []byte) string { return gjson.GetBytes(body, "id").String() }

// Faults lists everything that must not be. lost is how many attempts the server says were cut off without a result.
func (l *Ledger) Faults(lost int) (faults []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	missing, extra := l.missing(), 0
	for _, n := range l.arrived {
		extra += n - 1
	}
	if missing > 0 {
		faults = append(faults, fmt.Sprintf("%d of %d acknowledged events never arrived", missing, len(l.acked)))
	}
	if len(l.wrong) > 0 {
		faults = append(faults, fmt.Sprintf("%d deliveries have other bytes than were sent, %s first", len(l.wrong), l.wrong[0]))
	}
	for status, n := range l.refused {
		if status != http.StatusServiceUnavailable {
			faults = append(faults, fmt.Sprintf("%d events were answered %d", n, status))
		}
	}
	if l.curt > 0 {
		faults = append(faults, fmt.Sprintf("%d refusals did not say when to come again", l.curt))
	}
	if extra > lost {
		faults = append(faults, fmt.Sprintf("%d deliveries too many, %d attempts were cut off", extra, lost))
	}
	return faults
}

// Missing counts the events that were acknowledged and did not arrive.
func (l *Ledger) Missing() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.missing()
}

func (l *Ledger) missing() (n int) {
	for id := range l.acked {
		if l.arrived[id] == 0 {
			n++
		}
	}
	return n
}

// Wrong counts the deliveries with other bytes than were sent.
func (l *Ledger) Wrong() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.wrong)
}

// Count gives how many were sent, acknowledged and arrived, each id once.
func (l *Ledger) Count() (sent, acked, arrived int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent), len(l.acked), len(l.arrived)
}
