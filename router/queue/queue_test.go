package queue_test

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// rig is a running queue over a log in memory.
type rig struct {
	*queue.Queue
	log  *logtest.Memory
	dir  string
	opts queue.Options
	stop func()
}

// start opens and runs a queue over log; it is stopped at the end of the test at the latest.
func start(t testing.TB, log *logtest.Memory, opts queue.Options) *rig {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	q, err := queue.Open(t.Context(), log, opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- q.Run(ctx) }()
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
	t.Cleanup(stop)
	return &rig{Queue: q, log: log, dir: opts.Dir, opts: opts, stop: stop}
}

// rebuilt is the hash of a queue that knows nothing but the log.
func (r *rig) rebuilt(t testing.TB) [32]byte {
	t.Helper()
	q, err := queue.Open(t.Context(), r.log, queue.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	return q.Hash()
}

// same checks that the live state is the one that the log tells.
func (r *rig) same(t testing.TB) {
	t.Helper()
	until(t, "all is durable and applied", func() bool {
		return r.Stats().UnsyncedResult == 0 && r.Stats().Applied >= r.Health().Last
	})
	if r.rebuilt(t) != r.Hash() {
		t.Error("live state and rebuilt state differ")
	}
}

// anEvent makes an event of source "cms" with its deliveries to the destinations.
func anEvent(body, key string, destinations ...string) (*event.Event, []event.Delivery) {
	now := time.Now().UTC()
	ev := &event.Event{
		ID: event.NewEventID(now), Source: "cms", Type: "publish", SenderID: "s-1", ReceivedAt: now, Method: "POST",
		Path: "/in/cms", Header: map[string][]string{"Content-Type": {"application/json"}}, RemoteIP: "192.0.2.1",
		Body: []byte(body), DedupeKey: key, DedupeFor: time.Hour,
	}
	var ds []event.Delivery
	for _, d := range destinations {
		ds = append(ds, event.Delivery{
			ID: event.NewDeliveryID(now), Route: "to-" + d, Destination: d, Created: now, Due: now,
			Expires: now.Add(24 * time.Hour), State: event.Pending,
		})
	}
	return ev, ds
}

func (r *rig) put(t testing.TB, ev *event.Event, ds []event.Delivery) queue.Receipt {
	t.Helper()
	got, err := r.Enqueue(t.Context(), ev, ds)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (r *rig) lane(t testing.TB, destination string) *queue.Lane {
	t.Helper()
	l, err := r.Lane(t.Context(), destination)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// next waits for a lease of l and begins it.
func next(t testing.TB, l *queue.Lane) (*queue.Lease, *event.Event, *event.Delivery) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	for {
		if err := l.Wait(ctx); err != nil {
			t.Fatalf("nothing to lease: %v", err)
		}
		for _, le := range l.Lease(1, time.Minute, nil) {
			ev, d, err := le.Begin(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return le, ev, d
		}
	}
}

func finish(t testing.TB, l *queue.Lane, le *queue.Lease, o event.Outcome) {
	t.Helper()
	if err := l.Finish(t.Context(), le, event.Attempt{Started: time.Now().UTC(), Status: 200, Result: "ok"}, o); err != nil {
		t.Fatal(err)
	}
}

var delivered = event.Outcome{State: event.Delivered, Counted: true}

func retryIn(d time.Duration) event.Outcome {
	return event.Outcome{State: event.Pending, Due: time.Now().UTC().Add(d), Counted: true}
}

func dead() event.Outcome {
	return event.Outcome{State: event.Dead, Reason: event.ReasonRefused, Detail: "status 404", Counted: true}
}

// until waits for cond, which records that are on their way make true.
func until(t testing.TB, what string, cond func() bool) {
	t.Helper()
	within(t, 5*time.Second, what, cond)
}

func within(t testing.TB, limit time.Duration, what string, cond func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

func TestFromEnqueueToDelivered(t *testing.T) {
	r := start(t, logtest.NewMemory(), queue.Options{})
	l := r.lane(t, "build")
	ev, ds := anEvent(`{"a":1}`, "", "build", "audit")
	got := r.put(t, ev, ds)
	if got.Event != ev.ID || got.Duplicate || got.Deliveries != 2 {
		t.Fatalf("receipt %+v", got)
	}
	le, back, d := next(t, l)
	if !bytes.Equal(back.Body, ev.Body) || back.Header["Content-Type"][0] != "application/json" {
		t.Errorf("event came back as %+v", back)
	}
	if d.ID != ds[0].ID || d.Event != ev.ID || d.Tries != 1 || d.Route != "to-build" || d.Attempts != 0 {
		t.Errorf("delivery came as %+v", d)
	}
	finish(t, l, le, retryIn(0))
	le, _, d = next(t, l)
	if d.Tries != 2 || d.Attempts != 1 {
		t.Errorf("second attempt: %+v", d)
	}
	finish(t, l, le, delivered)
	until(t, "delivered", func() bool { return l.Stats().Pending == 0 })
	if err := l.Finish(t.Context(), le, event.Attempt{}, delivered); !errors.Is(err, queue.ErrLost) {
		t.Errorf("second finish: %v", err)
	}
	if st := r.Stats(); st.Pending != 1 || st.Dead != 0 {
		t.Errorf("stats %+v", st)
	}
	detail, err := r.Event(t.Context(), ev.ID)
	if err != nil {
		t.Fatal(err)
	}
	if len(detail.Deliveries) != 2 || detail.Size != len(ev.Body) {
		t.Fatalf("detail %+v", detail)
	}
	one := detail.Deliveries[0]
	if one.Delivery.State != event.Delivered || len(one.Attempts) != 2 || one.Attempts[1].Number != 2 || one.Earlier != 0 {
		t.Errorf("delivery detail %+v", one)
	}
	r.same(t)
}
