package admin

import (
	"context"
	"errors"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/time/rate"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
)

func (a *api) dead(r *http.Request) (any, error) {
	values, err := parameters(r, "destination", "route", "since")
	if err != nil {
		return nil, err
	}
	since, err := parseTime("since", values)
	if err != nil {
		return nil, err
	}
	groups, err := a.opts.Queue.DeadGroups(r.Context(), values.Get("destination"), values.Get("route"), since)
	if err != nil {
		return nil, err
	}
	return client.Page[client.DeadGroup]{Items: each(groups, wireGroup)}, nil
}

// bulk is one step of an action on all that a filter selects. Steps are short, so that ending one ends all: whoever asks
// goes on by asking for the next.
type bulk struct {
	query  queue.Query
	verb   string
	to     string
	dryRun bool
	rate   float64 // a second; 0: no bound
}

// bulkWorkers are at work at the same time: they share their commits.
const bulkWorkers = 16

// parseBulk reads filters and how it is to be done; state is what is meant when the filter names none.
func parseBulk(r *http.Request, state string, states ...string) (b bulk, err error) {
	values, err := parameters(r, append(filterKeys[:], "verb", "to", "dry_run", "rate")...)
	if err != nil {
		return b, err
	}
	if values.Get("limit") == "" {
		values.Set("limit", strconv.Itoa(maxLimit))
	}
	if values.Get("state") == "" {
		values.Set("state", state)
	}
	if b.query, err = queryOf(values, states...); err != nil {
		return b, err
	}
	b.verb, b.to = values.Get("verb"), values.Get("to")
	if text := values.Get("dry_run"); text != "" {
		if b.dryRun, err = strconv.ParseBool(text); err != nil {
			return b, badRequest("dry_run: %.40q is neither true nor false", text)
		}
	}
	return b, b.parseRate(values)
}

// parseRate reads the rate, and shortens a step to what a second allows.
func (b *bulk) parseRate(values url.Values) (err error) {
	text := values.Get("rate")
	if text == "" {
		return nil
	}
	b.rate, err = strconv.ParseFloat(text, 64)
	if err != nil || !(b.rate > 0 && b.rate <= 1e6) {
		return badRequest("rate: %.40q is not a number above 0, a second", text)
	}
	if !b.dryRun {
		b.query.Limit = min(b.query.Limit, int(math.Ceil(b.rate)))
	}
	return nil
}

func (a *api) bulkReplay(r *http.Request) (any, error) {
	if r.URL.Query().Get("verb") == "delivery" {
		return a.bulkDeliveries(r, "bulk replay of deliveries", func(ctx context.Context, b *bulk, d *event.Delivery) error {
			return a.replayDead(ctx, d, b.to)
		}, event.Dead, event.Delivered, event.Canceled)
	}
	b, err := parseBulk(r, "", "pending", "delivered", "dead", "canceled", "unmatched")
	if err != nil {
		return nil, err
	}
	if b.verb != "" && b.verb != "event" {
		return nil, badRequest("verb: %.40q is neither event nor delivery", b.verb)
	}
	if err := a.knownDestination(b.to); err != nil {
		return nil, err
	}
	page, err := a.opts.Queue.Events(r.Context(), b.query)
	if err != nil {
		return nil, err
	}
	return step(a, r, &b, "bulk replay of events", page, func(ctx context.Context, e *queue.EventRow) (bool, error) {
		change, err := a.replayTo(ctx, e.ID, b.to)
		return err == nil && change.Added+change.Replayed > 0, err
	}), nil
}

func (a *api) bulkDrop(r *http.Request) (any, error) {
	return a.bulkDeliveries(r, "bulk drop", func(ctx context.Context, _ *bulk, d *event.Delivery) error {
		return a.opts.Queue.Drop(ctx, d.ID)
	}, event.Dead)
}

// bulkDeliveries does something to the deliveries of a filter, which may be in these states; the first is meant when it
// names none.
func (a *api) bulkDeliveries(
	r *http.Request, what string, do func(context.Context, *bulk, *event.Delivery) error, states ...event.State,
) (any, error) {
	names := each(states, event.State.String)
	b, err := parseBulk(r, names[0], names...)
	if err != nil {
		return nil, err
	}
	if err := a.knownDestination(b.to); err != nil {
		return nil, err
	}
	page, err := a.opts.Queue.Deliveries(r.Context(), b.query)
	if err != nil {
		return nil, err
	}
	return step(a, r, &b, what, page, func(ctx context.Context, d *queue.DeliveryRow) (bool, error) {
		return true, do(ctx, &b, &d.Delivery)
	}), nil
}

// step does one page, at the rate, and says in the log who did what to how many.
func step[T any](
	a *api, r *http.Request, b *bulk, what string, page queue.Page[T], do func(context.Context, *T) (bool, error),
) *client.Bulk {
	out := &client.Bulk{Matched: len(page.Items), Next: page.Next}
	if b.dryRun {
		return out
	}
	c := tally{out: out}
	c.run(r.Context(), b.rate, len(page.Items), func(ctx context.Context, i int) (bool, error) { return do(ctx, &page.Items[i]) })
	if c.stopped {
		out.Next = b.query.Cursor
	}
	a.opts.Logger.InfoContext(r.Context(), what, "done", out.Done, "kept", out.Kept, "failed", out.Failed, "error", out.Error,
		"filter", r.URL.RawQuery, "remote", r.RemoteAddr)
	return out
}

// tally counts what became of the items of a step.
type tally struct {
	mu      sync.Mutex
	out     *client.Bulk
	stopped bool // what came after has to be done again
}

func (c *tally) run(ctx context.Context, perSecond float64, n int, do func(context.Context, int) (bool, error)) {
	pace := rate.NewLimiter(rate.Inf, 1)
	if perSecond > 0 {
		pace.SetLimit(rate.Limit(perSecond))
	}
	items := make(chan int)
	var workers sync.WaitGroup
	for range min(bulkWorkers, n) {
		workers.Go(func() {
			for i := range items {
				c.add(do(ctx, i))
			}
		})
	}
	for i := range n {
		if pace.Wait(ctx) != nil || c.isStopped() {
			c.stop()
			break
		}
		items <- i
	}
	close(items)
	workers.Wait()
}

func (c *tally) add(did bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil && did:
		c.out.Done++
	case err == nil || errors.Is(err, queue.ErrNotFound): // somebody else was there first
		c.out.Kept++
	default:
		if c.out.Failed++; c.out.Failed == 1 {
			c.out.Error = problemFor(err).detail
		}
		c.stopped = c.stopped || slices.ContainsFunc(endsBulk(), func(end error) bool { return errors.Is(err, end) })
	}
}

// endsBulk are the errors that all that follows would meet with, too.
func endsBulk() []error {
	return []error{queue.ErrFull, queue.ErrNoRoom, queue.ErrClosed, context.Canceled, context.DeadlineExceeded}
}

func (c *tally) isStopped() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.stopped
}

func (c *tally) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopped = true
}
