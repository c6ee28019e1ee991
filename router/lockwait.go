package router

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/hookrouter/hookrouter/router/queue/journal"
)

// lockPause is between two looks at whether the other process has left.
const lockPause = 100 * time.Millisecond

// openJournal opens the log. While another process has it, as when one version takes over from the one before, it
// waits for at most LockWait.
func (r *Router) openJournal(ctx context.Context) (*journal.Log, error) {
	dir := filepath.Join(r.o.Data, "journal")
	deadline := time.Now().Add(r.o.LockWait)
	for waiting := false; ; waiting = true {
		log, err := journal.Open(dir, journal.Options{Logger: r.log})
		if r.o.LockWait <= 0 || !errors.Is(err, journal.ErrInUse) {
			return log, err
		}
		if !waiting {
			r.log.Warn("waiting for another process to leave the data directory", "dir", r.o.Data, "at_most", r.o.LockWait)
		}
		if !time.Now().Before(deadline) {
			return nil, fmt.Errorf("waited %s: %w", r.o.LockWait, err)
		}
		if !sleep(ctx, lockPause) {
			return nil, fmt.Errorf("stopped while waiting: %w", err)
		}
	}
}
