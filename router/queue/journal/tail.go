package journal

import (
	"cmp"
	"slices"

	"github.com/hookrouter/hookrouter/router/queue"
)

const (
	tailBytes   = 16 << 20 // with the room that records do not use
	entryWeight = 64       // bytes that an entry takes beside its record
)

// tail holds the newest records in memory, as they were given to Append, in the batches they were committed in.
// A batch is not written to once it is in, so readers take its slice along. Guarded by Log.mu.
type tail struct {
	batches [][]queue.Entry
	bytes   int64
	low     queue.Pos     // every durable record from here on is in the tail
	waiting chan struct{} // closed when there is more; nil when nobody waits
}

func weight(batch []queue.Entry) (n int64) {
	for _, e := range batch {
		n += entryWeight + int64(cap(e.Record))
	}
	return n
}

func (t *tail) add(batch []queue.Entry) {
	t.batches = append(t.batches, batch)
	for t.bytes += weight(batch); t.bytes > tailBytes; {
		oldest := t.batches[0]
		t.bytes -= weight(oldest)
		t.low = oldest[len(oldest)-1].Pos + 1
		t.batches[0] = nil
		t.batches = t.batches[1:]
	}
	t.wake()
}

// from returns entries at or after p, at most one batch of them; none when p is after the last.
func (t *tail) from(p queue.Pos) []queue.Entry {
	i, _ := slices.BinarySearchFunc(t.batches, p, func(b []queue.Entry, p queue.Pos) int {
		return cmp.Compare(b[len(b)-1].Pos, p)
	})
	if i == len(t.batches) {
		return nil
	}
	j, _ := slices.BinarySearchFunc(t.batches[i], p, func(e queue.Entry, p queue.Pos) int { return cmp.Compare(e.Pos, p) })
	return t.batches[i][j:]
}

// more is closed at the next add or wake.
func (t *tail) more() <-chan struct{} {
	if t.waiting == nil {
		t.waiting = make(chan struct{})
	}
	return t.waiting
}

func (t *tail) wake() {
	if t.waiting != nil {
		close(t.waiting)
		t.waiting = nil
	}
}
