package deliver

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/journal"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/sink"
)

// within is how long a test waits for what must happen.
const within = 20 * time.Second

// rig is a Deliverer over a real queue, with rules that can be changed.
type rig struct {
	*Deliverer
	t     *testing.T
	queue *queue.Queue
	set   atomic.Pointer[rules.Set]
	stop  func() // ends the Deliverer, then the queue

	mu      sync.Mutex
	changes map[event.DeliveryID]queue.Update // the newest about each delivery
	tried   map[event.DeliveryID][]event.Attempt
	news    chan struct{} // holds one
}

// newRig runs the rules over log; nil is a fresh one in memory.
func newRig(t *testing.T, yaml string, log queue.Log) *rig {
	t.Helper()
	return newRigWith(t, yaml, log, Options{})
}

// newRigWith is newRig with options of a Deliverer.
func newRigWith(t *testing.T, yaml string, log queue.Log, o Options) *rig {
	t.Helper()
	if log == nil {
		log = logtest.NewMemory()
	}
	q, err := queue.Open(t.Context(), log, queue.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{
		t: t, queue: q, news: make(chan struct{}, 1),
		changes: map[event.DeliveryID]queue.Update{}, tried: map[event.DeliveryID][]event.Attempt{},
	}
	r.set.Store(parse(t, yaml))
	o.Queue, o.Rules, o.Drain = q, r.set.Load, time.Second
	r.Deliverer, err = New(o)
	if err != nil {
		t.Fatal(err)
	}
	endQueue := background(t, q.Run)
	endWatch := background(t, r.watch)
	endDeliver := background(t, r.Run)
	r.stop = sync.OnceFunc(func() { endDeliver(); endWatch(); endQueue() })
	t.Cleanup(r.stop)
	return r
}

// openJournal opens a log on disk, which is closed with the function that is returned.
func openJournal(t *testing.T, dir string) (queue.Log, func()) {
	t.Helper()
	log, err := journal.Open(dir, journal.Options{SegmentSize: 256 << 10})
	if err != nil {
		t.Fatal(err)
	}
	return log, sync.OnceFunc(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
}

// background runs f until the function it returns is called.
func background(t testing.TB, f func(context.Context) error) (end func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

// secrets are the variables that rules may refer to.
var secrets = map[string]string{
	"WHSEC": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=", "WHSEC_OLD": "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA=",
	"BEARER": "bearer-canary-0123456789", "PASSWORD": "password-canary-0123456789", "CLIENT_SECRET": "client-canary-0123456789",
}

func parse(t testing.TB, yaml string) *rules.Set {
	t.Helper()
	set, err := rules.Parse(rules.File{Name: "rules.yaml", Data: []byte(yaml)}, rules.Options{
		AllowUnverified: true, ReadFile: os.ReadFile,
		Env: func(name string) (string, bool) { v, ok := secrets[name]; return v, ok },
	})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// oneRoute is a file with the source `in` and one route of the same name to each destination: name, then its lines.
func oneRoute(destinations ...string) string {
	var b strings.Builder
	b.WriteString("version: 1\nsources: { in: { verify: none } }\ndestinations:\n")
	for i := 0; i < len(destinations); i += 2 {
		fmt.Fprintf(&b, "  %s: { %s }\n", destinations[i], destinations[i+1])
	}
	b.WriteString("routes:\n")
	for i := 0; i < len(destinations); i += 2 {
		fmt.Fprintf(&b, "  - { name: %s, from: in, to: %s }\n", destinations[i], destinations[i])
	}
	return b.String()
}

// destination is one as the rules have it.
func destination(t testing.TB, lines string) *rules.Destination {
	t.Helper()
	d, _ := parse(t, oneRoute("a", lines)).Destination("a")
	return d
}

// load makes rules live, as the router does.
func (r *rig) load(yaml string) {
	r.t.Helper()
	r.set.Store(parse(r.t, yaml))
	r.Reload()
}

func (r *rig) watch(ctx context.Context) error {
	for u, err := range r.queue.Watch(ctx, 0) {
		if err != nil {
			return err
		}
		if u.Kind != queue.UpdateDelivery {
			continue
		}
		r.mu.Lock()
		r.changes[u.Delivery.ID] = u
		if u.Attempt != nil {
			r.tried[u.Delivery.ID] = append(r.tried[u.Delivery.ID], *u.Attempt)
		}
		r.mu.Unlock()
		select {
		case r.news <- struct{}{}:
		default:
		}
	}
	return nil
}

// send enqueues one event for a destination, expiring in an hour, and returns the id of its delivery.
func (r *rig) send(dest, body string) event.DeliveryID {
	r.t.Helper()
	return r.sendFor(dest, body, time.Hour)
}

func (r *rig) sendFor(dest, body string, life time.Duration) event.DeliveryID {
	r.t.Helper()
	return r.enqueue(dest, body, "", 0, life)
}

// sendLater is send, due only later.
func (r *rig) sendLater(dest, body string, later time.Duration) event.DeliveryID {
	r.t.Helper()
	return r.enqueue(dest, body, "", later, time.Hour+later)
}

// sendKeyed is send with an order key.
func (r *rig) sendKeyed(dest, body, key string) event.DeliveryID {
	r.t.Helper()
	return r.enqueue(dest, body, key, 0, time.Hour)
}

func (r *rig) enqueue(dest, body, key string, later, life time.Duration) event.DeliveryID {
	r.t.Helper()
	now := time.Now().UTC()
	ev := &event.Event{
		ID: event.NewEventID(now), Source: "in", ReceivedAt: now, Method: "POST", Path: "/in/in",
		Header: map[string][]string{"Content-Type": {"text/plain"}}, Body: []byte(body),
	}
	d := event.Delivery{
		ID: event.NewDeliveryID(now), Event: ev.ID, Route: dest, Destination: dest, OrderKey: key,
		Created: now, Due: now.Add(later), Expires: now.Add(life), State: event.Pending,
	}
	if _, err := r.queue.Enqueue(r.t.Context(), ev, []event.Delivery{d}); err != nil {
		r.t.Fatal(err)
	}
	return d.ID
}

// sendMany enqueues n events at once.
func (r *rig) sendMany(dest string, n int) {
	r.t.Helper()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { r.send(dest, fmt.Sprint(dest, i)) })
	}
	wg.Wait()
}

// until waits for ok, which is asked after each change of a delivery, and now and then: not all that a test waits for
// is a change.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	late, now := time.After(within), time.NewTicker(5*time.Millisecond)
	defer now.Stop()
	for !ok() {
		select {
		case <-r.news:
		case <-now.C:
		case <-late:
			r.t.Fatalf("%s: did not happen; destinations are %+v", what, r.Destinations())
		}
	}
}

// delivery is the newest that was heard of one, and its attempts.
func (r *rig) delivery(id event.DeliveryID) (event.Delivery, []event.Attempt) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u, ok := r.changes[id]
	if !ok {
		return event.Delivery{}, nil
	}
	return *u.Delivery, r.tried[id]
}

