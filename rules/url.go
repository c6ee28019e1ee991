package rules

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/rules/lang"
)

// urlTemplate is the URL of a destination. What is computed can only ever be a part of one path segment or one query
// value: Parse has seen scheme, host and port as text.
type urlTemplate struct {
	text
	query       int    // index of the first part behind the `?`, len(parts) when there is none
	fixed       string // the URL of every event, when nothing is computed
	fixedMasked string
}

// parameter is one of the query that the rules add.
type parameter struct {
	name  string
	value text
}

// target reads the url of a destination.
func (p *parser) target(d *Destination, n *yaml.Node) {
	t, ok := p.text(n, "url", true)
	if !ok {
		return
	}
	u, bad := newURLTemplate(t)
	if p.unset[n] {
		u, bad = cutQuery(t) // nobody knows what it is
	}
	if bad != "" {
		p.fault(n, fmt.Sprintf("url of destination %q %s", d.Name, bad), "write it like http://host:8080/path/$(body.id)")
		return
	}
	d.URL, d.Templated, d.out.url = t.masked(), t.computed(), u
	d.out.readsBody = u.readsBody()
}

// stand takes the place of an expression while the rest of the URL is checked.
const stand = "x"

// newURLTemplate checks a URL; bad says what is wrong, without quoting it, as parts may be secret.
func newURLTemplate(t text) (u urlTemplate, bad string) {
	full, first := t.sketch()
	if bad := checkURL(full); bad != "" {
		return u, bad
	}
	authority := strings.Index(full, "://") + len("://")
	path := strings.IndexAny(full[authority:], "/?")
	if first >= 0 && (path < 0 || first <= authority+path) {
		return u, "has `$()` in scheme, host or port"
	}
	if u, bad = cutQuery(t); bad == "" && !t.computed() {
		u.fixed, u.fixedMasked, _ = u.run(nil) // its error comes again with each event
	}
	return u, bad
}

// sketch is the text with something in the place of each expression, and where the first of these begins; -1: nowhere.
func (t text) sketch() (full string, first int) {
	var b strings.Builder
	first = -1
	for _, x := range t.parts {
		if x.expr != nil && first < 0 {
			first = b.Len()
		}
		b.WriteString(x.literal)
		if x.expr != nil {
			b.WriteString(stand)
		}
	}
	return b.String(), first
}

// checkURL looks at the whole of a URL.
func checkURL(full string) (bad string) {
	for i := range len(full) {
		if c := full[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return "holds a character that must be escaped with %"
		}
	}
	u, err := url.Parse(full)
	switch {
	case err != nil:
		return "is not a URL"
	case u.Scheme != "http" && u.Scheme != "https":
		return "must begin with http:// or https://"
	case u.Hostname() == "":
		return "has no host"
	case u.User != nil:
		return "holds a user: put credentials into `headers: { Authorization: … }`"
	case strings.Contains(full, "#"):
		return "holds a fragment (#), which is never sent"
	}
	if port := u.Port(); port != "" || strings.HasSuffix(u.Host, ":") {
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return "has no valid port"
		}
	}
	if _, err := url.QueryUnescape(u.RawQuery); err != nil {
		return "holds a % that is no escape"
	}
	return ""
}

// cutQuery finds where the query begins, splitting the part that holds the `?`.
func cutQuery(t text) (u urlTemplate, bad string) {
	u = urlTemplate{text: t, query: len(t.parts)}
	for i, x := range t.parts {
		path, query, found := strings.Cut(x.literal, "?")
		if !found {
			continue
		}
		split := []part{{literal: path, secret: x.secret}, {literal: "?"}, {literal: query, secret: x.secret}}
		u.parts = slices.Concat(t.parts[:i], split, t.parts[i+1:])
		u.query = i + 1
		break
	}
	name := true // what is computed would be a part of a name, not of a value
	for _, x := range u.parts[u.query:] {
		if x.expr != nil && name {
			return u, "has `$()` in the name of a query parameter"
		}
		for _, c := range x.literal {
			name = c == '&' || (name && c != '=')
		}
	}
	return u, ""
}

func (p *parser) query(n *yaml.Node) []parameter {
	fields, _ := p.mapping(n, "query")
	var list []parameter
	for _, f := range fields {
		if f.key.Value == "" {
			p.fault(f.key, "a query parameter needs a name", "write it like { page: \"1\" }")
		}
		if v, ok := p.text(f.value, fmt.Sprintf("query %q", f.key.Value), true); ok {
			list = append(list, parameter{f.key.Value, v})
		}
	}
	return list
}

// run makes the URL for an event.
func (u urlTemplate) run(env *lang.Env) (full, masked string, err error) {
	if u.fixed != "" {
		return u.fixed, u.fixedMasked, nil
	}
	w := urlWriter{}
	for i, x := range u.parts {
		if x.expr == nil {
			w.static(x, i < u.query)
			continue
		}
		s, err := x.expr.Text(env)
		if err != nil {
			return "", "", err
		}
		if err := w.computed(s, i < u.query); err != nil {
			return "", "", err
		}
	}
	if err := w.endSegment(); err != nil {
		return "", "", err
	}
	if w.value.Len() > maxText {
		return "", "", fmt.Errorf("the URL is longer than %d bytes", maxText)
	}
	return w.value.String(), w.masked.String(), nil
}

// urlWriter puts a URL together, and knows the segment it is in.
type urlWriter struct {
	value, masked strings.Builder
	segment       string // what stands in the segment so far, unescaped
	dynamic       bool   // some of it was computed
	err           error
}

func (w *urlWriter) static(x part, path bool) {
	w.value.WriteString(x.literal)
	if x.secret {
		w.masked.WriteString(mask)
	} else {
		w.masked.WriteString(x.literal)
	}
	if !path {
		return
	}
	for i, s := range strings.Split(x.literal, "/") {
		if i > 0 {
			w.err = errors.Join(w.err, w.endSegment())
		}
		w.segment += unescaped(s)
	}
}

func unescaped(s string) string {
	if u, err := url.PathUnescape(s); err == nil {
		return u
	}
	return s
}

func (w *urlWriter) computed(s string, path bool) error {
	if strings.ContainsAny(s, "\r\n\x00") {
		return errText
	}
	escaped := strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
	if path {
		w.segment += s
		w.dynamic = true
	}
	w.value.WriteString(escaped)
	w.masked.WriteString(escaped)
	return w.err
}

var errSegment = errors.New("a computed path segment is empty, `.` or `..`")

// endSegment refuses a computed segment that a server would not read as one.
func (w *urlWriter) endSegment() error {
	bad := w.dynamic && (w.segment == "" || w.segment == "." || w.segment == "..")
	w.segment, w.dynamic = "", false
	if bad {
		return errSegment
	}
	return w.err
}

// appendQuery adds the parameters of the rules to a URL.
func appendQuery(full, masked string, list []parameter, env *lang.Env) (string, string, error) {
	for _, x := range list {
		v, m, err := x.value.run(env)
		if err != nil {
			return "", "", fmt.Errorf("query %q: %w", x.name, err)
		}
		sep := "?"
		if strings.Contains(full, "?") {
			sep = "&"
			if strings.HasSuffix(full, "?") {
				sep = ""
			}
		}
		name := url.QueryEscape(x.name) + "="
		if m != v {
			m = mask
		} else {
			m = url.QueryEscape(v)
		}
		full += sep + name + url.QueryEscape(v)
		masked += sep + name + m
	}
	return full, masked, nil
}
