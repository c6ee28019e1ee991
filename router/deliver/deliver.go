package deliver

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
)

// ErrUnknown means that neither the rules nor this process know a destination of that name.
var ErrUnknown = errors.New("unknown destination")

const (
	defaultDrain = 25 * time.Second // less than what a container is usually given to end
	resultDrain  = 5 * time.Second  // after the attempts were cut
)

// Options of a Deliverer. Queue and Rules are required.
type Options struct {
	Queue *queue.Queue
	// Rules gives the Set in force; it is asked for each attempt and never gives nil.
	Rules func() *rules.Set
	// Logger gets what an operator should know; nil discards it.
	Logger *slog.Logger
	// Registerer gets the metrics; nil leaves them out.
	Registerer prometheus.Registerer
	// Drain is how long attempts that run may go on after Run's context ended; 0 means 25 s.
	Drain time.Duration
	// Egress says to which addresses attempts may connect; the zero value is all but link-local and metadata addresses.
	Egress Egress
	// Resolver resolves the names of destinations; nil is the system's.
	Resolver *net.Resolver
}

// Deliverer makes the attempts. All methods are safe for concurrent use.
type Deliverer struct {
	opts    Options
	metrics *metrics

	mu      sync.Mutex
	run     *run // nil before and after Run
	lanes   map[string]*lane
	leaving map[string]*lane // let go, and not at their end yet: the newest of each name
	changed chan struct{}    // closed, and replaced, when lanes have changed
}

// run is what lanes need of a Run: its end in three steps.
type run struct {
	leasing context.Context // when it ends nothing is leased any more
	attempt context.Context // when it ends attempts are cut
	results context.Context // when it ends results that the queue does not take are given up
	lanes   sync.WaitGroup
}

// New makes a Deliverer; nothing happens before Run. The error is the Registerer's.
func New(o Options) (*Deliverer, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Drain == 0 {
		o.Drain = defaultDrain
	}
	d := &Deliverer{opts: o, metrics: newMetrics(), lanes: map[string]*lane{}, leaving: map[string]*lane{}, changed: make(chan struct{})}
	if o.Registerer == nil {
		return d, nil
	}
	if err := d.metrics.register(o.Registerer, d); err != nil {
		return nil, fmt.Errorf("delivery metrics: %w", err)
	}
	return d, nil
}

// Run delivers until ctx ends. Then nothing more is leased; attempts that run have Options.Drain to end and are then
// cut, which does not count against their deliveries. The queue must run until Run has returned, which is with nil.
// It may be called once.
func (d *Deliverer) Run(ctx context.Context) error {
	results, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	attempt, cut := context.WithCancel(results)
	defer cut()
	d.rehearse(ctx)
	r := &run{leasing: ctx, attempt: attempt, results: results}
	d.setRun(r)
	d.Reload()
	<-ctx.Done()
	d.setRun(nil)
	drain := time.AfterFunc(d.opts.Drain, cut)
	defer drain.Stop()
	last := time.AfterFunc(d.opts.Drain+resultDrain, giveUp)
	defer last.Stop()
	r.lanes.Wait()
	return nil
}

func (d *Deliverer) setRun(r *run) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.run = r
}

// Reload takes over the Set that went live: new destinations get a lane, those that are gone stop leasing and, when
// nothing waits for their return, end; changed limits, breakers and timeouts apply from the next attempt on. The state of
// breaker, hold, pause and limiter stays with the name as long as there is something for it. It does not block, and does nothing while Run is not running: Run begins with it.
func (d *Deliverer) Reload() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.run == nil {
		return
	}
	set := d.opts.Rules()
	for name, l := range d.lanes {
		if dest, ok := set.Destination(name); ok {
			l.apply(dest)
		} else {
			l.park()
		}
	}
	for _, dest := range set.Destinations() {
		if _, ok := d.lanes[dest.Name]; !ok {
			d.start(dest)
		}
	}
	d.letGo(set)
	close(d.changed)
	d.changed = make(chan struct{})
}

// start makes a lane and lets it run, after the end of the one that had its name before; d.mu is held.
func (d *Deliverer) start(dest *rules.Destination) {
	l, before, r := newLane(d, dest), d.leaving[dest.Name], d.run
	d.lanes[dest.Name] = l
	ctx, leave := context.WithCancel(r.leasing)
	l.leave = leave
	r.lanes.Go(func() {
		defer d.forget(l)
		defer close(l.left)
		if before != nil {
			<-before.left
		}
		l.serve(ctx, r)
	})
}

// letGo ends the lanes of destinations that are gone and for which nothing waits, so that names which come and go leave
// nothing behind; d.mu is held. What is stored for one meanwhile, by the rules of before, waits in the queue.
func (d *Deliverer) letGo(set *rules.Set) {
	gone := maps.Clone(d.lanes)
	maps.DeleteFunc(gone, func(name string, _ *lane) bool { _, ok := set.Destination(name); return ok })
	if len(gone) == 0 {
		return
	}
	for _, q := range d.opts.Queue.Destinations() {
		if q.Pending > 0 {
			delete(gone, q.Destination)
		}
	}
	for name, l := range gone {
		delete(d.lanes, name)
		d.leaving[name] = l
		d.metrics.forget(name)
		l.leave()
	}
}

// forget drops a lane that has ended.
func (d *Deliverer) forget(l *lane) {
	d.mu.Lock()
	defer d.mu.Unlock()
	l.leave()
	if d.leaving[l.name] == l {
		delete(d.leaving, l.name)
	}
}

// known refuses names that nobody has heard of.
func (d *Deliverer) known(name string) error {
	if _, ok := d.opts.Rules().Destination(name); !ok && d.lane(name) == nil {
		return fmt.Errorf("%w %.64q", ErrUnknown, name)
	}
	return nil
}

// lane is nil when there is none (yet).
func (d *Deliverer) lane(name string) *lane {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.lanes[name]
}

func (d *Deliverer) allLanes() []*lane {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Collect(maps.Values(d.lanes))
}
