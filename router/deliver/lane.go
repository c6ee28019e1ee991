package deliver

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
)

// lane makes the attempts of one destination. One goroutine leases when something is due and the gate has room;
// attempts run on goroutines of their own, which go on with the next lease as long as there is one.
type lane struct {
	name    string
	opts    *Options
	metrics laneMetrics
	log     *slog.Logger
	seldom  *rate.Sometimes // for what could be said of each delivery
	changed chan struct{}   // wakes the leasing goroutine; holds one
	workers sync.WaitGroup
	leave   context.CancelFunc // ends serve
	left    chan struct{}      // closed when it has ended
	opened  chan struct{}      // closed when queue is set
	waiting atomic.Int64       // senders who want a reply

	mu        sync.Mutex
	gate      *gate
	queue     *queue.Lane // nil until it is open
	transport *transport
	run       *run
	ended     bool           // nothing starts any more
	ready     []*queue.Lease // as many as gate.ready
	lastError string
	errorAt   time.Time
	url       string        // Fingerprint of the destination as the rules have it
	pause     pause         // what the note says; whether it holds is gate.paused
	resumed   time.Time     // by a person
	longest   time.Duration // Longest of the destination
}

const (
	leaseGrace = 5 * time.Second // how much longer than its attempt a lease holds
	openAgain  = time.Second     // how long to wait when the lane cannot be opened
)

func newLane(d *Deliverer, dest *rules.Destination) *lane {
	l := &lane{
		name: dest.Name, opts: &d.opts, metrics: d.metrics.lane(dest.Name),
		log:    d.opts.Logger.With("destination", dest.Name),
		seldom: &rate.Sometimes{First: 3, Interval: time.Second}, changed: make(chan struct{}, 1), left: make(chan struct{}),
		transport: newTransport(dest, &d.opts), url: dest.Fingerprint(),
		opened: make(chan struct{}),
	}
	l.gate, l.longest = newGate(dest, l.breakerChanged), dest.Longest()
	l.readPause()
	return l
}

// breakerChanged runs under l.mu.
func (l *lane) breakerChanged(from, to string) {
	level := slog.LevelInfo
	if to == "open" {
		level = slog.LevelWarn
	}
	l.log.Log(context.Background(), level, "breaker is "+to, "was", from, "last_error", l.lastError)
}

// apply takes over what the rules say now; it may be called before and while the lane runs.
func (l *lane) apply(dest *rules.Destination) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gate.apply(dest, time.Now())
	l.url = dest.Fingerprint()
	l.readPause()
	if !l.transport.fits(dest) {
		l.transport.close()
		l.transport = newTransport(dest, l.opts)
	}
	l.longest = dest.Longest()
	if l.queue != nil {
		l.queue.Bound(l.longest)
		l.queue.Reload()
	}
	l.wake()
}

// park stops leasing because the rules do not have the destination any more; attempts that run go on.
func (l *lane) park() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gate.parked = true
	l.transport.close()
	l.wake()
}

// parkIfGone is park before Reload says so. It looks again under the mutex: when the destination is back by then, the
// apply of that Reload has been or comes.
func (l *lane) parkIfGone() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.opts.Rules().Destination(l.name); !ok {
		l.gate.parked = true
	}
}

// wake makes the leasing goroutine look at the gate again.
func (l *lane) wake() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

// serve is the leasing goroutine. It returns when ctx, which ends with the run, ended and the last attempt is over.
func (l *lane) serve(ctx context.Context, r *run) {
	l.mu.Lock()
	l.run = r
	l.mu.Unlock()
	q, ok := l.open(ctx)
	if !ok {
		return
	}
	for q.Wait(ctx) == nil {
		n, ok := l.waitForRoom(ctx)
		if !ok {
			break
		}
		l.lease(q, n)
	}
	l.end()
	l.workers.Wait()
	q.Close()
}

// open opens the queue's lane, again and again when that fails.
func (l *lane) open(ctx context.Context) (*queue.Lane, bool) {
	for {
		q, err := l.opts.Queue.Lane(ctx, l.name)
		if err == nil {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.queue = q
			q.Bound(l.longest)
			close(l.opened)
			return q, true
		}
		if ctx.Err() != nil {
			return nil, false
		}
		l.log.Error("lane does not open, trying again", "error", err)
		if !sleep(ctx, openAgain) {
			return nil, false
		}
	}
}

// waitForRoom blocks until the gate lets something through; false when ctx ended.
func (l *lane) waitForRoom(ctx context.Context) (n int, ok bool) {
	for ctx.Err() == nil {
		n, again := l.room()
		if n > 0 {
			return n, true
		}
		if !l.waitForChange(ctx, again) {
			return 0, false
		}
	}
	return 0, false
}

// room asks the gate. What was leased ahead of a gate that is shut now goes back.
func (l *lane) room() (int, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if _, shut := l.gate.shut(now); shut {
		l.release()
	}
	return l.gate.room(now)
}

func (l *lane) waitForChange(ctx context.Context, again time.Time) bool {
	var timer <-chan time.Time
	if !again.IsZero() {
		t := time.NewTimer(time.Until(again))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-l.changed:
	case <-timer:
	case <-ctx.Done():
		return false
	}
	return true
}

// lease takes up to n leases and starts as many attempts as there are slots.
func (l *lane) lease(q *queue.Lane, n int) {
	set := l.opts.Rules()
	dest, ok := set.Destination(l.name)
	if !ok {
		l.parkIfGone()
		return
	}
	leases := q.Lease(n, dest.Timeout+leaseGrace, func(route string) bool { return set.Has(route, l.name) })
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ready = append(l.ready, leases...)
	l.gate.lease(time.Now(), len(leases))
	for {
		le, p, ok := l.next()
		if !ok {
			return
		}
		l.workers.Go(func() { l.work(le, p) })
	}
}

// next takes a lease that may start now; l.mu is held.
func (l *lane) next() (*queue.Lease, permit, bool) {
	now := time.Now()
	if _, shut := l.gate.shut(now); shut || l.ended {
		l.release()
		return nil, permit{}, false
	}
	p, ok := l.gate.enter(now)
	if !ok {
		return nil, permit{}, false
	}
	le := l.ready[0]
	l.ready[0] = nil
	l.ready = l.ready[1:]
	return le, p, true
}

// work makes attempts until there is nothing more to start.
func (l *lane) work(le *queue.Lease, p permit) {
	for ok := true; ok; {
		took := l.attempt(le, p)
		le, p, ok = l.more(took)
	}
}

// more frees the slot of an attempt and takes the next lease.
func (l *lane) more(took time.Duration) (*queue.Lease, permit, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.gate.leave(took)
	le, p, ok := l.next()
	if n, again := l.gate.room(time.Now()); n > 0 || !again.IsZero() {
		l.wake()
	}
	return le, p, ok
}

// release gives back what was leased and not started; l.mu is held.
func (l *lane) release() {
	for _, le := range l.ready {
		le.Release()
	}
	l.ready = nil
	l.gate.ready = 0
}

func (l *lane) end() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ended = true
	l.release()
	l.transport.close()
}

// sleep waits for d; false when ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
