package queue

import "context"

// Note is a small durable fact, such as a pause.
func (q *Queue) Note(key string) (string, bool) { return "", false }

// Notes gives all notes whose key has the prefix.
func (q *Queue) Notes(prefix string) map[string]string { return nil }

// SetNote stores a note and returns when it is durable and applied; value "" deletes it. Keys are at most 256
// bytes, values 64 KiB.
func (q *Queue) SetNote(ctx context.Context, key, value string) error { return errTemporary }
