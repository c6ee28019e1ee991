package rules

import (
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"net/http"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules/lang"
)

// maxPatience is the longest timeout of a destination that answers a sender, who holds a connection meanwhile: less than
// the server itself has for a request.
const maxPatience = 25 * time.Second

// maxReply bounds an answer that the rules make, in bytes.
const maxReply = 64 << 10

// reply is how a route answers the sender of an event that it takes.
type reply struct {
	at       *yaml.Node // for faults while names are linked
	upstream event.Reply

	// of an answer that the rules make
	status  int
	headers []header
	body    text
	escape  func(string) string
}

// reply reads `reply:`, which is the word upstream or a mapping.
func (p *parser) reply(n *yaml.Node) *reply {
	r := &reply{at: n, status: http.StatusOK, escape: func(s string) string { return s }}
	if n.Kind == yaml.ScalarNode {
		p.word(n, "reply", "upstream")
		r.upstream = event.ReplyOnce
		return r
	}
	b, ok := p.block(n, "reply", answerKeys)
	if !ok {
		return nil
	}
	if len(b.fields) == 0 {
		p.fault(n, "reply says nothing", "`reply: upstream`, or the status, headers and body of an answer")
	}
	if b.get("from") != nil || b.get("fallback") != nil {
		p.upstream(r, b)
		return r
	}
	if n := b.get("status"); n != nil {
		status, ok := p.integer(n, "status", 200, 599)
		if ok && status/100 == 3 {
			p.fault(n, "status of a reply is 2xx, 4xx or 5xx", "a sender follows no redirect")
		}
		r.status = status
	}
	if n := b.get("headers"); n != nil {
		r.headers = p.headers(n, true)
	}
	if n := b.get("body"); n != nil {
		r.body, _ = p.text(n, "body", true)
	}
	r.format()
	return r
}

func (p *parser) upstream(r *reply, b block) {
	r.upstream = event.ReplyOnce
	if n := b.get("from"); n != nil {
		p.word(n, "from", "upstream")
	} else {
		p.fault(b.node, "a reply with fallback needs `from: upstream`", "")
	}
	if n := b.get("fallback"); n != nil && p.word(n, "fallback", "queue") != "" {
		r.upstream = event.ReplyOrQueue
	}
	for _, key := range []string{"status", "headers", "body"} {
		if n := b.get(key); n != nil {
			p.fault(n, "a reply from upstream has the "+key+" that the destination answers", "leave out one of both")
		}
	}
}

// format sets the Content-Type where the rules don't, and with it how what is computed is escaped: a payload stays a
// value, whatever it holds.
func (r *reply) format() {
	kind := ""
	for _, h := range r.headers {
		if h.name == "Content-Type" {
			kind = h.value.plain()
		}
	}
	if kind == "" && len(r.body.parts) > 0 {
		kind = guess(r.body.plain())
		r.headers = append(r.headers, header{"Content-Type", text{[]part{{literal: kind}}}})
	}
	switch {
	case strings.Contains(kind, "json"):
		r.escape = insideJSON
	case strings.Contains(kind, "xml") || strings.Contains(kind, "html"):
		r.escape = html.EscapeString
	}
}

func guess(body string) string {
	switch body = strings.TrimSpace(body); {
	case strings.HasPrefix(body, "{") || strings.HasPrefix(body, "["):
		return "application/json"
	case strings.HasPrefix(body, "<"):
		return "text/xml; charset=utf-8"
	}
	return "text/plain; charset=utf-8"
}

// insideJSON is a text as it stands between the quotes of a JSON string.
func insideJSON(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		return "" // never: a string can always be written
	}
	return string(b[1 : len(b)-1])
}

// run makes the answer for an event.
func (r *reply) run(env *lang.Env) (*Respond, error) {
	a := &Respond{Status: r.status, Headers: map[string]string{}, Body: []byte{}}
	for _, h := range r.headers {
		value, _, err := h.run(env)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", h.name, err)
		}
		a.Headers[h.name] = value
	}
	for _, x := range r.body.parts {
		s := x.literal
		if x.expr != nil {
			value, err := x.expr.Text(env)
			if err != nil {
				return nil, fmt.Errorf("body: %w", err)
			}
			s = r.escape(value)
		}
		if a.Body = append(a.Body, s...); len(a.Body) > maxReply {
			return nil, errors.New("body is longer than 64 KiB")
		}
	}
	return a, nil
}

// shown says for people what the sender is answered; answer is what run gave.
func (r *reply) shown(answer *Respond) string {
	switch r.upstream {
	case event.ReplyOnce:
		return "what the destination answers"
	case event.ReplyOrQueue:
		return "what the destination answers, or that the event is stored"
	}
	return fmt.Sprintf("%d %s", answer.Status, clipLong(answer.Body))
}

func (r *reply) readsBody() bool {
	if r == nil {
		return false
	}
	reads := r.body.readsBody()
	for _, h := range r.headers {
		reads = reads || h.value.readsBody()
	}
	return reads
}

// linkReply checks what a reply needs of the rest of its route.
func (p *parser) linkReply(r *Route) {
	rep := r.spec.reply
	if rep == nil || rep.upstream == event.NoReply {
		return
	}
	if len(r.To) != 1 {
		p.fault(rep.at, fmt.Sprintf("route %q: `reply: upstream` needs exactly one destination in `to`", r.Name),
			"send to others by routes of their own")
	}
	if r.spec.coalesce != nil {
		p.fault(rep.at, fmt.Sprintf("route %q: who waits for an answer cannot wait for other events: reply excludes coalesce", r.Name), "")
	}
	for _, d := range r.spec.targets {
		if d.order != nil || d.Delay > 0 {
			p.fault(rep.at, fmt.Sprintf("route %q: who waits for an answer cannot wait for other events or a time: destination %q has order_by or delay", r.Name, d.Name),
				"make it a destination of its own, with the same url")
		}
		if d.Timeout > maxPatience {
			p.fault(rep.at, fmt.Sprintf("route %q: a sender waits for destination %q, whose timeout is %s", r.Name, d.Name, spell(d.Timeout)),
				fmt.Sprintf("set it to what the sender waits, at most %s: Slack and Discord wait for 3s", spell(maxPatience)))
		}
	}
}

// shadowed warns of replies that are never given: an earlier route of the source answers whatever comes.
func (p *parser) shadowed(src *Source) {
	var first *Route
	for _, r := range src.routes {
		if r.spec.reply == nil {
			continue
		}
		if first != nil {
			p.warn(r.spec.reply.at, codeReply, fmt.Sprintf("the reply of route %q is never given to source %q: route %q replies to all of its events",
				r.Name, src.Name, first.Name), "move it up, or take one of both away")
		} else if r.spec.when == nil {
			first = r
		}
	}
}

// reply says how a route that matched answers the sender. The first one in the order of the file does; deliveries of
// others are like any.
func (m *matching) reply(r *Route) event.Reply {
	rep := r.spec.reply
	switch {
	case rep == nil:
		return event.NoReply
	case m.out.Replied != "":
		m.mark(fmt.Sprintf("route %q: reply: route %q has replied already", r.Name, m.out.Replied))
		return event.NoReply
	case rep.upstream == event.NoReply:
		answer, err := rep.run(m.env)
		if err != nil {
			m.erred(r, "reply", err)
			return event.NoReply
		}
		m.out.Answer = answer
	}
	m.out.Replied = r.Name
	return rep.upstream
}
