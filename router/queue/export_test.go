package queue

// Unsent counts the records that wait for an append, but for those that are in one.
func (q *Queue) Unsent() int {
	q.out.mu.Lock()
	defer q.out.mu.Unlock()
	return len(q.out.items)
}
