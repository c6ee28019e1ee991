package deliver

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
)

const (
	maxReply   = 1 << 20 // bytes of an answer that goes back to a sender
	maxWaiting = 256     // senders that wait for one destination at a time
)

// Reply is what a sender is answered. The zero Reply: the event waits for an attempt like any other, and is acknowledged.
type Reply struct {
	Status      int
	ContentType string // "" when the destination named none, or the answer is ours
	Body        []byte // nil when the answer is ours
}

// Reply makes the attempt of a delivery whose sender waits for the answer since arrived, and gives that answer. It takes no
// longer than the destination's timeout from then on. The gate must be open, but for the lane's concurrency: replies have
// as many slots of their own. Whatever happens, the claim is over when it has returned.
func (d *Deliverer) Reply(ctx context.Context, c queue.Claim, arrived time.Time) Reply {
	if !d.opts.Queue.Claimed(c) {
		return Reply{} // it was answered before, or another request waits for it
	}
	defer d.opts.Queue.Abandon(c, "the attempt was not made") // does nothing when it was
	reply, err := d.reply(ctx, c, arrived)
	if err != nil {
		return d.unanswered(c, err)
	}
	return reply
}

func (d *Deliverer) reply(ctx context.Context, c queue.Claim, arrived time.Time) (Reply, error) {
	dest, ok := d.opts.Rules().Destination(c.Destination)
	if !ok {
		return Reply{}, errNotThere
	}
	turn, cancel := context.WithDeadline(ctx, arrived.Add(dest.Timeout/2))
	defer cancel()
	l, err := d.awaitLane(turn, c.Destination)
	if err != nil {
		return Reply{}, err
	}
	return l.reply(ctx, turn, c, dest, arrived)
}

var errNotThere = errors.New("the destination is not in the rules")

