package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/textproto"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules/lang"
	"github.com/hookrouter/hookrouter/verify"
)

// identity says how events of a source are named and told apart.
type identity struct {
	format    string // of the body, for lang.NewBody
	typ       *lang.Program
	dedupe    *lang.Program // nil: by digest, or not at all
	digest    bool
	dedupeFor time.Duration
	senderID  string // header
}

const (
	dedupeDigest = "digest"
	dedupeNone   = "none"
)

// identityExpr compiles `type:` or `dedupe:`; the words of dedupe are no expressions.
func (p *parser) identityExpr(n *yaml.Node, what string) *lang.Program {
	if what == "dedupe" && n.Kind == yaml.ScalarNode && (n.Value == dedupeDigest || n.Value == dedupeNone) {
		return nil
	}
	return p.expression(n, what, lang.Text)
}

func (id *identity) setDedupe(declared string, prog *lang.Program) {
	id.dedupe, id.digest, id.dedupeFor = prog, declared == dedupeDigest, verify.DedupeFor(declared)
}

// presetIdentity takes over what a preset declares. Expressions of a preset from the file were checked in their place.
func (p *parser) presetIdentity(n *yaml.Node, pre *preset) identity {
	id := identity{format: pre.Body, senderID: textproto.CanonicalMIMEHeaderKey(pre.SenderID)}
	compile := func(src string) *lang.Program {
		prog, err := p.compiler.Compile(src, lang.Text)
		if err != nil && pre.at == nil {
			p.fault(n, fmt.Sprintf("preset %q: %v", n.Value, err), "the preset is at fault: write `type` or `dedupe` on the source")
		}
		return prog
	}
	if pre.Type != "" {
		id.typ = compile(pre.Type)
	}
	switch pre.Dedupe {
	case "", dedupeNone:
	case dedupeDigest:
		id.digest = true
	default:
		id.dedupe = compile(pre.Dedupe)
	}
	if id.digest || id.dedupe != nil {
		id.dedupeFor = pre.DedupeFor
	}
	return id
}

// maxName bounds type, sender's id and dedupe key, in bytes.
const maxName = 256

// Identify fills Type, SenderID, DedupeKey and DedupeFor from what the source declares. What cannot be computed stays
// empty and is marked on the event; an error means that the source is not in this Set.
func (s *Set) Identify(ev *event.Event) error {
	src, ok := s.sources[ev.Source]
	if !ok {
		return fmt.Errorf("unknown source %q", ev.Source)
	}
	env := s.env(ev, src)
	defer s.done(env)
	src.identify(ev, env)
	return nil
}

func (src *Source) identify(ev *event.Event, env *lang.Env) {
	id := src.idents
	ev.Type, ev.DedupeKey, ev.DedupeFor = "", "", 0
	if id.typ != nil {
		ev.Type = compute(ev, "type", id.typ, env)
		env.Event = ev.Type
	}
	if id.senderID != "" {
		ev.SenderID = senderID(ev.Header[id.senderID])
	}
	switch {
	case id.digest:
		// Only of the body: a type often stands in a header that no signature covers, and a forged one would make a
		// replayed event look new.
		sum := sha256.Sum256(ev.Body)
		ev.DedupeKey = "sha256:" + hex.EncodeToString(sum[:])
	case id.dedupe != nil:
		ev.DedupeKey = dedupeKey(compute(ev, "dedupe", id.dedupe, env))
	}
	if ev.DedupeKey != "" {
		ev.DedupeFor = id.dedupeFor
	}
}

// compute runs a naming expression; an error or nil is a mark and gives "".
func compute(ev *event.Event, what string, prog *lang.Program, env *lang.Env) string {
	s, err := prog.Text(env)
	if err == nil && what == "type" {
		err = checkName(s)
	}
	if err != nil {
		ev.Marks = append(ev.Marks, fmt.Sprintf("%s: %v", what, err))
		return ""
	}
	return s
}

// checkName refuses what cannot stand in a header.
func checkName(s string) error {
	if len(s) > maxName {
		return fmt.Errorf("longer than %d bytes", maxName)
	}
	if !printable(s) {
		return fmt.Errorf("holds control characters")
	}
	return nil
}

// printable says whether s may be the value of a header.
func printable(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return (r < ' ' && r != '\t') || r == 0x7f }) < 0
}

// dedupeKey keeps keys short: a long one is as good by its digest.
func dedupeKey(s string) string {
	if len(s) <= maxName {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// senderID is for search only: an odd one is cut, never an error.
func senderID(values []string) string {
	if len(values) == 0 || !printable(values[0]) {
		return ""
	}
	return strings.ToValidUTF8(values[0][:min(len(values[0]), maxName)], "")
}
