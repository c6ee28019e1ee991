package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
)

const (
	planDefault = 1000             // events
	planMost    = 10_000           // events
	planFor     = 20 * time.Second // then it tells what it has
	planPage    = 200
)

// plan tries other rules on recorded events. It reads, and nothing else; one at a time, as it takes a core for a while.
func (a *api) plan(r *http.Request) (any, error) {
	select {
	case a.planning <- struct{}{}:
		defer func() { <-a.planning }()
	default:
		return nil, &problem{status: http.StatusServiceUnavailable, detail: "another plan is being made"}
	}
	var q client.PlanQuestion
	if err := readJSON(r, &q); err != nil {
		return nil, err
	}
	switch {
	case q.Last < 0 || q.Last > planMost:
		return nil, badRequest("last: %d is not a number from 1 to %d", q.Last, planMost)
	case q.Last == 0:
		q.Last = planDefault
	}
	set, err := a.draft(q.Rules)
	if err != nil {
		return nil, err
	}
	return a.tryOn(r.Context(), rules.NewPlan(a.opts.Rules(), set), q)
}

// draft parses rules that are not live. What cannot be known here is left open.
func (a *api) draft(files []client.File) (*rules.Set, error) {
	switch {
	case a.opts.Draft == nil:
		return nil, &problem{status: http.StatusNotImplemented, detail: "this process reads no other rules than its own"}
	case len(files) == 0:
		return nil, badRequest("rules: no file is given")
	}
	return a.opts.Draft(each(files, func(f client.File) rules.File { return rules.File{Name: f.Name, Data: []byte(f.Text)} }))
}

func (a *api) tryOn(ctx context.Context, plan *rules.Plan, q client.PlanQuestion) (*client.Plan, error) {
	end, left, skipped := time.Now().Add(planFor), q.Last, 0
	query := queue.Query{Source: q.Source, Since: q.Since}
	for left > 0 {
		query.Limit = min(planPage, left)
		page, err := a.opts.Queue.Events(ctx, query)
		if err != nil {
			return nil, err
		}
		for _, row := range page.Items {
			if time.Now().After(end) {
				return planned(plan, skipped, fmt.Sprintf("%s are over", planFor)), nil
			}
			if err := a.tryOne(ctx, plan, row.ID); isGone(err) {
				skipped++
			} else if err != nil {
				return nil, err
			}
			left--
		}
		if query.Cursor = page.Next; query.Cursor == "" {
			break
		}
	}
	return planned(plan, skipped, ""), nil
}

func planned(plan *rules.Plan, skipped int, cut string) *client.Plan {
	out := plan.Result()
	out.Skipped, out.Cut = skipped, cut
	return out
}

func (a *api) tryOne(ctx context.Context, plan *rules.Plan, id event.EventID) error {
	ev, err := a.opts.Queue.Full(ctx, id)
	if err == nil {
		plan.Add(ev)
	}
	return err
}

// isGone says of an event that it is listed and can no longer be read.
func isGone(err error) bool {
	return errors.Is(err, queue.ErrNotFound) || errors.Is(err, queue.ErrTrimmed) || errors.Is(err, queue.ErrDamaged)
}