// awaitLane gives a lane that may be on its way: at a start, and for what has just come into the rules.
func (d *Deliverer) awaitLane(ctx context.Context, name string) (*lane, error) {
	for {
		d.mu.Lock()
		l, changed := d.lanes[name], d.changed
		d.mu.Unlock()
		if l != nil {
			return l, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// unanswered ends a claim without an attempt.
func (d *Deliverer) unanswered(c queue.Claim, why error) Reply {
	d.opts.Queue.Abandon(c, why.Error())
	switch {
	case c.Reply() == event.ReplyOrQueue:
		return Reply{}
	case errors.Is(why, context.DeadlineExceeded):
		return Reply{Status: http.StatusGatewayTimeout}
	case errors.Is(why, errStopping):
		return Reply{Status: http.StatusServiceUnavailable}
	}
	return Reply{Status: http.StatusBadGateway}
}

// reply makes the attempt, or says why there was none. It waits no longer for its turn than turn, half of the time, so that
// what it finds is about the destination.
func (l *lane) reply(ctx, turn context.Context, c queue.Claim, dest *rules.Destination, arrived time.Time) (Reply, error) {
	defer l.waiting.Add(-1)
	if l.waiting.Add(1) > maxWaiting {
		return Reply{}, fmt.Errorf("%d senders wait for the destination", maxWaiting)
	}
	t, err := l.replySlot(turn)
	if err != nil {
		return Reply{}, err
	}
	defer func() { <-t.slots }()
	p, err := l.admit()
	if err != nil {
		return Reply{}, err
	}
	defer l.workers.Done()
	le := l.queue.LeaseClaimed(c, dest.Timeout+leaseGrace)
	if le == nil {
		l.report(p, unrelated)
		return Reply{}, errors.New("the delivery is not waiting any more")
	}
	ev, dl, err := le.Begin(turn)
	if err != nil {
		l.notBegun(p, err)
		return Reply{}, err
	}
	ctx, cancel := context.WithDeadline(ctx, arrived.Add(dest.Timeout))
	defer cancel()
	var ans answer
	a, out := l.make(le, p, ev, dl, func(dest *rules.Destination, req *rules.Request) answer {
		ans = l.sendNow(ctx, t, dest, req)
		return ans
	})
	if out.State == event.Pending || out.State == event.Canceled {
		return Reply{}, nil
	}
	return ans.reply(a), nil
}

// replySlot waits for the lane, a slot of its own, and what the destination's rate asks for.
func (l *lane) replySlot(ctx context.Context) (*transport, error) {
	select {
	case <-l.opened:
	case <-l.left:
		return nil, errStopping
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	l.mu.Lock()
	t, limiter := l.transport.replies, l.gate.limiter
	l.mu.Unlock()
	select {
	case t.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if limiter == nil {
		return t, nil
	}
	if err := limiter.Wait(ctx); err != nil {
		<-t.slots
		return nil, context.DeadlineExceeded // it would be
	}
	return t, nil
}

var errStopping = errors.New("the server is stopping")

// admit passes the gate for one attempt beside those that the lane makes. Its caller ends with workers.Done.
func (l *lane) admit() (permit, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ended {
		return permit{}, errStopping
	}
	p, err := l.gate.pass(time.Now())
	if err == nil {
		l.workers.Add(1)
	}
	return p, err
}

// pass lets an attempt start that takes no slot of the lane.
func (g *gate) pass(now time.Time) (permit, error) {
	switch until, closed := g.shut(now); {
	case g.parked:
		return permit{}, errNotThere
	case g.paused:
		return permit{}, errors.New("the destination is paused")
	case closed && g.hold.Equal(until):
		return permit{}, errors.New("the destination asked to be left alone")
	case closed:
		return permit{}, errors.New("the breaker is open")
	}
	if g.breaker.shut() {
		return permit{}, errors.New("the breaker lets no more probes through")
	}
	p, ok := g.breaker.enter()
	if !ok {
		return permit{}, errors.New("the breaker is open")
	}
	p.turn = g.rampTurn
	return p, nil
}

// sendNow is send for who waits until ctx ends.
func (l *lane) sendNow(ctx context.Context, t *transport, dest *rules.Destination, req *rules.Request) answer {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(l.run.attempt, cancel)()
	ans := t.attempt(ctx, dest, req)
	if ans.result != resultOK && ans.status == 0 && l.run.attempt.Err() != nil {
		ans.result = resultShutdown
	}
	return ans
}

// rest reads what readAnswer left of an answer that is to go back, and what it read: nil when that is too long.
func rest(read *bytes.Buffer, body io.Reader) ([]byte, error) {
	_, err := io.Copy(io.Discard, io.LimitReader(body, int64(maxReply+1-read.Len())))
	if err != nil || read.Len() > maxReply {
		return nil, err
	}
	return append([]byte{}, read.Bytes()...), nil
}

// reply is what the sender gets of an answer.
func (a answer) reply(made event.Attempt) Reply {
	switch {
	case made.Result == resultTimeout:
		return Reply{Status: http.StatusGatewayTimeout}
	case made.Result == resultShutdown:
		return Reply{Status: http.StatusServiceUnavailable}
	case made.Result != resultOK && made.Result != resultStatus, a.whole == nil:
		return Reply{Status: http.StatusBadGateway}
	case a.status < 200 || a.status/100 == 3 || a.status == http.StatusGone:
		return Reply{Status: http.StatusBadGateway}
	}
	return Reply{Status: a.status, ContentType: a.contentType, Body: a.whole}
}

// once makes an outcome final after which there would be another attempt, or would be if there were time.
func once(out event.Outcome, a *event.Attempt) event.Outcome {
	late := out.Reason == event.ReasonExpired || out.Reason == event.ReasonExhausted
	if out.State != event.Pending && !late {
		return out
	}
	return event.Outcome{
		State: event.Dead, Reason: event.ReasonUnanswered, Detail: cmp.Or(a.Error, a.Result), Counted: out.Counted,
	}
}