// final waits until a delivery is not pending any more.
func (r *rig) final(id event.DeliveryID) (event.Delivery, []event.Attempt) {
	r.t.Helper()
	r.until(id.String()+" is final", func() bool { d, _ := r.delivery(id); return d.State.Final() && d.State != 0 })
	return r.delivery(id)
}

// attempted waits until a delivery had n attempts.
func (r *rig) attempted(id event.DeliveryID, n int) (event.Delivery, []event.Attempt) {
	r.t.Helper()
	r.until(fmt.Sprintf("%s has %d attempts", id, n), func() bool { _, as := r.delivery(id); return len(as) >= n })
	return r.delivery(id)
}

func (r *rig) status(name string) Status {
	r.t.Helper()
	for _, s := range r.Destinations() {
		if s.Name == name {
			return s
		}
	}
	return Status{}
}

// newSink serves a sink; the first thing in all rules is its URL.
func newSink(t testing.TB, o sink.Options) (*sink.Sink, string) {
	t.Helper()
	s := sink.New(o)
	srv := httptest.NewUnstartedServer(s)
	srv.Config.ErrorLog = quiet()
	srv.Start()
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return s, "url: \"" + srv.URL + "\""
}

func statuses(list ...int) func(sink.Request) sink.Behavior {
	return func(r sink.Request) sink.Behavior {
		if r.Number > len(list) {
			return sink.Behavior{Status: http.StatusOK}
		}
		return sink.Behavior{Status: list[r.Number-1]}
	}
}

func (r *rig) queueStats(name string) queue.LaneStats {
	for _, s := range r.queue.Destinations() {
		if s.Destination == name {
			return s
		}
	}
	return queue.LaneStats{}
}
