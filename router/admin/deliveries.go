package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
)

// defaultMaxAge is for the replay of a delivery whose destination is not in the rules now and whose own life is unknown.
const defaultMaxAge = 24 * time.Hour

func (a *api) deliveries(r *http.Request) (any, error) {
	q, err := parseQuery(r, "pending", "delivered", "dead", "canceled")
	if err != nil {
		return nil, err
	}
	page, err := a.opts.Queue.Deliveries(r.Context(), q)
	if err != nil {
		return nil, err
	}
	set := a.opts.Rules()
	return wirePage(page, func(d queue.DeliveryRow) client.Delivery {
		return parked(set, wireDeliveryRow(d))
	}), nil
}

func (a *api) delivery(r *http.Request) (any, error) {
	id, err := deliveryID(r)
	if err != nil {
		return nil, err
	}
	return a.showDelivery(r.Context(), id)
}

func (a *api) showDelivery(ctx context.Context, id event.DeliveryID) (any, error) {
	detail, err := a.opts.Queue.Delivery(ctx, id)
	if err != nil {
		return nil, err
	}
	out := wireDelivery(detail)
	out.Delivery = parked(a.opts.Rules(), out.Delivery)
	return out, nil
}

// parked marks a delivery that waits for its route or destination to come back into the rules.
func parked(set *rules.Set, d client.Delivery) client.Delivery {
	d.Parked = d.State == event.Pending && !set.Has(d.Route, d.Destination)
	return d
}

// replayDelivery sends the same delivery out again. One that is dead because a rule failed at accept was never truly
// decided: its event is matched anew instead.
func (a *api) replayDelivery(r *http.Request) (any, error) {
	values, err := parameters(r, "to")
	if err != nil {
		return nil, err
	}
	to := values.Get("to")
	if err := a.knownDestination(to); err != nil {
		return nil, err
	}
	return a.change(r, "delivery replayed", func(ctx context.Context, d *event.Delivery) error {
		return a.replayDead(ctx, d, to)
	})
}

// replayDead sends a delivery again, or its event by its route to another destination.
func (a *api) replayDead(ctx context.Context, d *event.Delivery, to string) error {
	if to != "" {
		_, err := a.sendTo(ctx, d.Event, d.Route, to)
		return err
	}
	if d.Reason == event.ReasonMatch {
		_, err := a.replay(ctx, d.Event)
		return err
	}
	now := time.Now().UTC()
	return a.opts.Queue.ReplayDelivery(ctx, d.ID, now, now.Add(a.maxAge(d)))
}

// maxAge is how long a delivery lives that is replayed now.
func (a *api) maxAge(d *event.Delivery) time.Duration {
	if dest, ok := a.opts.Rules().Destination(d.Destination); ok && dest.Retry.MaxAge > 0 {
		return dest.Retry.MaxAge
	}
	if age := d.Expires.Sub(d.Created); age > 0 {
		return age
	}
	return defaultMaxAge
}

func (a *api) cancelDelivery(r *http.Request) (any, error) {
	return a.change(r, "delivery canceled", func(ctx context.Context, d *event.Delivery) error {
		return refusedIn(d.State, a.opts.Queue.Cancel(ctx, d.ID))
	})
}

func (a *api) dropDelivery(r *http.Request) (any, error) {
	return a.change(r, "dead delivery dropped", func(ctx context.Context, d *event.Delivery) error {
		return refusedIn(d.State, a.opts.Queue.Drop(ctx, d.ID))
	})
}

// refusedIn tells a delivery that is in the wrong state from one that does not exist.
func refusedIn(state event.State, err error) error {
	if errors.Is(err, queue.ErrNotFound) {
		return &problem{status: http.StatusConflict, detail: "not possible: the delivery is " + state.String()}
	}
	return err
}

// change does something to a delivery and answers with what it is then.
func (a *api) change(r *http.Request, what string, do func(context.Context, *event.Delivery) error) (any, error) {
	id, err := deliveryID(r)
	if err != nil {
		return nil, err
	}
	before, err := a.opts.Queue.Delivery(r.Context(), id)
	if err != nil {
		return nil, err
	}
	if err := do(r.Context(), &before.Delivery); err != nil {
		return nil, err
	}
	a.changed(r, what, id.String())
	return a.showDelivery(r.Context(), id)
}

func deliveryID(r *http.Request) (event.DeliveryID, error) {
	id, err := event.ParseDeliveryID(r.PathValue("id"))
	if err != nil {
		return id, badRequest("%v", err)
	}
	return id, nil
}
