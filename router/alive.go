package router

import (
	"fmt"
	"sync"
)

// pulse is what the last look at the queue saw.
type pulse struct {
	mu            sync.Mutex
	applied, last uint64
}

// Alive is for a watchdog that calls it now and then. The error says that since the call before the queue took nothing
// over although the log had more for it. It does not return at all while a part of the server is locked for good. A disk
// that fails or hangs is no reason: then nothing can be stored, which readiness says, and a new process could not either.
func (r *Router) Alive() error {
	r.pulse.mu.Lock()
	defer r.pulse.mu.Unlock()
	last := uint64(r.queue.Health().Last)
	applied := uint64(r.queue.Stats().Applied)
	stuck := applied < r.pulse.last && applied == r.pulse.applied
	r.pulse.applied, r.pulse.last = applied, last
	if stuck {
		return fmt.Errorf("the queue stands at record %d, the log has %d", applied, last)
	}
	return nil
}

// Serving is closed once both listeners are served.
func (r *Router) Serving() <-chan struct{} { return r.serving }

// Summary says in a line how it stands, for people.
func (r *Router) Summary() string {
	if err := r.ready(); err != nil {
		return "accepts no events: " + err.Error()
	}
	return "accepting events; rules: " + r.rules.check().Note
}
