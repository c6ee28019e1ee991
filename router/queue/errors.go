package queue

import (
	"errors"

	"github.com/hookrouter/hookrouter/router/queue/bodies"
)

// Errors of a Log and of the Queue over it.
var (
	// ErrClosed: the Log or Queue was closed.
	ErrClosed = errors.New("queue is closed")
	// ErrTrimmed: the record was there and retention removed it.
	ErrTrimmed = errors.New("record is no longer kept")
	// ErrNotFound: there is no such record, event or delivery.
	ErrNotFound = errors.New("not found")
	// ErrFull: as many deliveries are pending or dead as Options.MaxPending allows; try later.
	ErrFull = errors.New("too many pending deliveries")
	// ErrNoRoom: the disk is full or hangs; what is stored is safe, nothing new is taken; try later.
	ErrNoRoom = errors.New("no room for events")
	// ErrDamaged: the body of the event is not on disk as it was written.
	ErrDamaged = bodies.ErrDamaged
	// ErrLost: the lease is no longer the delivery's: it was superseded, canceled, replayed or ran out.
	ErrLost = errors.New("lease was lost")
)
