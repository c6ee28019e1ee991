package queue

import (
	"context"
	"fmt"
	"strings"
	"time"
)

const (
	maxNoteKey   = 256
	maxNoteValue = 64 << 10
)

// Note is a small durable fact, such as a pause.
func (q *Queue) Note(key string) (string, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	v, ok := q.state.notes[key]
	return v, ok
}

// Notes gives all notes whose key has the prefix.
func (q *Queue) Notes(prefix string) map[string]string {
	q.mu.Lock()
	defer q.mu.Unlock()
	some := map[string]string{}
	for k, v := range q.state.notes {
		if strings.HasPrefix(k, prefix) {
			some[k] = v
		}
	}
	return some
}

// SetNote stores a note and returns when it is durable and applied; value "" deletes it. Keys are 1 to 256 bytes,
// values at most 64 KiB.
func (q *Queue) SetNote(ctx context.Context, key, value string) error {
	if key == "" || len(key) > maxNoteKey || len(value) > maxNoteValue {
		return fmt.Errorf("note %.40q: key or value is empty or too long", key)
	}
	q.noting.Lock()
	defer q.noting.Unlock()
	return q.setNote(ctx, key, value)
}

func (q *Queue) setNote(ctx context.Context, key, value string) error {
	rec := &record{kind: kindNote, time: time.Now().UTC(), wait: q.newToken(), key: key, value: value, set: value != ""}
	if _, err := q.commit(ctx, rec); err != nil {
		return fmt.Errorf("store note %q: %w", key, err)
	}
	return nil
}
