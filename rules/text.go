package rules

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/rules/lang"
)

// text is a scalar after its references were filled in: a row of parts, of which some are computed for each event.
type text struct{ parts []part }

// part is literal text, a value that came from a reference, or an expression.
type part struct {
	literal string
	secret  bool // literal came from a reference: never shown
	expr    *lang.Program
}

const mask = "***"

// plain is the text when nothing is computed; callers know that there are no expressions in it.
func (t text) plain() string {
	var b strings.Builder
	for _, x := range t.parts {
		b.WriteString(x.literal)
	}
	return b.String()
}

// masked is the text for people: values of references hidden, expressions as they are written.
func (t text) masked() string {
	var b strings.Builder
	for _, x := range t.parts {
		switch {
		case x.expr != nil:
			b.WriteString("$(" + x.expr.Source() + ")")
		case x.secret:
			b.WriteString(mask)
		default:
			b.WriteString(x.literal)
		}
	}
	return b.String()
}

func (t text) computed() bool {
	for _, x := range t.parts {
		if x.expr != nil {
			return true
		}
	}
	return false
}

func (t text) readsBody() bool {
	for _, x := range t.parts {
		if x.expr != nil && x.expr.ReadsBody() {
			return true
		}
	}
	return false
}

// errText is what may not stand in anything that goes into a request line or a header.
var errText = errors.New("the value holds a line break or NUL")

// maxText bounds a computed header value or URL, in bytes.
const maxText = 16 << 10

// run computes the text for an event, and the same with the values of references hidden.
func (t text) run(env *lang.Env) (value, masked string, err error) {
	var v, m strings.Builder
	for _, x := range t.parts {
		s, show := x.literal, x.literal
		if x.expr != nil {
			if s, err = x.expr.Text(env); err != nil {
				return "", "", err
			}
			show = s
		} else if x.secret {
			show = mask
		}
		v.WriteString(s)
		m.WriteString(show)
	}
	switch {
	case strings.ContainsAny(v.String(), "\r\n\x00"):
		return "", "", errText
	case v.Len() > maxText:
		return "", "", fmt.Errorf("the value is longer than %d bytes", maxText)
	}
	return v.String(), m.String(), nil
}

// piece is a stretch of a scalar before anything is filled in.
type piece struct {
	kind pieceKind
	text string // the literal, the name or path, or the source of the expression
	def  string
	has  bool // there is a default
	at   int  // offset in bytes in the scalar
}

type pieceKind int

const (
	literalPiece pieceKind = iota
	variablePiece
	filePiece
	exprPiece
)

// splitError is a fault inside of a scalar.
type splitError struct {
	at            int // offset in bytes
	message, hint string
}

// split cuts a scalar once, so that a value that is filled in is never looked at again. `$$` is `$`; `$(` is an
// expression only where computed says so.
func split(s string, computed bool) (pieces []piece, bad *splitError) {
	var lit strings.Builder
	flush := func() {
		if lit.Len() > 0 {
			pieces = append(pieces, piece{text: lit.String()})
			lit.Reset()
		}
	}
	for i := 0; i < len(s); {
		switch rest := s[i:]; {
		case strings.HasPrefix(rest, "$$"):
			lit.WriteByte('$')
			i += 2
		case strings.HasPrefix(rest, "${"):
			x, size, bad := reference(rest, i)
			if bad != nil {
				return nil, bad
			}
			flush()
			pieces = append(pieces, x)
			i += size
		case computed && strings.HasPrefix(rest, "$("):
			size := lang.Span(rest[2:])
			if size < 0 {
				return nil, &splitError{i, "`$(` is never closed", "write `$$(` for the characters themselves"}
			}
			flush()
			pieces = append(pieces, piece{kind: exprPiece, text: rest[2 : 2+size], at: i + 2})
			i += size + 3
		default:
			lit.WriteByte(s[i])
			i++
		}
	}
	flush()
	return pieces, nil
}

const referenceHint = "write ${VAR}, ${VAR:-default} or ${file:/path}, or `$$` for a dollar sign"

