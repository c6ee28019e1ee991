package deliver

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
)

// resultRehearsed: it was rendered, alone, because the process had died while it was tried. Nothing was sent.
const resultRehearsed = "rehearsed"

// rehearse renders, one by one and before any lane works, what ran when the process died: one of them may end it again,
// and the log will know which. What survives that is tried like any other.
func (d *Deliverer) rehearse(ctx context.Context) {
	set := d.opts.Rules()
	n := 0
	err := d.opts.Queue.Rehearse(ctx, set.Has, func(ev *event.Event, dl *event.Delivery) event.Attempt {
		n++
		return d.rehearsal(set, ev, dl)
	})
	if err != nil && ctx.Err() == nil {
		d.opts.Logger.Error("what ran when the process died is tried without a rehearsal", "error", err)
	}
	if n > 0 {
		d.opts.Logger.Warn("the process died in the middle of attempts: each was rendered alone, and goes on", "attempts", n)
	}
}

func (d *Deliverer) rehearsal(set *rules.Set, ev *event.Event, dl *event.Delivery) (a event.Attempt) {
	a = event.Attempt{Started: time.Now(), RulesHash: set.Hash(), Result: resultRehearsed}
	defer func() {
		if v := recover(); v != nil {
			a.Error = fmt.Sprint(v) // the attempt meets with it again
		}
		a.Duration = time.Since(a.Started)
	}()
	if _, err := set.Render(ev, dl, dl.Tries); err != nil {
		a.Error = err.Error()
	}
	return a
}

// tryUnharmed is try for which a panic is the end of one delivery, and not of the process.
func (l *lane) tryUnharmed(
	set *rules.Set, ev *event.Event, dl *event.Delivery, probe bool, a *event.Attempt, send sender,
) (out event.Outcome, v verdict) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		l.log.Error("attempt panicked", "delivery", dl.ID, "route", dl.Route, "panic", fmt.Sprintf("%.200v", p), "stack", string(debug.Stack()))
		a.Result, a.Error = resultPanic, "internal error; the log says more"
		out = event.Outcome{State: event.Dead, Reason: event.ReasonQuarantined, Detail: a.Error, Counted: true}
		v = unrelated
	}()
	return l.try(set, ev, dl, probe, a, send)
}
