package rules_test

import (
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
)

const replyFile = `
version: 1
sources: { s: { verify: none } }
destinations:
  bot: { url: http://bot/, timeout: 3s, retry: { max_age: 1h } }
  log: http://log/
routes:
  - { name: log, from: s, to: log }
  - { name: ask, from: s, to: bot, when: 'body.do == "ask"', reply: upstream }
  - { name: later, from: s, to: bot, when: 'body.do in ["ask", "later"]', reply: { from: upstream, fallback: queue } }
  - name: json
    from: s
    when: body.do == "json"
    reply: { status: 201, headers: { x-who: "$(body.who)" }, body: '{"text": "hi, $(body.who)", "n": $(body.n ?? 0)}' }
  - { name: xml, from: s, when: 'body.do == "xml"', reply: { body: "<Response><Message>hi, $(body.who)</Message></Response>" } }
  - { name: text, from: s, when: 'body.do == "text"', reply: { body: "hi, $(body.who)" } }
  - { name: html, from: s, when: 'body.do == "html"', reply: { headers: { Content-Type: text/html }, body: "hi, $(body.who)" } }
  - { name: broken, from: s, when: 'body.do == "broken"', reply: { body: "$(body.nothing)" } }
  - { name: empty, from: s, when: 'body.do == "empty"', reply: { status: 204 } }
`

func replyTo(t *testing.T, body map[string]any) (rules.Matched, *event.Event) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	ev := newEvent("s", string(text))
	got, err := parse(t, replyFile).Take(ev, now)
	if err != nil {
		t.Fatal(err)
	}
	return got, ev
}

// TestReplyFromTheRules: whatever the payload holds, it stays a value of the answer.
func TestReplyFromTheRules(t *testing.T) {
	const hostile = "\"},<b>&\u2028\\\n</Message>"
	for do, want := range map[string]struct{ kind, body string }{
		"json": {"application/json", `{"text": "hi, \"},\u003cb\u003e\u0026\u2028\\\n\u003c/Message\u003e", "n": 3}`},
		"xml":  {"text/xml; charset=utf-8", "<Response><Message>hi, &#34;},&lt;b&gt;&amp;\u2028\\\n&lt;/Message&gt;</Message></Response>"},
		"html": {"text/html", "hi, &#34;},&lt;b&gt;&amp;\u2028\\\n&lt;/Message&gt;"},
		"text": {"text/plain; charset=utf-8", "hi, " + hostile},
	} {
		who := hostile
		got, ev := replyTo(t, map[string]any{"do": do, "who": who, "n": 3})
		if do == "json" { // its header would hold a line break
			if got.Answer != nil || len(ev.Marks) != 1 || !strings.Contains(ev.Marks[0], `route "json": reply: X-Who`) {
				t.Errorf("a line break in a header: %+v, %q", got.Answer, ev.Marks)
			}
			who = strings.ReplaceAll(hostile, "\n", "")
			want.body = strings.ReplaceAll(want.body, "\\n", "")
			got, _ = replyTo(t, map[string]any{"do": do, "who": who, "n": 3})
		}
		if a := got.Answer; a == nil || string(a.Body) != want.body || a.Headers["Content-Type"] != want.kind {
			t.Errorf("%s: %+v", do, a)
			continue
		}
		var fields struct{ Text, Message string }
		switch do {
		case "json":
			if err := json.Unmarshal(got.Answer.Body, &fields); err != nil || fields.Text != "hi, "+who || got.Answer.Status != 201 {
				t.Errorf("%v, %+v", err, fields)
			}
		case "xml":
			if err := xml.Unmarshal(got.Answer.Body, &fields); err != nil || fields.Message != "hi, "+who {
				t.Errorf("%v, %+v", err, fields)
			}
		}
	}
}

func TestReplyThatFails(t *testing.T) {
	got, ev := replyTo(t, map[string]any{"do": "broken"})
	if got.Answer != nil || got.Errors["broken"] != 1 || len(ev.Marks) != 1 || len(got.Deliveries) != 1 {
		t.Errorf("%+v, %q", got, ev.Marks)
	}
	if got, _ = replyTo(t, map[string]any{"do": "empty"}); got.Answer == nil || got.Answer.Status != 204 || len(got.Answer.Body) > 0 {
		t.Errorf("%+v", got.Answer)
	}
}

// TestReplyFromUpstream: the first route that matched replies; what others would have asked is delivered like any.
func TestReplyFromUpstream(t *testing.T) {
	got, ev := replyTo(t, map[string]any{"do": "ask"})
	if n := len(got.Deliveries); n != 3 || got.Answer != nil {
		t.Fatalf("%d deliveries, %+v", n, got.Answer)
	}
	for i, want := range []event.Reply{event.NoReply, event.ReplyOnce, event.NoReply} {
		if got.Deliveries[i].Reply != want {
			t.Errorf("delivery of route %q: reply %d", got.Deliveries[i].Route, got.Deliveries[i].Reply)
		}
	}
	if once := got.Deliveries[1]; !once.Expires.Equal(now.Add(3 * time.Second)) {
		t.Errorf("it may be tried until %v", once.Expires)
	}
	if len(ev.Marks) != 1 || ev.Marks[0] != `route "later": reply: route "ask" has replied already` {
		t.Errorf("marks %q", ev.Marks)
	}
	unasked, err := parse(t, replyFile).Accept(ev, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range append(unasked.Deliveries, parse(t, replyFile).Match(ev, now).Deliveries...) {
		if d.Reply != event.NoReply || d.Expires.Before(now.Add(time.Hour)) {
			t.Errorf("matched when nobody waits: %+v", d)
		}
	}
	got, _ = replyTo(t, map[string]any{"do": "later"})
	if d := got.Deliveries[1]; d.Reply != event.ReplyOrQueue || !d.Expires.Equal(now.Add(time.Hour)) {
		t.Errorf("with a fallback: %+v", d)
	}
}
