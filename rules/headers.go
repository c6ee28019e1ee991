package rules

import (
	"errors"
	"fmt"
	"net/textproto"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/rules/lang"
)

// header is one that the rules set.
type header struct {
	name  string // canonical
	value text
}

// passHeaders says which headers of the sender go on to the destination.
type passHeaders struct {
	mode  passMode
	names []string // canonical, for passNames
}

type passMode int

const (
	passDefault passMode = iota // all without a transform, none with one
	passAll
	passNone
	passNames
)

// keeps says whether a header of the sender goes on.
func (h passHeaders) keeps(name string, transformed bool) bool {
	switch h.mode {
	case passAll:
		return true
	case passNone:
		return false
	case passNames:
		return slices.Contains(h.names, name)
	}
	return !transformed
}

// hopByHop are the headers that belong to one connection, and those that the connection's owner makes.
var hopByHop = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Proxy-Authenticate": true,
	"Proxy-Authorization": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
	"Expect": true, "Host": true, "Content-Length": true,
}

// ours says whether the name is one that hookrouter itself sends.
func ours(name string) bool {
	return name == "Webhook-Id" || strings.HasPrefix(name, "Hookrouter-")
}

// foreign says whether a header of the sender stays here whatever the rules say: it belongs to the connection, to the
// sender's user or proxies, poses as ours, or would be read as another name by a server that maps `-` to `_`.
func foreign(name string) bool {
	return hopByHop[name] || ours(name) || name == "Cookie" || name == "Forwarded" ||
		strings.HasPrefix(name, "X-Forwarded-") || strings.Contains(name, "_")
}

const tokenMarks = "!#$%&'*+-.^_`|~"

func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && strings.IndexByte(tokenMarks, c) < 0 {
			return false
		}
	}
	return s != ""
}

// headerName checks a name that the rules set, and makes it canonical.
func (p *parser) headerName(n *yaml.Node) (string, bool) {
	name := textproto.CanonicalMIMEHeaderKey(n.Value)
	switch {
	case !isToken(n.Value):
		p.fault(n, fmt.Sprintf("%q is not the name of a header", clip(n.Value)), "a name has letters, digits and `-`")
	case hopByHop[name]:
		p.fault(n, fmt.Sprintf("header %q cannot be set", n.Value), "it belongs to the connection")
	case ours(name):
		p.fault(n, fmt.Sprintf("header %q cannot be set", n.Value), "hookrouter sets it itself")
	default:
		return name, true
	}
	return "", false
}

// headers reads a mapping of headers; computed says whether their values may hold `$()`.
func (p *parser) headers(n *yaml.Node, computed bool) []header {
	fields, _ := p.mapping(n, "headers")
	var list []header
	for _, f := range fields {
		name, named := p.headerName(f.key)
		value, ok := p.text(f.value, fmt.Sprintf("header %q", f.key.Value), computed)
		if !named || !ok {
			continue
		}
		if slices.ContainsFunc(list, func(h header) bool { return h.name == name }) {
			p.fault(f.key, fmt.Sprintf("header %q stands twice", f.key.Value), "upper and lower case are the same: remove one")
			continue
		}
		if !value.printable() {
			p.fault(f.value, fmt.Sprintf("header %q holds a control character", f.key.Value), "a value is one line: look for a line break in it")
		}
		list = append(list, header{name, value})
	}
	return list
}

func (t text) printable() bool {
	return !slices.ContainsFunc(t.parts, func(x part) bool { return !printable(x.literal) })
}

func (p *parser) passHeaders(n *yaml.Node) (h passHeaders) {
	if n.Kind != yaml.SequenceNode {
		mode := map[string]passMode{"all": passAll, "none": passNone}
		return passHeaders{mode: mode[p.word(n, "pass_headers", "all", "none")]}
	}
	h.mode = passNames
	for _, x := range n.Content {
		s, ok := p.scalar(x, "pass_headers")
		name := textproto.CanonicalMIMEHeaderKey(s)
		switch {
		case !ok:
		case !isToken(s):
			p.fault(x, fmt.Sprintf("%q is not the name of a header", clip(s)), "a name has letters, digits and `-`")
		case foreign(name):
			p.fault(x, fmt.Sprintf("header %q is never passed on", s), "remove it; `headers` can set others")
		default:
			h.names = append(h.names, name)
		}
	}
	return h
}

// run computes the value for an event.
func (h header) run(env *lang.Env) (value, masked string, err error) {
	if value, masked, err = h.value.run(env); err == nil && !printable(value) {
		err = errors.New("the value holds a control character")
	}
	return value, masked, err
}
