package queue_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

func TestLaneHasOneOwner(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	l := r.lane(t, "build")
	if _, err := r.Lane(t.Context(), "build"); err == nil {
		t.Error("a second lane was opened")
	}
	l.Close()
	if err := l.Wait(t.Context()); !errors.Is(err, queue.ErrClosed) {
		t.Errorf("Wait of a closed lane: %v", err)
	}
	r.lane(t, "build")
}

func TestUnwantedRoutesComeBackAtReload(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	l := r.lane(t, "build")
	ev, ds := anEvent("a", "", "build")
	r.put(t, ev, ds)
	none := func(string) bool { return false }
	if got := l.Lease(10, time.Minute, none); len(got) != 0 {
		t.Fatalf("leased %d unwanted", len(got))
	}
	if st := l.Stats(); st.Aside != 1 || st.Due != 0 || st.Pending != 1 || !st.NextDue.IsZero() {
		t.Errorf("stats %+v", st)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Wait(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait with nothing to lease: %v", err)
	}
	l.Reload()
	if err := l.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	next(t, l)
}

// TestCrashedAttemptIsMadeAgain: started and not finished means pending, due at once, one more lost.
func TestCrashedAttemptIsMadeAgain(t *testing.T) {
	log := logtest.NewMemory()
	r := start(t, log, queue.Options{})
	l := r.lane(t, "build")
	ev, ds := anEvent("a", "", "build")
	r.put(t, ev, ds)
	next(t, l)
	crashed := start(t, log.Cut(log.Len()), queue.Options{})
	_, back, d := next(t, crashed.lane(t, "build"))
	if d.Lost != 1 || d.Tries != 2 || d.Attempts != 0 || string(back.Body) != "a" {
		t.Errorf("after the crash %+v", d)
	}
	crashed.same(t)
}

func TestLeaseEndsWithItsDelivery(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	l := r.lane(t, "build")
	ev, ds := anEvent("a", "", "build")
	r.put(t, ev, ds)
	le, _, _ := next(t, l)
	if err := r.Cancel(t.Context(), ds[0].ID); err != nil {
		t.Fatal(err)
	}
	before := r.log.Len()
	if err := l.Finish(t.Context(), le, event.Attempt{}, delivered); !errors.Is(err, queue.ErrLost) {
		t.Errorf("finish of a canceled delivery: %v", err)
	}
	if r.log.Len() != before {
		t.Error("it was written all the same")
	}
	if err := r.Cancel(t.Context(), ds[0].ID); err != nil {
		t.Errorf("second cancel: %v", err)
	}
	r.same(t)
}

func TestReleasedLeaseIsNoLostAttempt(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	l := r.lane(t, "build")
	ev, ds := anEvent("a", "", "build")
	r.put(t, ev, ds)
	for range 5 {
		if err := l.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, le := range l.Lease(1, time.Minute, nil) {
			le.Release()
			le.Release()
		}
	}
	_, _, d := next(t, l)
	if d.Lost != 0 || d.Attempts != 0 {
		t.Errorf("after releases %+v", d)
	}
	r.same(t)
}

// TestResultsSurviveARefusingLog: the slot is free at once, and the result is written when the log takes it again.
func TestResultsSurviveARefusingLog(t *testing.T) {
	said := make(logged, 100)
	r := start(t, logtest.NewMemory(), queue.Options{Logger: slog.New(slog.NewTextHandler(said, nil))})
	l := r.lane(t, "build")
	ev, ds := anEvent("a", "", "build")
	r.put(t, ev, ds)
	le, _, _ := next(t, l)
	r.log.Refuse(errors.New("disk full"))
	finish(t, l, le, delivered)
	if l.Stats().Leased != 0 {
		t.Error("the slot is not free")
	}
	other, ds := anEvent("b", "", "build")
	if _, err := r.Enqueue(t.Context(), other, ds); err == nil {
		t.Error("an event was accepted by a log that refuses")
	}
	for line, end := "", time.After(5*time.Second); !strings.Contains(line, "attempts wait for the log"); {
		select {
		case line = <-said:
		case <-end:
			t.Fatal("the appender never met the refusal")
		}
	}
	r.log.Refuse(nil)
	until(t, "the result is applied", func() bool { return l.Stats().Pending == 0 })
	r.same(t)
}

// logged takes lines of a log.
type logged chan string

func (l logged) Write(b []byte) (int, error) {
	l <- string(b)
	return len(b), nil
}

func TestWaitWakesWhenDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, logtest.NewMemory(), queue.Options{})
		l := r.lane(t, "build")
		late, ds := anEvent("late", "", "build")
		ds[0].Due = late.ReceivedAt.Add(time.Hour)
		r.put(t, late, ds)
		begin := time.Now()
		woke := make(chan time.Duration)
		go func() {
			_ = l.Wait(t.Context())
			woke <- time.Since(begin)
		}()
		synctest.Wait()
		sooner, ds := anEvent("sooner", "", "build")
		ds[0].Due = sooner.ReceivedAt.Add(time.Minute)
		r.put(t, sooner, ds)
		if got := <-woke; got != time.Minute {
			t.Errorf("woke after %v, want 1m", got)
		}
		if got := l.Lease(10, time.Minute, nil); len(got) != 1 {
			t.Errorf("leased %d, want the one that is due", len(got))
		}
		r.stop()
	})
}

func TestLeaseRunsOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, logtest.NewMemory(), queue.Options{})
		l := r.lane(t, "build")
		ev, ds := anEvent("a", "", "build")
		r.put(t, ev, ds)
		le, _, _ := next(t, l)
		time.Sleep(62 * time.Second)
		if err := l.Finish(t.Context(), le, event.Attempt{}, delivered); !errors.Is(err, queue.ErrLost) {
			t.Errorf("finish of a lease that ran out: %v", err)
		}
		_, _, d := next(t, l)
		if d.Lost != 1 || d.Tries != 2 {
			t.Errorf("second attempt %+v", d)
		}
		detail, err := r.Delivery(t.Context(), d.ID)
		if err != nil || len(detail.Attempts) != 1 || detail.Attempts[0].Result != "lost" {
			t.Errorf("detail %+v, %v", detail, err)
		}
		r.same(t)
		r.stop()
	})
}

// TestExpiry: a delivery is dead at its time, with a lane or without, but not while its attempt runs.
func TestExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, logtest.NewMemory(), queue.Options{})
		l := r.lane(t, "build")
		ev, ds := anEvent("a", "", "build", "parked")
		for i := range ds {
			ds[i].Expires = ev.ReceivedAt.Add(10 * time.Second)
		}
		r.put(t, ev, ds)
		le, _, _ := next(t, l)
		time.Sleep(20 * time.Second)
		if st := r.Stats(); st.Dead != 1 || st.Pending != 1 {
			t.Fatalf("after the time: %+v, want the parked one dead and the running one pending", st)
		}
		finish(t, l, le, retryIn(0))
		time.Sleep(5 * time.Second)
		if st := r.Stats(); st.Dead != 2 || st.Pending != 0 {
			t.Errorf("after the attempt: %+v", st)
		}
		detail, err := r.Delivery(t.Context(), ds[0].ID)
		if err != nil || detail.Delivery.Reason != event.ReasonExpired || len(detail.Attempts) != 1 {
			t.Errorf("detail %+v, %v", detail, err)
		}
		r.same(t)
		r.stop()
	})
}

// TestExpiredIsNotLeased: between two sweeps, too.
func TestExpiredIsNotLeased(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, logtest.NewMemory(), queue.Options{})
		l := r.lane(t, "build")
		ev, ds := anEvent("a", "", "build")
		ds[0].Expires = ev.ReceivedAt.Add(100 * time.Millisecond)
		r.put(t, ev, ds)
		time.Sleep(200 * time.Millisecond)
		if got := l.Lease(1, time.Minute, nil); len(got) != 0 {
			t.Error("an expired delivery was leased")
		}
		synctest.Wait()
		if s := r.Stats(); s.Dead != 1 || s.Pending != 0 {
			t.Errorf("stats %+v", s)
		}
		r.stop()
	})
}
