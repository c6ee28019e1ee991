package journal

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
)

// TestGivenUpAppendsLeaveNothing: while the disk hangs, callers give up and new ones come; memory does not grow.
func TestGivenUpAppendsLeaveNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Log{wake: make(chan struct{}, 1)} // without a committer: it hangs
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if _, err := l.Append(ctx, queue.Record("body")); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			cancel()
		}
		if n := len(l.queue); n > 0 {
			t.Errorf("%d appends wait that nobody waits for", n)
		}
	})
}
