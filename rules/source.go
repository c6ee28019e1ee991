package rules

import (
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/rules/lang"
	"github.com/hookrouter/hookrouter/verify"
)

const (
	defaultPath    = "/in/" // and the name
	defaultMaxBody = 1 << 20
	largestMaxBody = 100 << 20
)

func (p *parser) readSources(nodes []*yaml.Node) {
	p.secrets = map[string]string{}
	fields := p.section(nodes, "sources")
	for _, f := range fields {
		src := p.readSource(f)
		p.set.sources[src.Name] = src
		p.set.sourceList = append(p.set.sourceList, src)
		if other, taken := p.set.byPath[src.Path]; taken {
			p.fault(f.key, fmt.Sprintf("source %q has the path of source %q", src.Name, other.Name), "give one of them another `path`")
			continue
		}
		p.set.byPath[src.Path] = src
	}
	p.likePaths(fields)
}

func (p *parser) readSource(f field) *Source {
	name := f.key.Value
	src := &Source{
		Name: name, Path: defaultPath + name, Methods: []string{http.MethodPost}, MaxBody: defaultMaxBody,
	}
	b, ok := p.block(f.value, fmt.Sprintf("source %q", name), sourceKeys)
	p.declared["source "+name] = stands{f.key, b}
	if !ok {
		return src
	}
	scheme := p.usePreset(src, b)
	if n := b.get("handshake"); n != nil {
		var problems []verify.Problem
		src.Handshakes, problems = verify.ParseHandshakes(n)
		p.problems(problems)
	}
	p.receiving(src, b)
	p.naming(src, b)
	if n := b.get("verify"); n != nil {
		own, problems := verify.ParseScheme(n)
		p.problems(problems)
		scheme = &own
		if len(problems) > 0 {
			scheme = nil
		}
	}
	p.proof(src, f.key, b, scheme)
	return src
}

// usePreset takes over what the preset declares. Its scheme is nil when there is none to go on with.
func (p *parser) usePreset(src *Source, b block) *verify.Scheme {
	n := b.get("preset")
	if n == nil {
		if b.get("verify") == nil {
			p.fault(b.node, fmt.Sprintf("source %q has neither preset nor verify", src.Name),
				"name a `preset:`, declare `verify:`, or say `verify: none`")
		}
		return nil
	}
	pre, ok := p.findPreset(n)
	if !ok {
		return nil
	}
	src.Preset = pre.Name
	if src.Preset == "" {
		src.Preset = n.Value
	}
	src.Handshakes, src.params = pre.Handshake, pre.With
	src.idents = p.presetIdentity(n, pre)
	if len(pre.Methods) > 0 {
		src.Methods = pre.Methods
	}
	if size, ok := parseSize(pre.MaxBody); ok {
		src.MaxBody = size
	}
	if r := pre.Respond; r != nil {
		src.Respond = Respond{Status: r.Status, Headers: r.Headers, Refused: r.Refused}
		if r.Body != nil {
			src.Respond.Body = []byte(*r.Body)
		}
	}
	if pre.Verify.Kind == verify.KindNone && b.get("verify") == nil {
		p.fault(n, fmt.Sprintf("preset %q proves nothing", n.Value), "say `verify: none` on the source")
		return nil
	}
	if pre.Verify.Kind == "" && len(pre.Verify.Any) == 0 {
		if b.get("verify") == nil && pre.at["verify"] == nil {
			p.fault(n, fmt.Sprintf("preset %q has no verify, and the source neither", n.Value), "say how it proves itself: `verify` in the preset")
		}
		return nil
	}
	return &pre.Verify
}

var validPath = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

// receiving reads what is asked of a request before its proof, and how it is answered.
func (p *parser) receiving(src *Source, b block) {
	if n := b.get("path"); n != nil {
		if s, ok := p.value(n, "path"); ok {
			src.Path = s
			if !validPath.MatchString(s) || strings.Contains(s+"/", "/./") || strings.Contains(s+"/", "/../") {
				p.fault(n, fmt.Sprintf("path %q is not a plain absolute path", clip(n.Value)), "write it like /in/"+src.Name)
			}
			if s == "/healthz" || s == "/readyz" {
				p.fault(n, fmt.Sprintf("path %q is the server's own", clip(n.Value)), "choose another")
			}
		}
	}
	if n := b.get("methods"); n != nil {
		src.Methods = nil
		for _, x := range p.list(n, "methods") {
			src.Methods = append(src.Methods, p.method(x, "methods"))
		}
	}
	if n := b.get("max_body"); n != nil {
		src.MaxBody = p.size(n, "max_body", 1, largestMaxBody)
	}
	if n := b.get("respond"); n != nil {
		src.Respond = p.respond(n)
	}
	if n := b.get("unmatched"); n != nil {
		src.Reject = p.word(n, "unmatched", "keep", "reject") == "reject"
	}
	if n := b.get("limit"); n != nil {
		src.Limit = p.sourceLimit(n)
	}
	if n := b.get("allow_ip"); n != nil {
		src.AllowIP = p.ranges(n)
	}
}

func (p *parser) method(n *yaml.Node, what string) string {
	return p.word(n, what, methodNames()...)
}

func methodNames() []string {
	return []string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodGet, http.MethodDelete, http.MethodHead}
}

func (p *parser) size(n *yaml.Node, what string, low, high int64) int64 {
	s, ok := p.value(n, what)
	if !ok {
		return 0
	}
	size, ok := parseSize(s)
	if !ok {
		p.fault(n, fmt.Sprintf("%s %q is not a size", what, clip(n.Value)), "write 512KiB, 1MiB or 25MiB")
		return 0
	}
	if size < low || size > high {
		p.fault(n, fmt.Sprintf("%s must be from %s to %s, not %q", what, spellSize(low), spellSize(high), clip(n.Value)), "write one between the two, such as 1MiB")
	}
	return size
}

func (p *parser) respond(n *yaml.Node) (r Respond) {
	b, ok := p.block(n, "respond", respondKeys)
	if !ok {
		return r
	}
	if n := b.get("status"); n != nil {
		r.Status, _ = p.integer(n, "status", 200, 299)
	}
	if n := b.get("refused"); n != nil {
		r.Refused, _ = p.integer(n, "refused", 200, 499)
	}
	if n := b.get("headers"); n != nil {
		r.Headers = map[string]string{}
		for _, h := range p.headers(n, false) {
			r.Headers[h.name] = h.value.plain()
		}
	}
	if n := b.get("body"); n != nil {
		s, _ := p.value(n, "body")
		r.Body = []byte(s)
	}
	return r
}

// naming reads how events of the source are told apart, over what the preset declares.
func (p *parser) naming(src *Source, b block) {
	if n := b.get("body"); n != nil {
		if s, ok := p.value(n, "body"); ok {
			src.idents.format = s
			if s == "" || !lang.ValidFormat(s) {
				p.fault(n, fmt.Sprintf("body %q is not a format", clip(n.Value)),
					"one of json, form, multipart, text, xml, none, form.FIELD")
			}
		}
	}
	if n := b.get("type"); n != nil {
		src.idents.typ = p.identityExpr(n, "type")
	}
	if n := b.get("dedupe"); n != nil {
		src.idents.setDedupe(n.Value, p.identityExpr(n, "dedupe"))
	}
}
