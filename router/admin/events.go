package admin

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
)

func (a *api) events(r *http.Request) (any, error) {
	q, err := parseQuery(r, "pending", "delivered", "dead", "canceled", "unmatched")
	if err != nil {
		return nil, err
	}
	page, err := a.opts.Queue.Events(r.Context(), q)
	if err != nil {
		return nil, err
	}
	return wirePage(page, wireEventRow), nil
}

func (a *api) event(r *http.Request) (any, error) {
	id, err := eventID(r)
	if err != nil {
		return nil, err
	}
	detail, err := a.opts.Queue.Event(r.Context(), id)
	if err != nil {
		return nil, err
	}
	out := wireEvent(detail, a.secretsOf(detail.Event.Source))
	for i, d := range out.Deliveries {
		out.Deliveries[i].Delivery = parked(a.opts.Rules(), d.Delivery)
	}
	return out, nil
}

// body is the bytes as they came. A browser only ever saves them: it must not take them for a page of ours.
func (a *api) body(w http.ResponseWriter, r *http.Request) error {
	id, err := eventID(r)
	if err != nil {
		return err
	}
	body, err := a.opts.Queue.Body(r.Context(), id)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="`+id.String()+`.bin"`)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that has gone away misses it
	return nil
}

func (a *api) replayEvent(r *http.Request) (any, error) {
	id, err := eventID(r)
	if err != nil {
		return nil, err
	}
	values, err := parameters(r, "to", "edited")
	if err != nil {
		return nil, err
	}
	if values.Get("edited") == "true" {
		return a.replayEdited(r, id)
	}
	change, err := a.replayTo(r.Context(), id, values.Get("to"))
	if err == nil {
		a.changed(r, "event replayed", id.String())
	}
	return change, err
}

// replayTo is replay, or sends the event as it came to one destination.
func (a *api) replayTo(ctx context.Context, id event.EventID, to string) (*client.Change, error) {
	if to == "" {
		return a.replay(ctx, id)
	}
	if err := a.knownDestination(to); err != nil {
		return nil, err
	}
	return a.sendTo(ctx, id, "", to)
}

// replay matches an event under the rules of now and brings the deliveries to life that they call for.
func (a *api) replay(ctx context.Context, id event.EventID) (*client.Change, error) {
	stored, err := a.opts.Queue.Full(ctx, id)
	if err != nil {
		return nil, err
	}
	ev := *stored // Match writes marks and hash; the stored event never changes
	ev.Marks = nil
	matched := a.opts.Rules().Match(&ev, time.Now().UTC())
	change := &client.Change{Event: id, Marks: ev.Marks}
	if len(matched.Deliveries) == 0 {
		return change, nil
	}
	return change, a.bringToLife(ctx, change, matched.Deliveries)
}

func (a *api) bringToLife(ctx context.Context, change *client.Change, pairs []event.Delivery) error {
	result, err := a.opts.Queue.ReplayEvent(ctx, change.Event, pairs)
	change.Added, change.Replayed, change.Kept = result.Created, result.Reopened, result.Pending
	return err
}

// sendTo makes a delivery of an event that no rule calls for: by a route, or as it came, to any destination.
func (a *api) sendTo(ctx context.Context, id event.EventID, route, to string) (*client.Change, error) {
	now := time.Now().UTC()
	d := event.Delivery{
		ID: event.NewDeliveryID(now), Route: rules.ByHand(route), Destination: to, Created: now, Due: now, State: event.Pending,
	}
	d.Expires = now.Add(a.maxAge(&d))
	change := &client.Change{Event: id}
	return change, a.bringToLife(ctx, change, []event.Delivery{d})
}

// knownDestination refuses a name that the rules do not have; "" is none.
func (a *api) knownDestination(name string) error {
	if _, ok := a.opts.Rules().Destination(name); !ok && name != "" {
		return badRequest("to: unknown destination %.64q", name)
	}
	return nil
}

// secretsOf are the headers in which a source sends its secret, as far as the rules of now know the source.
func (a *api) secretsOf(source string) []string {
	s, ok := a.opts.Rules().Source(source)
	if !ok || s.Verifier == nil {
		return nil
	}
	return s.Verifier.SecretHeaders()
}

func eventID(r *http.Request) (event.EventID, error) {
	id, err := event.ParseEventID(r.PathValue("id"))
	if err != nil {
		return id, badRequest("%v", err)
	}
	return id, nil
}
