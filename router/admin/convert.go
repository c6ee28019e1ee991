package admin

import (
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/deliver"
	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
)

// each converts a list; the result is never nil, so that JSON has [] for it.
func each[A, B any](in []A, f func(A) B) []B {
	out := make([]B, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

func wirePage[A, B any](p queue.Page[A], f func(A) B) client.Page[B] {
	return client.Page[B]{Items: each(p.Items, f), Next: p.Next, Rebuilding: p.Rebuilding}
}

func wireEventRow(e queue.EventRow) client.Event {
	return client.Event{
		ID: e.ID, Source: e.Source, Type: e.Type, SenderID: e.SenderID, ReceivedAt: e.ReceivedAt, Parent: e.Parent,
		Size: e.Size, Duplicates: e.Duplicates, Matched: e.Matched,
		Pending: e.Pending, Delivered: e.Delivered, Dead: e.Dead, Canceled: e.Canceled, Marked: e.Marks,
	}
}

func wireEvent(d *queue.EventDetail, secretHeaders []string) client.EventDetail {
	e := d.Event
	out := client.EventDetail{
		Event:  eventOf(e, d.Size),
		Method: e.Method, Path: e.Path, Query: rules.MaskQuery(e.Query), RemoteIP: e.RemoteIP,
		Header:    rules.Mask(e.Header, secretHeaders),
		DedupeKey: e.DedupeKey, RulesHash: e.RulesHash, Marks: e.Marks,
		Deliveries: each(d.Deliveries, func(x queue.DeliveryDetail) client.DeliveryDetail { return wireDelivery(&x) }),
	}
	out.Duplicates, out.Matched = d.Duplicates, len(d.Deliveries)
	for _, x := range d.Deliveries {
		switch x.Delivery.State {
		case event.Pending:
			out.Pending++
		case event.Delivered:
			out.Delivered++
		case event.Dead:
			out.Dead++
		case event.Canceled:
			out.Canceled++
		}
	}
	return out
}

func eventOf(e *event.Event, size int) client.Event {
	return client.Event{
		ID: e.ID, Source: e.Source, Type: e.Type, SenderID: e.SenderID, ReceivedAt: e.ReceivedAt, Parent: e.Parent,
		Size: size, Marked: len(e.Marks) > 0,
	}
}

func wireDeliveryRow(d queue.DeliveryRow) client.Delivery {
	out := deliveryOf(&d.Delivery)
	out.Source, out.Type, out.LastStatus, out.LastError, out.Group = d.Source, d.Type, d.LastStatus, d.LastError, d.Group
	return out
}

func wireDelivery(d *queue.DeliveryDetail) client.DeliveryDetail {
	out := client.DeliveryDetail{
		Delivery: deliveryOf(&d.Delivery),
		History:  each(d.Attempts, wireAttempt),
		Omitted:  d.Earlier,
	}
	out.Source, out.Type, out.Detail = d.Source, d.Type, d.Detail
	if n := len(out.History); n > 0 {
		out.LastStatus, out.LastError = out.History[n-1].Status, out.History[n-1].Error
	}
	return out
}

func deliveryOf(d *event.Delivery) client.Delivery {
	return client.Delivery{
		ID: d.ID, Event: d.Event, Route: d.Route, Destination: d.Destination,
		State: d.State, Reason: d.Reason.String(),
		Created: d.Created, Updated: d.Updated, Due: d.Due, Expires: d.Expires,
		Round: d.Round, Attempts: d.Attempts, Tries: d.Tries, Lost: d.Lost,
		OrderKey: d.OrderKey, CoalesceKey: d.Coalesce.Key, Merged: d.Merged, Successor: d.Successor,
	}
}

func wireGroup(g queue.DeadGroup) client.DeadGroup {
	return client.DeadGroup{
		Group: g.Fingerprint, Destination: g.Destination, Route: g.Route, Reason: g.Reason.String(), Class: g.Class,
		Count: g.Count, First: g.First, Last: g.Last, Example: g.Example.ID, Event: g.Example.Event, Detail: g.Detail,
		Status: g.Attempt.Status, Error: g.Attempt.Error, Answer: g.Attempt.Answer,
	}
}

func wireAttempt(a event.Attempt) client.Attempt {
	return client.Attempt{
		Number: a.Number, Round: a.Round, Started: a.Started, Seconds: a.Duration.Seconds(),
		Result: a.Result, Status: a.Status, Error: a.Error, URL: a.URL,
		RulesHash: a.RulesHash, SentHash: a.SentHash, Answer: a.Answer,
	}
}

func wireDestination(d deliver.Status) client.Destination {
	return client.Destination{
		Name: d.Name, URL: d.URL, Parked: d.Parked, Aside: d.Aside,
		Breaker: d.Breaker, BreakerSince: d.BreakerSince, NextProbe: d.NextProbe,
		Hold: d.Hold, Paused: d.Paused, PausedSince: d.PausedSince, Gone: d.Gone,
		InFlight: d.InFlight, Concurrency: d.Concurrency, Ramp: d.Ramp, Rate: d.Rate,
		Pending: d.Pending, Due: d.Due, Dead: d.Dead, Oldest: d.Oldest, NextDue: d.NextDue,
		LastError: d.LastError, LastErrorAt: d.LastErrorAt,
	}
}

func (a *api) wireSource(s *rules.Source) client.Source {
	stats := a.opts.Ingest.Stats(s.Name)
	return client.Source{
		Name: s.Name, Path: s.Path, Preset: s.Preset, Methods: s.Methods, MaxBody: s.MaxBody, Unverified: s.Unverified,
		AllowIP: each(s.AllowIP, func(r rules.Range) string { return r.Text }), Limit: a.wireLimit(s),
		Results: stats.Results, LastEvent: stats.LastEvent, Learns: s.Learn != nil, ArmedUntil: a.opts.Ingest.ArmedUntil(s.Name),
	}
}

func (a *api) wireLimit(s *rules.Source) *client.SourceLimit {
	if s.Limit == (rules.SourceLimit{}) {
		return nil
	}
	use := a.opts.Ingest.Use(s)
	return &client.SourceLimit{
		Concurrency: s.Limit.Concurrency, Running: use.Running, Rate: s.Limit.Rate, Burst: s.Limit.Burst, Left: use.Left,
	}
}

func wireRefusal(r ingest.Refusal) client.Refusal {
	return client.Refusal{
		At: r.At, Status: r.Status, Reason: r.Reason, Method: r.Method, RemoteIP: r.RemoteIP,
		Header: r.Header, BodyLength: r.BodyLength, BodySHA256: r.BodySHA256,
	}
}

func wireRoute(r *rules.Route) client.Route {
	return client.Route{Name: r.Name, From: r.From, When: r.When, To: r.To, Stop: r.Stop, Enabled: r.Enabled}
}

func wireFaults(fs []rules.Fault) []client.Fault {
	return each(fs, func(f rules.Fault) client.Fault {
		return client.Fault{File: f.File, Line: f.Line, Col: f.Col, Source: f.Source, Code: f.Code, Message: f.Message, Hint: f.Hint}
	})
}

func wireUpdate(u queue.Update, id string) client.Update {
	out := client.Update{ID: id, Kind: string(u.Kind), At: u.Time.UTC().Round(time.Microsecond)}
	if u.Event != nil {
		e := eventOf(u.Event, u.Size)
		out.Event = &e
	}
	if u.Delivery != nil {
		d := deliveryOf(u.Delivery)
		out.Delivery = &d
	}
	if u.Attempt != nil {
		t := wireAttempt(*u.Attempt)
		out.Attempt = &t
	}
	return out
}
