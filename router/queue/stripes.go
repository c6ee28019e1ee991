package queue

import (
	"context"

	"github.com/hookrouter/hookrouter/event"
)

// stripes serialize changes of one event, so that each sees what the one before did. A stripe is held until the fate
// of the change's record is known, even when the caller gives up before that.
type stripes [64]chan struct{}

func (s *stripes) init() {
	for i := range s {
		s[i] = make(chan struct{}, 1)
	}
}

// lock waits for the stripe of an event, no longer than ctx.
func (s *stripes) lock(ctx context.Context, id event.EventID) (unlock func(), err error) {
	one := s[int(id[15])%len(s)]
	select {
	case one <- struct{}{}:
		return func() { <-one }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// lockAll waits for all stripes: nothing is changed then, and no change is on its way.
func (s *stripes) lockAll(ctx context.Context) (unlock func(), err error) {
	held := 0
	unlock = func() {
		for _, one := range s[:held] {
			<-one
		}
	}
	for _, one := range s {
		select {
		case one <- struct{}{}:
			held++
		case <-ctx.Done():
			unlock()
			return nil, ctx.Err()
		}
	}
	return unlock, nil
}

// commitHeld is commit for the holder of a stripe. It calls unlock when the fate of rec is known; that may be after
// it has returned because ctx ended.
func (q *Queue) commitHeld(ctx context.Context, rec *record, unlock func()) (applied, error) {
	return q.commitThen(ctx, rec, func(applied, error) { unlock() })
}

// commitThen is commit for who has to know the fate of rec even when the caller has given up: then is called with it.
func (q *Queue) commitThen(ctx context.Context, rec *record, then func(applied, error)) (applied, error) {
	id, bytes := rec.waiter(), rec.encode() // now: what rec refers to may change when this has returned
	known := make(chan struct{})
	var got applied
	var failed error
	go func() {
		got, failed = q.commitBytes(context.WithoutCancel(ctx), id, bytes)
		then(got, failed)
		close(known)
	}()
	select {
	case <-known:
		return got, failed
	case <-ctx.Done():
		return applied{}, ctx.Err()
	}
}
