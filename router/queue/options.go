package queue

import (
	"log/slog"
	"time"

	"github.com/hookrouter/hookrouter/router/queue/history"
)

// Options of a Queue. The zero value of each field but Dir means its default.
type Options struct {
	// Dir is where snapshots and the history are kept; it is made when missing.
	Dir string
	// Bodies is where bodies over 1 MiB are kept, in a file each; "" means in the log, like the others.
	Bodies string
	// Mark is a file that says while deliveries are rehearsed, see Rehearse, whether one is being rendered; "" leaves it
	// to the log who is guilty when the process ends, from outside or not.
	Mark string
	// MaxPending bounds the deliveries in memory, pending and dead; 0 means 2,000,000.
	MaxPending int
	Retention  Retention
	// SnapshotBytes and SnapshotEvery say when a snapshot is written: after so many bytes of records or so much
	// time, whichever comes first; 0 means 256 MiB and 5 minutes. Half a million records are enough, too.
	SnapshotBytes int64
	SnapshotEvery time.Duration
	// History says how the history is kept on disk; its zero value is for production.
	History history.Options
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
}

// Retention says how long things are kept. Pending deliveries are kept until they expire, whatever it says.
type Retention struct {
	History time.Duration // events and final deliveries; 0 means 72 hours
	Dead    time.Duration // dead deliveries; 0 means 30 days
	Size    int64         // bytes of the log; 0 means 10 GiB
}

func (o Options) withDefaults() Options {
	if o.MaxPending == 0 {
		o.MaxPending = 2_000_000
	}
	if o.SnapshotBytes == 0 {
		o.SnapshotBytes = 256 << 20
	}
	if o.SnapshotEvery == 0 {
		o.SnapshotEvery = 5 * time.Minute
	}
	o.Retention = o.Retention.withDefaults()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func (r Retention) withDefaults() Retention {
	if r.History == 0 {
		r.History = 72 * time.Hour
	}
	if r.Dead == 0 {
		r.Dead = 30 * 24 * time.Hour
	}
	if r.Size == 0 {
		r.Size = 10 << 30
	}
	return r
}
