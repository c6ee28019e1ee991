package queue

import "time"

// Unsent counts the records that wait for an append, but for those that are in one.
func (q *Queue) Unsent() int {
	q.out.mu.Lock()
	defer q.out.mu.Unlock()
	return len(q.out.items)
}

// Forsake gives up what nobody took, as the sweep does at that time.
func (q *Queue) Forsake(now time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.forsake(now)
}