// reference reads `${…}` at the start of s, which stands at the offset at.
func reference(s string, at int) (x piece, size int, bad *splitError) {
	inner, _, closed := strings.Cut(s[2:], "}")
	if !closed {
		return x, 0, &splitError{at, "`${` is never closed", referenceHint}
	}
	size = len(inner) + 3
	if path, ok := strings.CutPrefix(inner, "file:"); ok {
		if path == "" {
			return x, 0, &splitError{at, "this reference names no file", referenceHint}
		}
		return piece{kind: filePiece, text: path, at: at}, size, nil
	}
	name, def, has := strings.Cut(inner, ":-")
	if !isVariable(name) {
		return x, 0, &splitError{at, "this is not a reference", referenceHint}
	}
	return piece{kind: variablePiece, text: name, def: def, has: has, at: at}, size, nil
}

func isVariable(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := c == '_' || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z')
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// text reads a scalar that may hold references and, where computed says so, expressions.
func (p *parser) text(n *yaml.Node, what string, computed bool) (text, bool) {
	s, ok := p.scalar(n, what)
	if !ok {
		return text{}, false
	}
	pieces, bad := split(s, computed)
	if bad != nil {
		p.faultIn(n, utf8.RuneCountInString(s[:bad.at]), bad.message, bad.hint)
		return text{}, false
	}
	var t text
	for _, x := range pieces {
		filled, good := p.fill(n, x, what)
		t.parts = append(t.parts, filled)
		ok = ok && good
	}
	return t, ok
}

func (p *parser) fill(n *yaml.Node, x piece, what string) (part, bool) {
	at := 0
	if x.kind != literalPiece {
		at = utf8.RuneCountInString(n.Value[:x.at])
	}
	switch x.kind {
	case variablePiece:
		v, ok := p.variable(n, x, at)
		return part{literal: v, secret: true}, ok
	case filePiece:
		v, ok := p.fileValue(n, x.text, at)
		return part{literal: v, secret: true}, ok
	case exprPiece:
		prog := p.compile(n, x.text, at, what, lang.Text)
		return part{expr: prog}, prog != nil
	}
	return part{literal: x.text}, true
}

func (p *parser) variable(n *yaml.Node, x piece, at int) (string, bool) {
	if p.o.Env != nil {
		if v, set := p.o.Env(x.text); set && (v != "" || !x.has) {
			p.hide(v)
			return v, true
		}
	}
	if x.has {
		p.hide(x.def)
		return x.def, true
	}
	if p.leaveUnset(n, "${"+x.text+"}") {
		return "", true
	}
	hint := fmt.Sprintf("set it, or write ${%s:-default}", x.text)
	p.faultIn(n, at, fmt.Sprintf("environment variable %s is not set", x.text), hint)
	return "", false
}

// leaveUnset notes a reference without a value, and says whether it may stand.
func (p *parser) leaveUnset(n *yaml.Node, reference string) bool {
	if p.o.Paper {
		p.unset[n] = true
		p.unsetNames = append(p.unsetNames, reference)
	}
	return p.o.Paper
}

// readFile is a file that the rules take a value from, read once.
type readFile struct {
	data []byte
	err  error
}

// maxValueFile bounds a file named by a reference, in bytes.
const maxValueFile = 1 << 20

// fileValue reads a file; the line break that editors leave at its end is no part of the value.
func (p *parser) fileValue(n *yaml.Node, path string, at int) (string, bool) {
	path = p.near(n, path)
	switch f := p.fileAt(path); {
	case f.err != nil && p.leaveUnset(n, "${file:"+path+"}"):
		return "", true
	case f.err != nil:
		p.faultIn(n, at, fmt.Sprintf("file %q: %s", path, cause(f.err)), "the server must be able to read it; a relative path begins in the directory of the rules file")
	case len(f.data) > maxValueFile:
		p.faultIn(n, at, fmt.Sprintf("file %q is larger than 1 MiB", path), "a value is short: is it the right file?")
	case !utf8.Valid(f.data):
		p.faultIn(n, at, fmt.Sprintf("file %q is not UTF-8 text", path), "write bytes as base64 or hex")
	default:
		v := strings.TrimSuffix(strings.TrimSuffix(string(f.data), "\n"), "\r")
		p.hide(v)
		return v, true
	}
	return "", false
}
