package queue_test

import (
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// asked stores an event whose sender waits for the answer of its one delivery, to build.
func (r *rig) asked(t *testing.T, key string, reply event.Reply) (event.DeliveryID, queue.Receipt) {
	t.Helper()
	ev, ds := anEvent("x", key, "build")
	ds[0].Reply = reply
	return ds[0].ID, r.put(t, ev, ds)
}

func (r *rig) is(t *testing.T, id event.DeliveryID, state event.State, reason event.Reason) {
	t.Helper()
	until(t, "the delivery is "+state.String(), func() bool {
		d, err := r.Delivery(t.Context(), id)
		return err == nil && d.Delivery.State == state && d.Delivery.Reason == reason
	})
}

// leases are what the lane takes by itself, now.
func leases(l *queue.Lane) []*queue.Lease { return l.Lease(10, time.Minute, nil) }

// TestClaimedIsTriedByWhoWaits and by nobody else, whatever its lane does.
func TestClaimedIsTriedByWhoWaits(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	l := r.lane(t, "build")
	for _, reply := range []event.Reply{event.ReplyOnce, event.ReplyOrQueue} {
		id, receipt := r.asked(t, "", reply)
		l.Reload()
		if got := leases(l); len(got) > 0 {
			t.Fatalf("%v: the lane took it", reply)
		}
		if receipt.Claim.Delivery != id || receipt.Claim.Destination != "build" {
			t.Fatalf("%v: the claim is %+v", reply, receipt.Claim)
		}
		le := l.LeaseClaimed(receipt.Claim, time.Minute)
		if le == nil || l.LeaseClaimed(receipt.Claim, time.Minute) != nil {
			t.Fatalf("%v: it can be leased %v, or twice", reply, le)
		}
		_, d, err := le.Begin(t.Context())
		if err != nil || d.Tries != 1 || d.Reply != reply {
			t.Fatalf("%v: %+v, %v", reply, d, err)
		}
		finish(t, l, le, delivered)
		r.is(t, id, event.Delivered, event.NoReason)
		r.Abandon(receipt.Claim, "too late")
	}
	id, receipt := r.asked(t, "", event.NoReply)
	le, _, d := next(t, l)
	if receipt.Claim != (queue.Claim{}) || d.ID != id {
		t.Errorf("%v has the claim %+v, or is not leased", id, receipt.Claim)
	}
	finish(t, l, le, delivered)
	r.same(t)
}

// TestUnansweredIsNotTriedAgain: once nobody waits any more, however that came about, a delivery that was to answer only
// is dead, and one that falls back to the queue is the lane's.
func TestUnansweredIsNotTriedAgain(t *testing.T) {
	for name, end := range map[string]func(*rig, *queue.Lane, queue.Claim) *rig{
		"the process dies before the attempt": func(r *rig, _ *queue.Lane, _ queue.Claim) *rig { return r.after(t) },
		"the process dies in the attempt": func(r *rig, l *queue.Lane, c queue.Claim) *rig {
			if _, _, err := l.LeaseClaimed(c, time.Minute).Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			return r.after(t)
		},
		"it is given up": func(r *rig, _ *queue.Lane, c queue.Claim) *rig { r.Abandon(c, "the breaker is open"); return r },
		"nobody takes it": func(r *rig, _ *queue.Lane, _ queue.Claim) *rig {
			r.Forsake(time.Now().Add(time.Second))
			r.Forsake(time.Now().Add(2 * time.Minute))
			return r
		},
		"the lease is given back": func(r *rig, l *queue.Lane, c queue.Claim) *rig {
			l.LeaseClaimed(c, time.Minute).Release()
			r.Abandon(c, "we stop")
			return r
		},
		"the lease runs out": func(r *rig, l *queue.Lane, c queue.Claim) *rig {
			if _, _, err := l.LeaseClaimed(c, time.Millisecond).Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			return r
		},
		"the attempt wants another": func(r *rig, l *queue.Lane, c queue.Claim) *rig {
			le := l.LeaseClaimed(c, time.Minute)
			if _, _, err := le.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			finish(t, l, le, retryIn(0))
			return r
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t, logtest.NewMemory(), queue.Options{})
			l := r.lane(t, "build")
			once, first := r.asked(t, "", event.ReplyOnce)
			other, second := r.asked(t, "", event.ReplyOrQueue)
			after := end(r, l, first.Claim)
			if after == r {
				end(r, l, second.Claim)
			} else {
				l = after.lane(t, "build")
			}
			after.is(t, once, event.Dead, event.ReasonUnanswered)
			le, _, d := next(t, l)
			if d.ID != other || len(leases(l)) > 0 {
				t.Errorf("the lane has %v, want the other one alone", d.ID)
			}
			finish(t, l, le, delivered)
			if l.LeaseClaimed(first.Claim, time.Minute) != nil || l.LeaseClaimed(second.Claim, time.Minute) != nil {
				t.Error("a claim outlives its end")
			}
			after.same(t)
		})
	}
}

// TestUnansweredExpires where no lane sees to it.
func TestUnansweredExpires(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	ev, ds := anEvent("x", "", "gone")
	ds[0].Reply, ds[0].Expires = event.ReplyOnce, time.Now().Add(time.Millisecond)
	r.put(t, ev, ds)
	r.is(t, ds[0].ID, event.Dead, event.ReasonExpired)
	r.same(t)
}

// TestAskedAgain: a request that comes again waits for an answer only where the first got none.
func TestAskedAgain(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	l := r.lane(t, "build")
	id, first := r.asked(t, "key", event.ReplyOnce)
	if _, again := r.asked(t, "key", event.ReplyOnce); !again.Duplicate || l.LeaseClaimed(again.Claim, time.Minute) != nil {
		t.Errorf("while the first waits: %+v", again)
	}
	r.Abandon(first.Claim, "the breaker is open")
	r.is(t, id, event.Dead, event.ReasonUnanswered)
	_, again := r.asked(t, "key", event.ReplyOnce)
	if again.Claim.Delivery != id || l.LeaseClaimed(first.Claim, time.Minute) != nil {
		t.Errorf("after it got none: %+v", again)
	}
	le := l.LeaseClaimed(again.Claim, time.Minute)
	if _, d, err := le.Begin(t.Context()); err != nil || d.Round != 1 {
		t.Fatalf("%+v, %v", d, err)
	}
	finish(t, l, le, dead())
	r.is(t, id, event.Dead, event.ReasonRefused)
	if err := r.ReplayDelivery(t.Context(), id, time.Now(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	le, _, d := next(t, l)
	if d.Reply != event.NoReply {
		t.Errorf("replayed by a person: %+v", d)
	}
	finish(t, l, le, delivered)
	r.same(t)
}
