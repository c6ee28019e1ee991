package rig

import (
	"fmt"
	"slices"
	"sync"
)

// Lines hold an ordered destination to its order. Bodies are a key and a number from 1, such as `a 7`: of a key none may
// arrive that is older than one that arrived before, nor one before the one in front of it is over.
type Lines struct {
	mu     sync.Mutex
	newest map[string]int
	done   map[string]int
	faults []string
}

// NewLines has no lines yet.
func NewLines() *Lines { return &Lines{newest: map[string]int{}, done: map[string]int{}} }

// Arrive notes a delivery, and whether it is taken.
func (l *Lines) Arrive(body string, taken bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var key string
	var n int
	if _, err := fmt.Sscanf(body, "%s %d", &key, &n); err != nil {
		l.faults = append(l.faults, fmt.Sprintf("%q arrived", body))
		return
	}
	if n < l.newest[key] || n > l.done[key]+1 {
		l.faults = append(l.faults, fmt.Sprintf("%s: %d arrived after %d, of which %d are over", key, n, l.newest[key], l.done[key]))
	}
	l.newest[key] = n
	if taken {
		l.done[key] = n
	}
}

// Over says that the n-th of a key is over without having been taken.
func (l *Lines) Over(key string, n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done[key] = n
}

// Faults lists what was out of order.
func (l *Lines) Faults() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.faults)
}

// Done counts, over all keys, those that were taken.
func (l *Lines) Done() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, done := range l.done {
		n += done
	}
	return n
}
