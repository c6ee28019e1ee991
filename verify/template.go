package verify

import (
	"fmt"
	"net/textproto"
	"slices"
	"strings"
)

// partKind is what a part of a template stands for.
type partKind int

const (
	literal partKind = iota
	partBody
	partTS
	partURL
	partMethod
	partPath
	partHeader
	partQuery
	partForm
	partMultipart
	partJSON
	partSig
	partWith
	partSecret
	partKID
	partCanonical
)

// part is a piece of a template: a literal text, or a name in braces:
//
//	{body}       the raw bytes              {ts}           the timestamp as it stands in the request
//	{url}        the public URL             {header:X}     a header as sent, exactly one, not empty
//	{method}     upper case                 {query:x}      a decoded parameter of the URL; {query} is all, as sent
//	{path}       as sent, without query     {form:x}       a decoded field of a urlencoded body
//	{secret}     for kind hash              {multipart:x}  a field of a multipart body
//	{kid}        a JWT's key, in key.url    {json:a.b}     a value in the JSON document; a.# counts a list
//	{sig:x}      another key of the signature's list
//	{with:x}     a parameter of the source
//	{canonical:NAME}  what a sender makes of the request by rules of its own: see canonicals
//
// A name that ends in ? may be missing and is empty then. What follows after | are filters, applied from left to right:
// {body|sha256|hex}. Braces themselves are written twice.
type part struct {
	kind     partKind
	text     string // the literal, or the name after the colon
	optional bool
	filters  []string
}

// maxParts bounds a template, so that what it resolves to fits an array on the stack.
const maxParts = 20

// known says which parts a template may have, by name; one with a colon takes an argument.
type known map[string]partKind

// with is the set with more parts.
func (k known) with(more known) known {
	all := known{}
	for _, set := range []known{k, more} {
		for name, kind := range set {
			all[name] = kind
		}
	}
	return all
}

// requestParts are known everywhere.
func requestParts() known {
	return known{
		"url": partURL, "method": partMethod, "path": partPath, "query": partQuery, "header:": partHeader, "query:": partQuery,
		"form:": partForm, "multipart:": partMultipart, "json:": partJSON, "with:": partWith, "body": partBody,
	}
}

// contentParts are known in signed content.
func contentParts() known {
	return requestParts().with(known{"ts": partTS, "sig:": partSig, "secret": partSecret, "canonical:": partCanonical})
}

// replyParts are known in a handshake's answer.
func replyParts() known {
	parts := requestParts()
	delete(parts, "body")
	return parts
}

// parseTemplate splits a template into parts of the known kinds.
func parseTemplate(src string, names known) ([]part, error) {
	var parts []part
	var text strings.Builder
	for i := 0; i < len(src); i++ {
		c := src[i]
		switch {
		case c != '{' && c != '}':
			text.WriteByte(c)
		case strings.HasPrefix(src[i+1:], string(c)):
			text.WriteByte(c)
			i++
		case c == '}':
			return nil, fmt.Errorf("} without {; a literal brace is written twice")
		default:
			name, _, closed := strings.Cut(src[i+1:], "}")
			if !closed {
				return nil, fmt.Errorf("{%s is not closed", name)
			}
			p, err := parsePart(name, names)
			if err != nil {
				return nil, err
			}
			parts = append(appendText(parts, &text), p)
			i += len(name) + 1
		}
	}
	if parts = appendText(parts, &text); len(parts) > maxParts {
		return nil, fmt.Errorf("more than %d parts", maxParts)
	}
	return parts, nil
}

func appendText(parts []part, text *strings.Builder) []part {
	if text.Len() > 0 {
		parts = append(parts, part{kind: literal, text: text.String()})
		text.Reset()
	}
	return parts
}

func parsePart(src string, names known) (part, error) {
	pieces := strings.Split(src, "|")
	name, optional := strings.CutSuffix(pieces[0], "?")
	word, arg, hasArg := strings.Cut(name, ":")
	key := word
	if hasArg {
		key += ":"
	}
	kind, is := names[key]
	switch {
	case !is:
		return part{}, &partError{pieces[0], names}
	case hasArg && arg == "":
		return part{}, fmt.Errorf("{%s} names nothing", name)
	case kind == partCanonical && canonicals()[arg] == nil:
		return part{}, fmt.Errorf("unknown canonical request %q; known: %s", arg, strings.Join(canonicalNames(), ", "))
	case kind == partJSON && !isPath(strings.TrimSuffix(arg, ".#")):
		return part{}, fmt.Errorf("%q is not a path: keys and indexes joined by dots", arg)
	case kind == partHeader:
		if !isToken(arg) {
			return part{}, fmt.Errorf("%q is not a header name", arg)
		}
		arg = canonical(arg)
	}
	for _, f := range pieces[1:] {
		if !slices.Contains(filterNames(), f) {
			return part{}, fmt.Errorf("unknown filter %q; known: %s", f, strings.Join(filterNames(), ", "))
		}
	}
	return part{kind, arg, optional, pieces[1:]}, nil
}

// partError is an unknown part of a template; known says which there are.
type partError struct {
	name  string
	known known
}

func (e *partError) Error() string { return fmt.Sprintf("unknown part {%s}", e.name) }

// hint lists the parts that may stand there; an argument is written after the colon.
func (e *partError) hint() string {
	if e.name == "timestamp" || e.name == "time" {
		return "did you mean {ts}?"
	}
	var parts []string
	for name := range e.known {
		parts = append(parts, "{"+strings.Replace(name, ":", ":NAME", 1)+"}")
	}
	slices.Sort(parts)
	return "known: " + strings.Join(parts, ", ")
}

func canonical(header string) string { return textproto.CanonicalMIMEHeaderKey(header) }

// isToken reports whether s can be a header name.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		alnum := '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !alnum && strings.IndexByte("!#$%&'*+-.^_`|~", c) < 0 {
			return false
		}
	}
	return s != ""
}

func has(parts []part, kind partKind) bool {
	return slices.ContainsFunc(parts, func(p part) bool { return p.kind == kind })
}
