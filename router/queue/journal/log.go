package journal

import (
	"context"
	"errors"
	"iter"
	"log/slog"

	"github.com/hookrouter/hookrouter/router/queue"
)

// Options of a journal. The zero value is ready to use.
type Options struct {
	SegmentSize int64        // bytes per segment file, 64 KiB to 1 GiB; 0 = 64 MiB
	Logger      *slog.Logger // for damage, dead segments and recovery; nil = silent
}

// Log is a queue.Log in a directory.
type Log struct{}

// Open opens the journal in dir, which is created when it is missing, and recovers what a crash left.
func Open(dir string, o Options) (*Log, error) { return nil, errors.New("journal is not ready") }

// Append implements queue.Log.
func (l *Log) Append(ctx context.Context, recs ...queue.Record) (queue.Pos, error) {
	return 0, queue.ErrClosed
}

// Read implements queue.Log.
func (l *Log) Read(ctx context.Context, from queue.Pos) iter.Seq2[queue.Entry, error] {
	return func(func(queue.Entry, error) bool) {}
}

// At implements queue.Log.
func (l *Log) At(ctx context.Context, p queue.Pos) (queue.Entry, error) {
	return queue.Entry{}, queue.ErrClosed
}

// Trim implements queue.Log.
func (l *Log) Trim(ctx context.Context, p queue.Pos) error { return queue.ErrClosed }

// Health implements queue.Log.
func (l *Log) Health() queue.Health { return queue.Health{} }

// Close implements queue.Log.
func (l *Log) Close() error { return nil }

var _ queue.Log = (*Log)(nil)
