package rules

import (
	"cmp"
	"fmt"
	"net/textproto"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/verify"
)

// test is one of the file's own tests.
type test struct {
	name   string
	file   string
	line   int
	given  given
	expect map[string][]expectation // by destination, in the order of the routes
}

// given is the event of a test. What is left out comes from the source and its preset.
type given struct {
	source     *Source
	event      string
	named      bool // event was given
	id         event.EventID
	receivedAt time.Time
	method     string
	headers    map[string][]string
	query      string
	body       any             // nil, a string for the bytes themselves, or data
	request    *verify.Request // instead of method, headers, query and body
}

// expectation is what one delivery must look like. What is nil or empty is not looked at.
type expectation struct {
	body    any
	hasBody bool
	headers map[string]*string // nil: must be absent
	url     *string
	skip    *string // "": for any reason
	dead    *string // "": for any reason
}

// testTime is when events of tests arrive unless they say otherwise: always the same, so that results are.
var testTime = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// readTests reads `tests:`. Nothing in it is a reference or an expression.
func (p *parser) readTests(nodes []*yaml.Node) {
	seen := map[string]*yaml.Node{}
	for _, x := range p.items(nodes, "test") {
		b, ok := p.block(x, "a test", testKeys)
		if !ok {
			continue
		}
		page := p.pageOf(x.Line)
		t := &test{file: page.file.Name, line: x.Line - page.first}
		p.testName(t, b, seen)
		if n := b.get("given"); n != nil {
			t.given = p.given(n)
		} else {
			p.fault(b.node, "a test has no given", "`given: { source: NAME, body: {…} }` is the event")
		}
		if n := b.get("expect"); n != nil {
			t.expect = p.expect(n)
		} else {
			p.fault(b.node, "a test has no expect", "`expect: {}` says that nothing is delivered")
		}
		p.set.tests = append(p.set.tests, t)
	}
}

func (p *parser) testName(t *test, b block, seen map[string]*yaml.Node) {
	n := b.get("name")
	if n == nil {
		p.fault(b.node, "a test has no name", "`name:` is what is printed of it, in words")
		return
	}
	t.name, _ = p.scalar(n, "name")
	if first, taken := seen[t.name]; taken {
		p.twice("test", n, first)
	}
	seen[t.name] = n
}

func (p *parser) given(n *yaml.Node) given {
	g := given{receivedAt: testTime, headers: map[string][]string{}}
	b, _ := p.block(n, "given", givenKeys)
	if at := b.get("source"); at == nil {
		p.fault(n, "given has no source", "name the source that the event comes from")
	} else if name, ok := p.scalar(at, "source"); ok {
		g.source = p.testSource(at, name)
	}
	if at := b.get("event"); at != nil {
		g.event, g.named = p.scalar(at, "event")
	}
	if at := b.get("method"); at != nil {
		g.method = p.method(at, "method")
	}
	p.givenID(&g, b)
	if at := b.get("headers"); at != nil {
		fields, _ := p.mapping(at, "headers")
		for _, f := range fields {
			v, _ := p.scalar(f.value, fmt.Sprintf("header %q", f.key.Value))
			g.headers[textproto.CanonicalMIMEHeaderKey(f.key.Value)] = []string{v}
		}
	}
	g.query = p.givenQuery(b.get("query"))
	if at := b.get("body"); at != nil {
		g.body = data(at)
	}
	p.fromFiles(&g, b)
	return g
}

func (p *parser) testSource(n *yaml.Node, name string) *Source {
	src, ok := p.set.sources[name]
	if !ok {
		var known []string
		for _, s := range p.set.sourceList {
			known = append(known, s.Name)
		}
		p.fault(n, fmt.Sprintf("unknown source %q", clip(name)), cmp.Or(didYouMean(name, known), "declare it under `sources`"))
	}
	return src
}

func (p *parser) givenID(g *given, b block) {
	if at := b.get("id"); at != nil {
		s, ok := p.scalar(at, "id")
		id, err := event.ParseEventID(s)
		if ok && err != nil {
			p.fault(at, fmt.Sprintf("id %q is not the id of an event", clip(s)), "it is `evt_` and 26 characters")
		}
		g.id = id
	}
	if at := b.get("received_at"); at != nil {
		s, ok := p.scalar(at, "received_at")
		t, err := time.Parse(time.RFC3339, s)
		if ok && err != nil {
			p.fault(at, fmt.Sprintf("received_at %q is not a time", clip(s)), "write it like 2026-01-31T12:00:00Z")
		}
		g.receivedAt = t.UTC()
	}
}

// expect reads what each destination gets: a mapping, or a list when several routes reach it.
func (p *parser) expect(n *yaml.Node) map[string][]expectation {
	fields, _ := p.mapping(n, "expect")
	all := map[string][]expectation{}
	for _, f := range fields {
		name := f.key.Value
		if _, ok := p.set.destinations[name]; !ok {
			var known []string
			for _, d := range p.set.destList {
				known = append(known, d.Name)
			}
			p.fault(f.key, fmt.Sprintf("unknown destination %q", clip(name)), cmp.Or(didYouMean(name, known), "declare it under `destinations`"))
		}
		nodes := []*yaml.Node{f.value}
		if f.value.Kind == yaml.SequenceNode {
			nodes = f.value.Content
		}
		for _, x := range nodes {
			all[name] = append(all[name], p.expectation(x, name))
		}
	}
	return all
}

func (p *parser) expectation(n *yaml.Node, name string) (e expectation) {
	b, _ := p.block(n, fmt.Sprintf("what %q gets", name), expectKeys)
	if at := b.get("body"); at != nil {
		e.body, e.hasBody = data(at), true
	}
	if at := b.get("headers"); at != nil {
		e.headers = map[string]*string{}
		fields, _ := p.mapping(at, "headers")
		for _, f := range fields {
			key := textproto.CanonicalMIMEHeaderKey(f.key.Value)
			if e.headers[key] = nil; !isNull(f.value) {
				v, _ := p.scalar(f.value, fmt.Sprintf("header %q", f.key.Value))
				e.headers[key] = &v
			}
		}
	}
	if at := b.get("url"); at != nil {
		v, _ := p.scalar(at, "url")
		e.url = &v
	}
	e.skip = p.reason(b.get("skip"), "skip")
	e.dead = p.reason(b.get("dead"), "dead")
	return e
}

// reason reads `true` as any reason, and text as a part of it; `false` is as good as nothing.
func (p *parser) reason(n *yaml.Node, what string) *string {
	if n == nil {
		return nil
	}
	s, ok := p.scalar(n, what)
	if !ok || s == "false" {
		return nil
	}
	if s == "true" {
		s = ""
	}
	return &s
}
