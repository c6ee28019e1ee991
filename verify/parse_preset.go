package verify

import (
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// ParseHandshakes reads a `handshake:` block: a mapping or a list of them.
func ParseHandshakes(n *yaml.Node) ([]Handshake, []Problem) {
	d := &reader{}
	return d.handshakes(n), d.problems
}

// ParsePreset reads one entry of `presets:`. Expressions are taken as text; who knows the language checks them.
func ParsePreset(name string, n *yaml.Node) (Preset, []Problem) {
	d := &reader{}
	return d.preset(name, n, BlockKeys("preset"), catalog()), d.problems
}

// preset reads what keys allow: only embedded presets have samples and aliases. What the preset does not say is as with
// the one that it is like.
func (d *reader) preset(name string, n *yaml.Node, keys []string, known presets) Preset {
	k := d.mapping(n, "preset", keys...)
	p := Preset{
		Name:      name,
		Like:      d.text(k["like"], "like"),
		Aliases:   d.texts(k["aliases"], "aliases"),
		Title:     d.text(k["title"], "title"),
		Docs:      d.text(k["docs"], "docs"),
		Verified:  d.text(k["verified"], "verified"),
		Note:      strings.TrimSpace(d.text(k["note"], "note")),
		Type:      strings.TrimSpace(d.text(k["type"], "type")),
		Dedupe:    strings.TrimSpace(d.text(k["dedupe"], "dedupe")),
		SenderID:  d.text(k["sender_id"], "sender_id"),
		Methods:   d.methods(k["methods"]),
		Body:      d.text(k["body"], "body"),
		MaxBody:   d.text(k["max_body"], "max_body"),
		Handshake: d.handshakes(k["handshake"]),
		Respond:   d.respond(k["respond"]),
		With:      d.with(k["with"]),
		Samples:   d.samples(k["samples"]),
	}
	if v := k["verify"]; v != nil {
		p.Verify = d.scheme(v)
	} else if p.Like == "" && k != nil {
		d.fail(n, "verify: none must be said", "preset: verify missing")
	}
	if p.Like != "" {
		if parent, found := known.find(p.Like); found {
			p.inherit(parent, k["verify"] != nil)
		} else {
			d.fail(k["like"], nearest(p.Like, slices.Collect(maps.Keys(known.byName))), "like: no preset %q", p.Like)
		}
	}
	p.DedupeFor = DedupeFor(p.Dedupe)
	if p.SenderID != "" && !isToken(p.SenderID) {
		d.fail(k["sender_id"], "", "sender_id: %q is not a header name", p.SenderID)
	}
	if sure := []string{"docs", "sdk", "secondary"}; p.Verified != "" && !slices.Contains(sure, p.Verified) {
		d.fail(k["verified"], suggest(p.Verified, sure), "verified: unknown value %q", p.Verified)
	}
	return p
}

func (d *reader) methods(n *yaml.Node) []string {
	list := d.texts(n, "methods")
	known := []string{"POST", "PUT", "PATCH", "DELETE", "GET", "HEAD", "OPTIONS"}
	for _, m := range list {
		if m != "" && !slices.Contains(known, m) {
			d.fail(n, suggest(strings.ToUpper(m), known), "methods: unknown method %q", m)
		}
	}
	return list
}

func (d *reader) respond(n *yaml.Node) *Respond {
	if n == nil {
		return nil
	}
	k := d.block(n, "respond")
	r := &Respond{
		Status: d.number(k["status"], "status", 200, 299), Headers: d.pairs(k["headers"], "headers"),
		Refused: d.number(k["refused"], "refused", 200, 499),
	}
	if body := k["body"]; body != nil && body.Kind == yaml.ScalarNode {
		r.Body = &body.Value
	} else if body != nil {
		d.fail(body, "", "respond: body must be a text")
	}
	return r
}

func (d *reader) with(n *yaml.Node) (params []Param) {
	for _, item := range d.list(n, "with") {
		k := d.block(item, "with")
		params = append(params, Param{
			Name: d.text(k["name"], "name"), Note: d.text(k["note"], "note"), Required: d.yes(k["required"], "required"),
			Example: d.text(k["example"], "example"),
		})
	}
	return params
}

func (d *reader) samples(n *yaml.Node) (samples []SampleInfo) {
	for _, item := range d.list(n, "samples") {
		k := d.mapping(item, "samples", "event", "method", "query", "headers", "body", "text", "vary")
		samples = append(samples, SampleInfo{
			Event: d.text(k["event"], "event"), Method: d.text(k["method"], "method"),
			Headers: d.pairs(k["headers"], "headers"), Body: d.text(k["body"], "body"), Text: d.text(k["text"], "text"), Query: d.text(k["query"], "query"), Vary: d.texts(k["vary"], "vary"),
		})
	}
	return samples
}

func (d *reader) handshakes(n *yaml.Node) (hs []Handshake) {
	for _, item := range d.list(n, "handshake") {
		k := d.block(item, "handshake")
		h := Handshake{
			Name: d.text(k["name"], "name"), Unverified: d.yes(k["unverified"], "unverified"), Must: d.pairs(k["must"], "must"),
			Refused: d.number(k["refused"], "refused", 200, 499), Learn: d.text(k["learn"], "learn"),
			Confirm: d.text(k["confirm"], "confirm"), Hosts: d.texts(k["hosts"], "hosts"),
		}
		for left, right := range h.Must {
			d.template(k["must"], left)
			d.template(k["must"], right)
		}
		d.template(k["learn"], h.Learn)
		d.template(k["confirm"], h.Confirm)
		if h.Confirm != "" && len(h.Hosts) == 0 {
			d.fail(item, "hosts: [confirm.example.com]", "handshake: the hosts that confirm may lead to are not said")
		}
		if k["match"] == nil || k["reply"] == nil {
			d.fail(item, "", "handshake: match and reply are needed")
			continue
		}
		h.Match, h.Reply = d.match(k["match"]), d.echo(k["reply"])
		hs = append(hs, h)
	}
	return hs
}

func (d *reader) match(n *yaml.Node) Match {
	k := d.block(n, "match")
	m := Match{
		Method: d.text(k["method"], "method"), JSON: d.pairs(k["json"], "json"), Header: d.pairs(k["header"], "header"),
		Query: d.pairs(k["query"], "query"), Form: d.pairs(k["form"], "form"),
	}
	if len(m.JSON)+len(m.Header)+len(m.Query)+len(m.Form) == 0 && m.method() == http.MethodPost {
		d.fail(n, "json, header, query or form", "match: a condition is needed")
	}
	for _, conditions := range []map[string]string{m.JSON, m.Header, m.Query, m.Form} {
		for name, want := range conditions {
			if _, err := regexp.Compile(strings.TrimPrefix(want, "~")); err != nil && strings.HasPrefix(want, "~") {
				d.fail(n, "", "match: %s: not a regular expression", name)
			}
		}
	}
	for path := range m.JSON {
		if !isPath(path) {
			d.fail(k["json"], "keys and indexes joined by dots", "match: %q is not a path", path)
		}
	}
	return m
}

func (d *reader) echo(n *yaml.Node) Echo {
	k := d.block(n, "reply")
	e := Echo{
		Status: d.number(k["status"], "status", 200, 299), ContentType: d.text(k["content_type"], "content_type"),
		Headers: d.pairs(k["headers"], "headers"), Body: d.text(k["body"], "body"),
	}
	kinds := []string{"text/plain", "application/json"}
	if e.ContentType != "" && !slices.Contains(kinds, e.ContentType) {
		d.fail(k["content_type"], suggest(e.ContentType, kinds), "reply: unknown content type %q", e.ContentType)
	}
	d.template(k["body"], e.Body)
	for name, value := range e.Headers {
		if !isToken(name) {
			d.fail(k["headers"], "", "reply: %q is not a header name", name)
		}
		d.template(k["headers"], value)
	}
	return e
}

func (d *reader) template(n *yaml.Node, src string) {
	if _, err := parseTemplate(src, replyParts()); err != nil {
		d.fail(n, templateHint(err), "reply: %v", err)
	}
}
