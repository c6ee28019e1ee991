package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verify"
)

// discardFor is how long the rest of a body that nobody wants may still arrive, so that the answer reaches a sender
// who reads only after writing.
const discardFor = 500 * time.Millisecond

// answers are the bodies of refusals, made once: of one status all are equal, whatever the cause.
type answers map[int][]byte

func newAnswers() answers {
	a := answers{}
	for _, status := range []int{400, 401, 403, 404, 405, 408, 413, 429, 502, 503, 504, 508} {
		problem := struct {
			Type   string `json:"type"`
			Title  string `json:"title"`
			Status int    `json:"status"`
		}{"about:blank", http.StatusText(status), status}
		body, err := json.Marshal(problem)
		if err != nil {
			body = nil // an empty body serves as well
		}
		a[status] = append(body, '\n')
	}
	return a
}

// Reply is a destination's answer for the sender; see Options. The zero Reply is none, and none is needed.
type Reply struct {
	Status      int
	ContentType string
	Body        []byte // nil: one of ours
}

// answer is that of the destination where the sender waits for it, else that of the rules, else the source's own.
func (c *call) answer(receipt queue.Receipt, rules *rules.Respond) {
	if rules == nil {
		rules = &c.source.Respond
	}
	if receipt.Claim == (queue.Claim{}) {
		c.acknowledge(receipt, rules)
		return
	}
	reply := c.in.opts.Reply(context.WithoutCancel(c.r.Context()), receipt.Claim, c.arrived)
	if reply.Status == 0 {
		c.acknowledge(receipt, rules)
		return
	}
	c.relay(reply)
}

func (c *call) relay(reply Reply) {
	header := c.w.Header()
	if reply.Body == nil {
		reply.Body, reply.ContentType = c.in.answers[reply.Status], "application/problem+json"
		if reply.Status == http.StatusServiceUnavailable {
			header.Set("Retry-After", retryAfter())
		}
	}
	header["Content-Type"] = nil // and nothing is guessed
	if reply.ContentType != "" {
		header.Set("Content-Type", reply.ContentType)
	}
	c.write(reply.Status, reply.Body)
}

// acknowledge sends the answer to a stored event: what own says, else the event's id.
func (c *call) acknowledge(receipt queue.Receipt, own *rules.Respond) {
	header := c.w.Header()
	status := http.StatusAccepted
	if own.Status != 0 {
		status = own.Status
	}
	body := own.Body
	if body == nil {
		body = receiptBody(receipt)
		header["Content-Type"] = []string{"application/json"}
	}
	for name, value := range own.Headers {
		header.Set(name, value)
	}
	c.write(status, body)
}

func receiptBody(receipt queue.Receipt) []byte {
	b := make([]byte, 0, 72)
	b = append(b, `{"id":"`...)
	b, _ = receipt.Event.AppendText(b) // never fails
	b = append(b, '"')
	if receipt.Duplicate {
		b = append(b, `,"duplicate":true`...)
	}
	return append(b, "}\n"...)
}

func (c *call) reply(reply *verify.Reply) {
	for name, values := range reply.Header {
		c.w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	status := reply.Status
	if status == 0 {
		status = http.StatusOK
	}
	c.write(status, reply.Body)
}

// refuse answers, counts and remembers. The sender learns the status only, the operator the reason.
func (c *call) refuse(no *refusal) {
	stats := c.in.stats(c.sourceName())
	stats.count(no.result)
	if stats.refusals.wants(time.Now()) {
		stats.refusals.add(c.remember(no))
	}
	c.in.log.refused(c, no)
	if c.answered {
		return
	}
	header := c.w.Header()
	if c.in.answers[no.status] != nil {
		header.Set("Content-Type", "application/problem+json")
	}
	switch no.status {
	case http.StatusMethodNotAllowed:
		header.Set("Allow", strings.Join(c.source.Methods, ", "))
	case http.StatusServiceUnavailable:
		header.Set("Retry-After", retryAfter())
	case http.StatusTooManyRequests:
		header.Set("Retry-After", strconv.Itoa(c.again))
	}
	if !c.bodyRead && c.r.ContentLength != 0 && c.r.ProtoMajor < 2 { // a stream of HTTP/2 ends by itself
		c.cut(no)
	}
	c.write(no.status, c.in.answers[no.status])
}

// cut ends the connection after the answer: the rest of the body is not read to find the next request behind it. A short
// body that nobody began to read is thrown away instead: to connect anew would cost more than the refusal. In HTTP/2 it is
// only the stream that ends.
func (c *call) cut(no *refusal) {
	deadline := time.Now().Add(discardFor)
	if short := c.r.ContentLength > 0 && c.r.ContentLength <= exactUpTo; c.r.ProtoMajor < 2 && (!short || !c.arrived.IsZero()) {
		c.w.Header().Set("Connection", "close")
	}
	if no.result == bodySlow || (no.result == bodyTooLarge && c.r.ContentLength < 0) {
		deadline = time.Now() // it had its time, or said not how much is to come
	}
	_ = http.NewResponseController(c.w).SetReadDeadline(deadline)
}

// retryAfter spreads those who come again over a minute.
func retryAfter() string { return strconv.Itoa(5 + rand.IntN(56)) }

func (c *call) write(status int, body []byte) {
	c.answered = true
	if c.in.Draining() {
		c.w.Header().Set("Connection", "close")
	}
	c.w.WriteHeader(status)
	if bodyAllowed(status) {
		// A sender that has gone away misses the answer and comes again: nothing to be done here.
		_, _ = c.w.Write(body)
	}
}

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// clip keeps foreign text short in logs and lists. It copies, so that a long text is not kept for its beginning.
func clip(s string) string {
	const most = 256
	if len(s) <= most {
		return s
	}
	return fmt.Sprintf("%s… (%d bytes)", strings.ToValidUTF8(s[:most], ""), len(s))
}
