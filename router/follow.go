package router

import (
	"context"
	"time"
)

// followPoll is how often files are looked at. A change counts when two looks agree, so it is live within two.
const followPoll = 250 * time.Millisecond

// follow has what the files of seen hold loaded whenever it has changed, until ctx ends. What cannot be loaded is told
// once.
func follow(ctx context.Context, seen reading, load func(reading) error, refused func(error)) {
	for last := seen; sleep(ctx, followPoll); {
		now := read(seen.names())
		settled := now.equal(last)
		last = now
		if !settled || now.equal(seen) {
			continue
		}
		seen = now
		if err := load(now); err != nil {
			refused(err)
		}
	}
}
