package queue

import (
	"context"
	"errors"
	"time"
)

var errTemporary = errors.New("not built yet")

// Queue is the durable state of events and deliveries over one Log. It is safe for concurrent use.
type Queue struct {
	opts Options
	log  Log
}

// Open loads the newest usable snapshot and replays the log up to its end. Afterwards Run must be running: nothing
// is applied, so nothing is accepted or leased, without it. The caller closes log after Run has returned.
func Open(ctx context.Context, log Log, o Options) (*Queue, error) {
	return &Queue{opts: o.withDefaults(), log: log}, nil
}

// Run applies what the log yields, expires what is overdue and writes snapshots until ctx ends; then it flushes
// results, writes a last snapshot and returns nil. An error of the log's Read ends it too. It may be called once.
func (q *Queue) Run(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// Stats are counts for status and metrics.
type Stats struct {
	Pending, Dead  int // deliveries in memory
	MaxPending     int
	Events         int // events that a delivery in memory belongs to
	Applied        Pos // last record applied
	DedupeKeys     int
	Notes          int
	Lanes          int
	Snapshot       Pos       // up to where the last durable snapshot reaches
	SnapshotAt     time.Time // when it was written; zero when there is none
	Skipped        int64     // records that could not be decoded
	UnsyncedResult int       // results of attempts that are not durable yet
}

// Stats never blocks for long.
func (q *Queue) Stats() Stats { return Stats{} }

// Health is the log's view of itself.
func (q *Queue) Health() Health { return q.log.Health() }

// Hash is over the whole durable state in a canonical form: that of a rebuild from the log is equal. For tests.
func (q *Queue) Hash() [32]byte { return [32]byte{} }
