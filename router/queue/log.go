package queue

import (
	"context"
	"fmt"
	"iter"
	"time"
)

// Pos is the place of a record in a Log. Positions only grow; they need not be consecutive, and the record after
// p is the first with a position >= p+1. 0 is before every record.
type Pos uint64

// Record is what an engine stores: bytes that it never looks into. Neither side writes to a Record after Append.
type Record []byte

// Entry is a Record with its place.
type Entry struct {
	Pos    Pos
	Record Record
}

// Log is all that an engine is: an ordered, durable list of records. It is safe for concurrent use. logtest holds
// the suite that every implementation passes.
type Log interface {
	// Append writes recs in order, next to each other, and returns the position of the last after they are durable.
	// After an error the outcome is unknown (they may turn up in Read later, some or all) and the caller must not
	// ack. Concurrent calls are committed together.
	Append(ctx context.Context, recs ...Record) (last Pos, err error)
	// Read yields every durable record with a position >= from, in order, whoever wrote it, and then waits for more
	// until ctx ends, which ends the sequence without an error. Records just appended come from memory. A record
	// that Trim has removed is skipped. An error ends the sequence.
	Read(ctx context.Context, from Pos) iter.Seq2[Entry, error]
	// At reads one record; ErrTrimmed when it is no longer kept, ErrNotFound when there never was one there.
	At(ctx context.Context, p Pos) (Entry, error)
	// Trim says that what lies before p may go; oldest first, always. It is idempotent and frees whole units only.
	Trim(ctx context.Context, p Pos) error
	// Health never blocks.
	Health() Health
	// Close ends all calls with ErrClosed and releases what the Log holds.
	Close() error
}

// StallLimit is how long a write may take before events are refused at once instead of waiting for it.
const StallLimit = 2 * time.Second

// Health is a Log's view of itself.
type Health struct {
	First, Last Pos   // first kept and last durable record; 0 when empty
	Bytes       int64 // on disk
	Free        int64 // bytes free where it writes; -1 when unknown
	Short       int64 // bytes that should be freed by Trim because little room is left
	Damaged     int64 // records set aside because they could not be read
	Refusing    error // why appends are refused now, nil when they are not
	// Full is why events should not be appended now, nil when they may. What is small and must be written, such as
	// results of attempts, still can be: room was kept back for it.
	Full     error
	Stalled  time.Duration // how long the write that runs now has taken; 0 when none runs
	LastSync time.Duration
}

// Trouble is why events are not taken now, nil when they are.
func (h Health) Trouble() error {
	switch {
	case h.Refusing != nil:
		return h.Refusing
	case h.Full != nil:
		return h.Full
	case h.Stalled >= StallLimit:
		return fmt.Errorf("the disk hangs: the write that runs now takes %v", h.Stalled.Round(time.Second/10))
	}
	return nil
}
