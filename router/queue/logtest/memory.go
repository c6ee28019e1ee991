package logtest

import (
	"context"
	"errors"
	"iter"
	"slices"
	"sort"
	"sync"

	"github.com/hookrouter/hookrouter/router/queue"
)

// ErrInjected is the error of an append that was made to fail.
var ErrInjected = errors.New("injected append error")

// Fault is what becomes of the records of an append that is made to fail. The caller sees ErrInjected in every case.
type Fault int

const (
	// Lose drops the records: they never turn up.
	Lose Fault = iota
	// Keep stores them all the same: the append failed, and they turn up in Read.
	Keep
	// Half stores the first half of them, rounded up; of a single record that is Keep.
	Half
)

// Memory is a queue.Log in memory whose appends can be made to fail. Its positions are not consecutive, and Trim
// frees single records. It keeps the Records it is given, as an engine may. All methods are safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	entries []queue.Entry
	next    queue.Pos
	trimmed queue.Pos     // what lies before it is gone
	changed chan struct{} // closed and replaced when there is more to read, or on Close
	closed  bool
	refuse  error
	unwell  queue.Health // Full, Short, Stalled and Damaged as they were told
	appends int
	once    map[int]Fault // number of the append -> its fault
	every   int           // each every-th append fails with everyAs; 0 = none
	everyAs Fault
}

// NewMemory makes an empty Log without faults.
func NewMemory() *Memory {
	return &Memory{next: 1, changed: make(chan struct{}), once: map[int]Fault{}}
}

// FailAppend makes the n-th append from now on fail, once; 1 is the next one.
func (m *Memory) FailAppend(n int, f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.once[m.appends+n] = f
}

// FailEvery makes one append in k fail until it is called with 0.
func (m *Memory) FailEvery(k int, f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.every, m.everyAs = k, f
}

// Refuse makes appends fail with err, storing nothing, and Health say so, until it is called with nil.
func (m *Memory) Refuse(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.refuse = err
}

// Ail makes Health tell Full, Short, Stalled and Damaged as h has them. Appends go on: to heed it is the caller's part.
func (m *Memory) Ail(h queue.Health) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unwell = h
}

// Damage sets the record at p aside, as an engine does with one that it cannot read.
func (m *Memory) Damage(p queue.Pos) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = slices.DeleteFunc(slices.Clone(m.entries), func(e queue.Entry) bool { return e.Pos == p })
	m.unwell.Damaged++
}

// Len counts the records that are kept.
func (m *Memory) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.entries)
}

// Cut makes a new Log, without faults, of the first n kept records: what a crash at that moment had left. The
// original lives on and may be closed already.
func (m *Memory) Cut(n int) *Memory {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := NewMemory()
	c.entries = append(c.entries, m.entries[:n]...)
	c.trimmed, c.next = m.trimmed, m.next
	if n < len(m.entries) {
		c.next = m.entries[n].Pos
	}
	return c
}

// Append stores recs unless a fault is due.
func (m *Memory) Append(ctx context.Context, recs ...queue.Record) (queue.Pos, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return 0, queue.ErrClosed
	}
	if m.refuse != nil {
		return 0, m.refuse
	}
	m.appends++
	fault, failing := m.fault()
	switch {
	case failing && fault == Lose:
		return 0, ErrInjected
	case failing && fault == Half:
		recs = recs[:(len(recs)+1)/2]
	}
	last := m.store(recs)
	if failing {
		return 0, ErrInjected
	}
	return last, nil
}

func (m *Memory) fault() (f Fault, failing bool) {
	if f, failing = m.once[m.appends]; failing {
		delete(m.once, m.appends)
		return f, true
	}
	return m.everyAs, m.every > 0 && m.appends%m.every == 0
}

func (m *Memory) store(recs []queue.Record) (last queue.Pos) {
	for _, r := range recs {
		last = m.next
		m.entries = append(m.entries, queue.Entry{Pos: last, Record: r})
		m.next += queue.Pos(1 + len(r)%7)
	}
	m.wake()
	return last
}

func (m *Memory) wake() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// Read yields what is kept from from on, then what is appended.
func (m *Memory) Read(ctx context.Context, from queue.Pos) iter.Seq2[queue.Entry, error] {
	return func(yield func(queue.Entry, error) bool) {
		for ctx.Err() == nil {
			batch, changed, closed := m.from(from)
			if closed {
				yield(queue.Entry{}, queue.ErrClosed)
				return
			}
			for _, e := range batch {
				if ctx.Err() != nil || !yield(e, nil) {
					return
				}
				from = e.Pos + 1
			}
			if len(batch) > 0 {
				continue
			}
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}
}

func (m *Memory) from(p queue.Pos) (batch []queue.Entry, changed <-chan struct{}, closed bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.index(p)
	return m.entries[i:len(m.entries):len(m.entries)], m.changed, m.closed
}

// At reads one record.
func (m *Memory) At(_ context.Context, p queue.Pos) (queue.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return queue.Entry{}, queue.ErrClosed
	}
	if i := m.index(p); i < len(m.entries) && m.entries[i].Pos == p {
		return m.entries[i], nil
	}
	if p > 0 && p < m.trimmed {
		return queue.Entry{}, queue.ErrTrimmed
	}
	return queue.Entry{}, queue.ErrNotFound
}

// Trim removes the records before p.
func (m *Memory) Trim(_ context.Context, p queue.Pos) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return queue.ErrClosed
	}
	p = min(p, m.next)
	m.entries = m.entries[m.index(p):]
	m.trimmed = max(m.trimmed, p)
	return nil
}

// Health counts the bytes of the records; free space is unknown.
func (m *Memory) Health() queue.Health {
	m.mu.Lock()
	defer m.mu.Unlock()
	h := queue.Health{
		Free: -1, Refusing: m.refuse, Full: m.unwell.Full, Short: m.unwell.Short, Stalled: m.unwell.Stalled,
		Damaged: m.unwell.Damaged,
	}
	for _, e := range m.entries {
		h.Bytes += int64(len(e.Record))
	}
	if n := len(m.entries); n > 0 {
		h.First, h.Last = m.entries[0].Pos, m.entries[n-1].Pos
	}
	return h
}

// Close ends all calls with queue.ErrClosed. The records stay, for Cut.
func (m *Memory) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.closed {
		m.closed = true
		m.wake()
	}
	return nil
}

// index is that of the first kept record at or after p.
func (m *Memory) index(p queue.Pos) int {
	return sort.Search(len(m.entries), func(i int) bool { return m.entries[i].Pos >= p })
}
