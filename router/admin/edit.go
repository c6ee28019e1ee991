package admin

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
)

// replayEdited makes a new event of another one and the body of the request: what a sender sent never changes. Nobody has
// proved those bytes but whoever may call this API, and it is no duplicate of anything.
func (a *api) replayEdited(r *http.Request, parent event.EventID) (any, error) {
	old, err := a.opts.Queue.Full(r.Context(), parent)
	if err != nil {
		return nil, err
	}
	src, ok := a.opts.Rules().Source(old.Source)
	if !ok {
		return nil, &problem{status: http.StatusConflict, detail: "the event's source is not in the rules now"}
	}
	body, err := editedBody(r, src)
	if err != nil {
		return nil, err
	}
	change, err := a.store(r.Context(), edited(old, src, body, time.Now().UTC()))
	if err == nil {
		a.opts.Logger.InfoContext(r.Context(), "event replayed with another body", "parent", parent.String(), "event", change.Event.String(),
			"bytes", len(body), "remote", r.RemoteAddr)
	}
	return change, err
}

func editedBody(r *http.Request, src *rules.Source) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge) || err == nil && int64(len(body)) > src.MaxBody:
		return nil, &problem{status: http.StatusRequestEntityTooLarge, detail: "body is larger than the source's max_body"}
	case err != nil:
		return nil, badRequest("body did not arrive whole")
	}
	return body, nil
}

// edited is an event like old with other bytes. Headers that prove or describe the bytes of before are left out.
func edited(old *event.Event, src *rules.Source, body []byte, now time.Time) *event.Event {
	header := maps.Clone(old.Header)
	for _, name := range append(src.Verifier.ProofHeaders(), "Content-Length", "Content-Encoding", "Content-Md5", "Digest", "Content-Digest") {
		delete(header, name)
	}
	return &event.Event{
		ID: event.NewEventID(now), Parent: old.ID, Source: old.Source, ReceivedAt: now, Method: old.Method, Path: old.Path,
		Query: old.Query, RemoteIP: old.RemoteIP, Header: header, Body: body,
		Marks: []string{"verified by operator: another body for " + old.ID.String()},
	}
}

// store matches an event that no sender sent under the rules of now, and stores it with its deliveries.
func (a *api) store(ctx context.Context, ev *event.Event) (*client.Change, error) {
	matched, err := a.opts.Rules().Accept(ev, ev.ReceivedAt)
	if err != nil {
		return nil, err
	}
	ev.DedupeKey, ev.DedupeFor = "", 0
	receipt, err := a.opts.Queue.Enqueue(ctx, ev, matched.Deliveries)
	if err != nil {
		return nil, err
	}
	return &client.Change{Event: receipt.Event, Parent: ev.Parent, Added: receipt.Deliveries, Marks: ev.Marks}, nil
}
