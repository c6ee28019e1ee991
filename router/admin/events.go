package admin

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
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
	return a.replay(r.Context(), r, id)
}

// replay matches an event under the rules of now and brings the deliveries to life that they call for.
func (a *api) replay(ctx context.Context, r *http.Request, id event.EventID) (*client.Change, error) {
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
	result, err := a.opts.Queue.ReplayEvent(ctx, id, matched.Deliveries)
	if err != nil {
		return nil, err
	}
	change.Added, change.Replayed, change.Kept = result.Created, result.Reopened, result.Pending
	a.changed(r, "event replayed", id.String())
	return change, nil
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
