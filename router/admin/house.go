package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/router/deliver"
	"github.com/hookrouter/hookrouter/rules"
)

func (a *api) destinations(*http.Request) (any, error) {
	return client.Page[client.Destination]{Items: a.wireDestinations()}, nil
}

func (a *api) wireDestinations() []client.Destination {
	return each(a.opts.Deliver.Destinations(), wireDestination)
}

// act does something to the destination of the path and answers with what it is then.
func (a *api) act(what string, do func(context.Context, string) error) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		name := r.PathValue("name")
		if err := do(r.Context(), name); err != nil {
			return nil, err
		}
		a.changed(r, "destination "+what, name)
		for _, d := range a.opts.Deliver.Destinations() {
			if d.Name == name {
				return wireDestination(d), nil
			}
		}
		return nil, deliver.ErrUnknown
	}
}

func (a *api) sources(*http.Request) (any, error) {
	return client.Page[client.Source]{Items: each(a.opts.Rules().Sources(), a.wireSource)}, nil
}

func (a *api) source(r *http.Request) (any, error) {
	s, ok := a.opts.Rules().Source(r.PathValue("name"))
	if !ok {
		return nil, &problem{status: http.StatusNotFound, detail: "no such source"}
	}
	return client.SourceDetail{
		Source:   a.wireSource(s),
		Refusals: each(a.opts.Ingest.Refusals(s.Name), wireRefusal),
	}, nil
}

// arm lets a source take a new secret from its sender for a while.
func (a *api) arm(r *http.Request) (any, error) {
	s, ok := a.opts.Rules().Source(r.PathValue("name"))
	switch {
	case !ok:
		return nil, &problem{status: http.StatusNotFound, detail: "no such source"}
	case s.Learn == nil:
		return nil, &problem{status: http.StatusConflict, detail: "the sender of this source gives no secret, or the rules have one"}
	}
	a.opts.Ingest.Arm(s.Name)
	a.changed(r, "source armed", s.Name)
	return a.wireSource(s), nil
}

func (a *api) listRoutes(*http.Request) (any, error) {
	return client.Page[client.Route]{Items: each(a.opts.Rules().Routes(), wireRoute)}, nil
}

func (a *api) rules(*http.Request) (any, error) { return a.rulesNow(), nil }

func (a *api) rulesNow() client.Rules {
	if a.opts.Status != nil {
		return a.opts.Status()
	}
	set := a.opts.Rules()
	return client.Rules{Hash: set.Hash(), File: set.File().Name, OK: true, Warnings: wireFaults(set.Warnings())}
}

// reload answers with the rules in force afterwards, or with the faults of the file; then the old rules stay.
func (a *api) reload(r *http.Request) (any, error) {
	if a.opts.Reload == nil {
		return nil, &problem{status: http.StatusNotImplemented, detail: "the rules of this process cannot be reloaded"}
	}
	err := a.opts.Reload(r.Context())
	var faults rules.Faults
	switch {
	case err == nil:
		a.changed(r, "rules reloaded", a.opts.Rules().Hash())
		return a.rulesNow(), nil
	case errors.As(err, &faults) || r.Context().Err() != nil:
		return nil, err
	}
	// Everything else that can go wrong is about the operator's own file, and the operator asked.
	return nil, &problem{status: http.StatusUnprocessableEntity, detail: err.Error()}
}

func (a *api) status(*http.Request) (any, error) {
	set, stats, health := a.opts.Rules(), a.opts.Queue.Stats(), a.opts.Queue.Health()
	s := client.Status{
		Version:      a.opts.Version,
		Started:      a.opts.Started.UTC(),
		Now:          time.Now().UTC(),
		Rules:        a.rulesNow(),
		Sources:      len(set.Sources()),
		Routes:       len(set.Routes()),
		Destinations: a.wireDestinations(),
		Queue: client.Queue{
			Pending: stats.Pending, Dead: stats.Dead, MaxPending: stats.MaxPending, Position: uint64(stats.Applied),
		},
		Log: client.Log{Bytes: health.Bytes, Free: health.Free, Short: health.Short, Damaged: health.Damaged, Caveat: a.opts.Caveat},
	}
	if err := health.Trouble(); err != nil {
		s.Log.Refusing = err.Error()
	}
	if err := a.opts.Ready(); err != nil {
		s.NotReady = err.Error()
	}
	s.Ready = s.NotReady == ""
	for _, d := range s.Destinations {
		if !d.Oldest.IsZero() && (s.Queue.Oldest.IsZero() || d.Oldest.Before(s.Queue.Oldest)) {
			s.Queue.Oldest = d.Oldest
		}
	}
	return s, nil
}
