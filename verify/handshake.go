package verify

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"
)

// Handshake is a request by which a sender tests an address and which is answered at once, never stored.
type Handshake struct {
	Name       string `yaml:"name"`
	Unverified bool   `yaml:"unverified,omitempty"` // answered although the request proves nothing; false: only after Verify
	Match      Match  `yaml:"match"`
	Reply      Echo   `yaml:"reply"`
}

// Match says which requests are the handshake: all conditions must hold. A condition is a name and the value it must
// have, where "*" is any value that is not empty.
type Match struct {
	Method string            `yaml:"method,omitempty"`    // default POST
	JSON   map[string]string `yaml:"json,omitempty,flow"` // by path: a.b.0
	Header map[string]string `yaml:"header,omitempty,flow"`
	Query  map[string]string `yaml:"query,omitempty,flow"`
	Form   map[string]string `yaml:"form,omitempty,flow"`
}

// Echo is the answer. Header values and Body are templates with {json:path} {header:Name} {query:name} {form:name}.
type Echo struct {
	Status      int               `yaml:"status,omitempty"`       // default 200
	ContentType string            `yaml:"content_type,omitempty"` // text/plain (default), or application/json: parts are escaped for it
	Headers     map[string]string `yaml:"headers,omitempty"`
	Body        string            `yaml:"body,omitempty"`
}

// Reply is an answer ready to be written.
type Reply struct {
	Status int
	Header map[string][]string
	Body   []byte
}

const (
	maxHandshake = 64 << 10 // a larger body is an event
	maxEcho      = 1024     // characters of one echoed value
)

// Answer finds the handshake that r is and answers it; verified says whether Verify accepted r. What is echoed is at
// most 1,024 printable ASCII characters each, with a content type and nosniff, so that it can never be a page; for
// anything else the answer is an empty 400.
func Answer(hs []Handshake, r *Request, verified bool) (*Reply, bool) {
	for i := range hs {
		h := &hs[i]
		if (verified || h.Unverified) && h.Match.is(r) {
			reply, ok := h.Reply.fill(r)
			if !ok {
				return &Reply{Status: http.StatusBadRequest, Header: map[string][]string{}}, true
			}
			return reply, true
		}
	}
	return nil, false
}

func (m *Match) is(r *Request) bool {
	if len(r.Body) > maxHandshake || r.Method != m.method() {
		return false
	}
	conditions := 0
	for _, c := range []struct {
		kind partKind
		want map[string]string
	}{{partHeader, m.Header}, {partQuery, m.Query}, {partForm, m.Form}, {partJSON, m.JSON}} {
		for name, want := range c.want {
			got, ok := r.part(part{c.kind, name})
			if !ok || want != "*" && got != want {
				return false
			}
			conditions++
		}
	}
	return conditions > 0
}

func (m *Match) method() string {
	if m.Method == "" {
		return http.MethodPost
	}
	return m.Method
}

// part is the value of a part that may be echoed; false when it is missing, empty or ambiguous.
func (r *Request) part(p part) (value string, ok bool) {
	var err error
	switch p.kind {
	case literal:
		value = p.text
	case partHeader:
		value, err = r.value(canonical(p.text))
	case partQuery:
		value, err = r.query(p.text)
	case partForm:
		value, err = r.form(p.text)
	case partJSON:
		value = jsonText(r.Body, p.text)
	}
	return value, err == nil && value != ""
}

// jsonText is the text or number at a path in a JSON object, "" for anything else.
func jsonText(body []byte, path string) string {
	if trimmed := bytes.TrimLeft(body, " \t\r\n"); len(trimmed) == 0 || trimmed[0] != '{' {
		return ""
	}
	v := gjson.GetBytes(body, path)
	if v.Type != gjson.String && v.Type != gjson.Number || !gjson.ValidBytes(body) {
		return ""
	}
	return v.String()
}

// isPath reports whether path is plain keys and indexes joined by dots, without what gjson would interpret.
func isPath(path string) bool {
	return path != "" && !strings.ContainsAny(path, `*?|#@!{}[]()=<>%\"`) && !strings.HasPrefix(path, ".")
}

func (e *Echo) fill(r *Request) (*Reply, bool) {
	kind := e.ContentType
	if kind == "" {
		kind = "text/plain"
	}
	body, ok := expand(r, e.Body, kind == "application/json")
	reply := &Reply{Status: e.Status, Header: make(map[string][]string), Body: []byte(body)}
	if reply.Status == 0 {
		reply.Status = http.StatusOK
	}
	for name, tmpl := range e.Headers {
		value, known := expand(r, tmpl, false)
		ok = ok && known
		reply.Header[canonical(name)] = []string{value}
	}
	if e.Body != "" {
		reply.Header["Content-Type"] = []string{kind + "; charset=utf-8"}
	}
	reply.Header["X-Content-Type-Options"] = []string{"nosniff"}
	return reply, ok
}

// expand fills a template; what comes from the request must be short and printable.
func expand(r *Request, tmpl string, escape bool) (string, bool) {
	parts, err := parseTemplate(tmpl, replyPart)
	if err != nil {
		return "", false
	}
	var b strings.Builder
	for _, p := range parts {
		value, ok := r.part(p)
		if p.kind != literal {
			if !ok || !echoable(value) {
				return "", false
			}
			if escape {
				quoted, _ := json.Marshal(value) // a string always marshals
				value = string(quoted[1 : len(quoted)-1])
			}
		}
		b.WriteString(value)
	}
	return b.String(), true
}

func echoable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= maxEcho
}
