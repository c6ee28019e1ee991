package verify

import (
	"fmt"
	"net/textproto"
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
	partJSON
	partContentful
)

// part is a piece of a template: a literal text, or a name in braces:
//
//	{body}       the raw bytes              {ts}        the timestamp as it stands in the request
//	{url}        the public URL             {header:X}  a header as sent, exactly one, not empty
//	{method}     upper case                 {query:x}   a decoded parameter of the URL
//	{path}       as sent, without query     {form:x}    a decoded field of a urlencoded body
//	{json:a.b}   a value in a JSON body     {canonical:contentful}  Contentful's canonical request
//
// Braces themselves are written twice.
type part struct {
	kind partKind
	text string // the literal, or the name after the colon
}

// maxParts bounds a template, so that what it resolves to fits an array on the stack.
const maxParts = 16

// contentPart knows the parts of signed content; a name with a colon takes an argument.
func contentPart(name string) (partKind, bool) {
	switch name {
	case "body":
		return partBody, true
	case "ts":
		return partTS, true
	case "url":
		return partURL, true
	case "method":
		return partMethod, true
	case "path":
		return partPath, true
	case "header:":
		return partHeader, true
	case "query:":
		return partQuery, true
	case "form:":
		return partForm, true
	case "canonical:":
		return partContentful, true
	}
	return 0, false
}

// replyPart knows the parts of a handshake's answer.
func replyPart(name string) (partKind, bool) {
	switch name {
	case "header:":
		return partHeader, true
	case "query:":
		return partQuery, true
	case "form:":
		return partForm, true
	case "json:":
		return partJSON, true
	}
	return 0, false
}

// parseTemplate splits a template into parts of the known kinds.
func parseTemplate(src string, known func(name string) (partKind, bool)) ([]part, error) {
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
			p, err := parsePart(name, known)
			if err != nil {
				return nil, err
			}
			if text.Len() > 0 {
				parts = append(parts, part{literal, text.String()})
				text.Reset()
			}
			parts = append(parts, p)
			i += len(name) + 1
		}
	}
	if text.Len() > 0 {
		parts = append(parts, part{literal, text.String()})
	}
	if len(parts) > maxParts {
		return nil, fmt.Errorf("more than %d parts", maxParts)
	}
	return parts, nil
}

func parsePart(name string, known func(name string) (partKind, bool)) (part, error) {
	word, arg, hasArg := strings.Cut(name, ":")
	key := word
	if hasArg {
		key += ":"
	}
	kind, is := known(key)
	switch {
	case !is:
		return part{}, &partError{name, known}
	case hasArg && arg == "":
		return part{}, fmt.Errorf("{%s} names nothing", name)
	case kind == partContentful && arg != "contentful":
		return part{}, fmt.Errorf("unknown canonical request %q; known: contentful", arg)
	case kind == partHeader:
		if !isToken(arg) {
			return part{}, fmt.Errorf("%q is not a header name", arg)
		}
		arg = canonical(arg)
	}
	return part{kind, arg}, nil
}

// partError is an unknown part of a template; known says which there are.
type partError struct {
	name  string
	known func(name string) (partKind, bool)
}

func (e *partError) Error() string { return fmt.Sprintf("unknown part {%s}", e.name) }

// hint lists the parts that may stand there; an argument is written after the colon.
func (e *partError) hint() string {
	if e.name == "timestamp" || e.name == "time" {
		return "did you mean {ts}?"
	}
	var parts []string
	for _, name := range []string{"body", "ts", "url", "method", "path", "header:", "query:", "form:", "json:"} {
		if _, is := e.known(name); is {
			parts = append(parts, "{"+strings.Replace(name, ":", ":NAME", 1)+"}")
		}
	}
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
	for _, p := range parts {
		if p.kind == kind {
			return true
		}
	}
	return false
}
