package rig

import (
	"encoding/json"
	"fmt"
	"sync"
	"sync/atomic"

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

	Accepted atomic.Int64
}

// NewLedger returns an empty ledger.
func NewLedger() *Ledger {
	return &Ledger{sent: map[string][32]byte{}, acked: map[string]bool{}, arrived: map[string]int{}}
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

func idOf(body []byte) string {
	var b struct{ ID string }
	_ = json.Unmarshal(body, &b) // a body that is no JSON has no id and so is wrong
	return b.ID
}

// Faults lists everything that must not be. lost is how many attempts the server says were cut off without a result.
func (l *Ledger) Faults(lost int) (faults []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	missing, extra := 0, 0
	for id := range l.acked {
		if l.arrived[id] == 0 {
			missing++
		}
	}
	for _, n := range l.arrived {
		extra += n - 1
	}
	if missing > 0 {
		faults = append(faults, fmt.Sprintf("%d of %d acknowledged events never arrived", missing, len(l.acked)))
	}
	if len(l.wrong) > 0 {
		faults = append(faults, fmt.Sprintf("%d deliveries have other bytes than were sent, %s first", len(l.wrong), l.wrong[0]))
	}
	if extra > lost {
		faults = append(faults, fmt.Sprintf("%d deliveries too many, %d attempts were cut off", extra, lost))
	}
	return faults
}

// Count gives how many were sent, acknowledged and arrived, each id once.
func (l *Ledger) Count() (sent, acked, arrived int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.sent), len(l.acked), len(l.arrived)
}
