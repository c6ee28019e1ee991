package queue_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// The first byte of a record is its kind.
const (
	eventRecord   = 1
	startRecord   = 2
	changeRecord  = 4
	ownRecord     = 5
	carriedRecord = 7
)

// orderedLog lets a test decide what comes first.
type orderedLog struct {
	*logtest.Memory
	before, after atomic.Pointer[func(kind byte)] // run ahead of each append, and behind it
}

func (o *orderedLog) hook(before, after func(kind byte)) {
	o.before.Store(&before)
	o.after.Store(&after)
}

func nothing(byte) {}

func (o *orderedLog) Append(ctx context.Context, recs ...queue.Record) (queue.Pos, error) {
	(*o.before.Load())(recs[0][0])
	defer func() { (*o.after.Load())(recs[0][0]) }()
	return o.Memory.Append(ctx, recs...)
}

// startOrdered is start over an orderedLog, with an hour of retention.
func startOrdered(t *testing.T) (*rig, *orderedLog) {
	log := &orderedLog{Memory: logtest.NewMemory()}
	log.hook(nothing, nothing)
	r, stop := startOver(t, log)
	r.log, r.stop = log.Memory, stop
	return r, log
}

// startOver is start over any Log, with an hour of retention.
func startOver(t *testing.T, log queue.Log) (*rig, func()) {
	return startWith(t, log, queue.Options{SnapshotEvery: time.Minute, Retention: queue.Retention{History: time.Hour}})
}

// startWith is start over any Log; its log is not set.
func startWith(t *testing.T, log queue.Log, o queue.Options) (*rig, func()) {
	o.Dir = t.TempDir()
	q, err := queue.Open(t.Context(), log, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	return &rig{Queue: q, dir: o.Dir, opts: o}, func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// age lets two hours of events go by, and with them retention.
func (r *rig) age(t *testing.T) {
	for range 120 {
		ev, _ := anEvent("other", "")
		r.put(t, ev, nil)
		time.Sleep(time.Minute)
	}
	synctest.Wait()
}

// TestReplayDuringRetention: what was replayed after retention looked what is still needed is not trimmed.
func TestReplayDuringRetention(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := startOrdered(t)
		defer r.stop()
		l := r.lane(t, "build")
		ev, ds := anEvent("old", "", "build")
		r.put(t, ev, ds)
		le, _, _ := next(t, l)
		finish(t, l, le, delivered)
		var replayed error
		log.hook(func(kind byte) {
			if kind != ownRecord {
				return
			}
			log.hook(nothing, nothing) // owners are said again last, right before the trim
			replayed = r.ReplayDelivery(t.Context(), ds[0].ID, time.Now(), time.Now().Add(48*time.Hour))
		}, nothing)
		r.age(t)
		if replayed != nil {
			t.Fatal(replayed)
		}
		if _, back, d := next(t, l); string(back.Body) != "old" || d.Round != 1 {
			t.Errorf("replayed delivery %+v of %q", d, back.Body)
		}
		r.same(t)
	})
}

// TestStartOvertakesCarry: a lease was given back while its start was on its way, and the delivery is to be carried.
// A start that came before the carried record would make wrong what that says, now and in each rebuild.
func TestStartOvertakesCarry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := startOrdered(t)
		defer r.stop()
		l := r.lane(t, "build")
		ev, ds := anEvent("old", "", "build")
		ds[0].Due, ds[0].Expires = time.Now().Add(61*time.Minute), time.Now().Add(48*time.Hour)
		r.put(t, ev, ds)
		started := make(chan struct{})
		carried := make(chan struct{})
		var first, then sync.Once
		log.hook(func(kind byte) {
			switch kind {
			case startRecord:
				select {
				case <-carried:
				case <-time.After(10 * time.Minute):
				}
			case carriedRecord:
				first.Do(func() { close(carried) })
				<-started
			}
		}, func(kind byte) {
			if kind == startRecord {
				then.Do(func() { close(started) })
			}
		})
		go func() {
			if l.Wait(t.Context()) == nil {
				leases := l.Lease(1, time.Minute, nil)
				time.Sleep(time.Millisecond) // its start is on its way
				leases[0].Release()
			}
		}()
		r.age(t)
		if _, back, d := next(t, l); string(back.Body) != "old" || d.Tries != 2 {
			t.Errorf("delivery %+v of %q", d, back.Body)
		}
		r.same(t)
	})
}

// TestCancelOutlivesItsCaller: whoever cancels may give up waiting; the record that comes late does not meet a
// delivery that is being carried, which would bring it back.
func TestCancelOutlivesItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, log := startOrdered(t)
		defer r.stop()
		ev, ds := anEvent("old", "", "build")
		ds[0].Expires = time.Now().Add(48 * time.Hour)
		r.put(t, ev, ds)
		log.hook(func(kind byte) {
			switch kind {
			case changeRecord:
				time.Sleep(2 * time.Hour) // the disk hangs
			case carriedRecord:
				time.Sleep(3 * time.Hour)
			}
		}, nothing)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Cancel(ctx, ds[0].ID); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		r.age(t)
		r.age(t)
		r.age(t)
		if d, err := r.Delivery(t.Context(), ds[0].ID); err == nil && d.Delivery.State != event.Canceled {
			t.Errorf("canceled delivery is %s", d.Delivery.State)
		}
		r.same(t)
	})
}
