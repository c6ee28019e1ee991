package ingest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
)

// defaultMaxBody is for a Source that names no limit, in bytes.
const defaultMaxBody = 1 << 20

// call is one request on its way to the ack.
type call struct {
	in *Ingest
	w  http.ResponseWriter
	r  *http.Request

	set      *rules.Set // the one that this request sees, from start to end
	source   *rules.Source
	body     []byte
	memory   *[]byte   // of body, given back at the end; nil when it is not from bodies
	bodyRead bool      // to its end
	held     int64     // bytes taken from the budget
	arrived  time.Time // the last byte of the body
	answered bool

	barred string        // why the address is not one of the source's, "" when it is
	place  *atomic.Int64 // taken from the source's concurrency
	again  int           // seconds until the source's rate has room
}

// refusal is why a request is not accepted.
type refusal struct {
	result result
	status int
	reason string // for the operator
}

// accept is the straight line to the ack. It has answered when it returns nil.
func (c *call) accept() *refusal {
	if no := c.find(); no != nil {
		return no
	}
	if no := c.admit(); no != nil {
		return no
	}
	if no := c.read(); no != nil {
		return no
	}
	reply, no := c.verify()
	if no != nil {
		return no
	}
	if reply != nil {
		return c.handshake(reply)
	}
	if no := c.spend(); no != nil {
		return no
	}
	return c.store()
}

func (c *call) find() *refusal {
	if c.set = c.in.opts.Rules(); c.set == nil {
		return &refusal{unavailable, http.StatusServiceUnavailable, "no rules are loaded"}
	}
	// The path is compared as it came: %2f is not a slash, and one source has one spelling.
	source, ok := c.set.SourceByPath(c.r.URL.EscapedPath())
	if !ok {
		return &refusal{unknownPath, http.StatusNotFound, "no source has this path"}
	}
	c.source = source
	if n := rules.Hops(c.r.Header); n > rules.MaxHops {
		return &refusal{looped, http.StatusLoopDetected, fmt.Sprintf("came through %d hookrouters: a destination leads back", n)}
	}
	if !slices.Contains(source.Methods, c.r.Method) && !c.mayShake() {
		return errMethod()
	}
	return nil
}

func errMethod() *refusal {
	return &refusal{badMethod, http.StatusMethodNotAllowed, "method is not one of the source's"}
}

func (c *call) read() *refusal {
	limit := c.source.MaxBody
	if limit <= 0 {
		limit = defaultMaxBody
	}
	err := c.readBody(limit)
	c.arrived = time.Now()
	var tooLarge *http.MaxBytesError
	switch {
	case err == nil:
		c.bodyRead = true
		c.in.running.Add(1)
		return nil
	case errors.As(err, &tooLarge):
		return &refusal{bodyTooLarge, http.StatusRequestEntityTooLarge, fmt.Sprintf("body is over %d bytes", limit)}
	case errors.Is(err, errNoBudget):
		return &refusal{overloaded, http.StatusServiceUnavailable, "bodies in flight take all of their budget"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &refusal{bodySlow, http.StatusRequestTimeout, "body took too long to arrive"}
	}
	return &refusal{bodyCut, http.StatusBadRequest, "body did not arrive whole: " + err.Error()}
}

func (c *call) store() *refusal {
	ev := c.event()
	matched, err := c.set.Take(ev, ev.ReceivedAt)
	if err != nil {
		return &refusal{unavailable, http.StatusServiceUnavailable, err.Error()}
	}
	c.in.countErrors(matched.Errors)
	if matched.Reject {
		return &refusal{rejected, http.StatusNotFound, "no route matched"}
	}
	// A sender that hangs up has still sent a whole event: only our own deadline ends the wait.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.r.Context()), c.in.opts.AckTimeout)
	defer cancel()
	receipt, err := c.in.opts.Queue.Enqueue(ctx, ev, matched.Deliveries)
	if err != nil {
		return notStored(err)
	}
	c.count(receipt, matched.Matched)
	c.answer(receipt, matched.Answer)
	return nil
}

// notStored tells the sender to come again, whatever the cause: a 4xx or 500 for our trouble would make some senders
// give up or disable the hook.
func notStored(err error) *refusal {
	if errors.Is(err, queue.ErrFull) {
		return &refusal{overloaded, http.StatusServiceUnavailable, err.Error()}
	}
	return &refusal{unavailable, http.StatusServiceUnavailable, "event was not stored: " + err.Error()}
}

// event refers to the request, which outlives it: the queue keeps a copy of its own.
func (c *call) event() *event.Event {
	at := c.arrived.UTC().Round(0)
	header, query := c.source.Clean(c.r.Header, c.r.URL.RawQuery)
	return &event.Event{
		ID:         event.NewEventID(at),
		Source:     c.source.Name,
		ReceivedAt: at,
		Method:     c.r.Method,
		Path:       c.r.URL.EscapedPath(),
		Query:      query,
		Header:     header,
		RemoteIP:   c.remoteIP(),
		Body:       c.body,
	}
}

// count notes an event that is stored.
func (c *call) count(receipt queue.Receipt, matched bool) {
	stats := c.in.stats(c.source.Name)
	switch {
	case receipt.Duplicate:
		stats.count(duplicate)
	case matched:
		stats.count(accepted)
	default:
		stats.count(unmatched)
	}
	stats.last.Store(c.arrived.UnixNano())
	c.in.metrics.ack.Observe(time.Since(c.arrived).Seconds())
}

// end gives back what the call holds, and answers when something panicked: our fault, so the sender shall come again.
func (c *call) end() {
	if c.memory != nil {
		defer c.in.bodies.put(c.memory)
	}
	if c.bodyRead {
		c.in.running.Add(-1)
	}
	c.in.budget.release(c.held)
	if c.place != nil {
		c.place.Add(-1)
	}
	v := recover()
	if v == nil {
		return
	}
	if v == any(http.ErrAbortHandler) { // net/http compares it so, too
		panic(v)
	}
	c.in.opts.Logger.Error("request panicked", "source", c.sourceName(), "panic", clip(fmt.Sprint(v)), "stack", string(debug.Stack()))
	c.refuse(&refusal{unavailable, http.StatusServiceUnavailable, "internal error"})
}

func (c *call) sourceName() string {
	if c.source == nil {
		return ""
	}
	return c.source.Name
}
