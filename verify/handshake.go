package verify

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
)

// Handshake is a request by which a sender tests an address and which is answered at once, never stored.
type Handshake struct {
	Name       string            `yaml:"name"`
	Unverified bool              `yaml:"unverified,omitempty"` // answered although the request proves nothing; false: only after Verify
	Match      Match             `yaml:"match"`
	Must       map[string]string `yaml:"must,omitempty"`       // template: the template that must yield the same text, or it is refused
	Refused    int               `yaml:"refused,omitempty"`    // status when Must does not hold; default 403
	Learn      string            `yaml:"learn,omitempty"`      // template of a secret that the sender gives: it becomes the source's
	Confirm    string            `yaml:"confirm,omitempty"`    // template of an address that must be fetched before the answer
	Hosts      []string          `yaml:"hosts,omitempty,flow"` // the hosts that Confirm may lead to
	Reply      Echo              `yaml:"reply"`
}

// Match says which requests are the handshake: all conditions must hold. A condition is a name and the value it must
// have, where "*" is any value that is not empty, and ~ begins a regular expression for the whole of it.
type Match struct {
	Method string            `yaml:"method,omitempty"`    // default POST
	JSON   map[string]string `yaml:"json,omitempty,flow"` // by path: a.b.0
	Header map[string]string `yaml:"header,omitempty,flow"`
	Query  map[string]string `yaml:"query,omitempty,flow"`
	Form   map[string]string `yaml:"form,omitempty,flow"`
}

// Echo is the answer. Header values and Body are templates with the parts that are known everywhere: {json:path},
// {query:name} and so on; the filters hmac-sha1 and hmac-sha256 use the source's first secret.
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

	Learned string // a secret that the sender gave: the answer may only be written when it was taken
	Confirm string // an address that must be fetched before the answer is written; its host has been checked
}

const (
	maxHandshake = 64 << 10 // a larger body is an event
	maxEcho      = 1024     // characters of one echoed value
)

// Answer finds the handshake that r is and answers it; verified says whether v accepted r, and v may be nil when nothing
// is verified. What is echoed is at most 1,024 printable ASCII characters each, with a content type and nosniff, so that
// it can never be a page; for anything else the answer is an empty 400.
func Answer(hs []Handshake, r *Request, v *Verifier, verified bool) (*Reply, bool) {
	s := scene{r: r}
	if v != nil {
		s.public, s.with, s.document, s.key = v.open.PublicURL, v.open.With, v.scheme.Document, v.key
	}
	for i := range hs {
		h := &hs[i]
		if (verified || h.Unverified) && h.Match.is(&s) {
			return h.answer(&s), true
		}
	}
	return nil, false
}

func (h *Handshake) answer(s *scene) *Reply {
	if must, err := conditions(h.Must); err != nil || holds(must, s) != nil {
		status := h.Refused
		if status == 0 {
			status = http.StatusForbidden
		}
		return &Reply{Status: status, Header: map[string][]string{}}
	}
	reply, ok := h.Reply.fill(s)
	if h.Learn != "" && ok {
		reply.Learned, ok = expand(s, h.Learn, false)
	}
	if h.Confirm != "" && ok {
		ring := keyring{hosts: h.Hosts}
		reply.Confirm, ok = expand(s, h.Confirm, false)
		ok = ok && ring.pinned(reply.Confirm)
	}
	if !ok {
		return &Reply{Status: http.StatusBadRequest, Header: map[string][]string{}}
	}
	return reply
}

func (m *Match) is(s *scene) bool {
	if len(s.r.Body) > maxHandshake || s.r.Method != m.method() {
		return false
	}
	for _, c := range []struct {
		kind partKind
		want map[string]string
	}{{partHeader, m.Header}, {partQuery, m.Query}, {partForm, m.Form}, {partJSON, m.JSON}} {
		for name, want := range c.want {
			if c.kind == partHeader {
				name = canonical(name)
			}
			got, err := s.raw(part{kind: c.kind, text: name})
			if err != nil || !fits(got, want) {
				return false
			}
		}
	}
	return true
}

// fits compares a value with what a condition says of it.
func fits(got, want string) bool {
	if pattern, is := strings.CutPrefix(want, "~"); is {
		re, err := regexp.Compile("^(?:" + pattern + ")$")
		return err == nil && len(got) <= maxEcho && re.MatchString(got)
	}
	return want == "*" || got == want
}

func (m *Match) method() string {
	if m.Method == "" {
		return http.MethodPost
	}
	return m.Method
}

func (e *Echo) fill(s *scene) (*Reply, bool) {
	kind := e.ContentType
	if kind == "" {
		kind = "text/plain"
	}
	body, ok := expand(s, e.Body, kind == "application/json")
	reply := &Reply{Status: e.Status, Header: make(map[string][]string), Body: []byte(body)}
	if reply.Status == 0 {
		reply.Status = http.StatusOK
	}
	for name, tmpl := range e.Headers {
		value, known := expand(s, tmpl, false)
		ok = ok && known
		reply.Header[canonical(name)] = []string{value}
	}
	if e.Body != "" || e.ContentType != "" {
		reply.Header["Content-Type"] = []string{kind}
	}
	reply.Header["X-Content-Type-Options"] = []string{"nosniff"}
	return reply, ok
}

// expand fills a template; what comes from the request must be short and printable.
func expand(s *scene, tmpl string, escape bool) (string, bool) {
	parts, err := parseTemplate(tmpl, replyParts())
	if err != nil {
		return "", false
	}
	var b strings.Builder
	for _, p := range parts {
		value, err := s.text(p)
		if err != nil || p.kind != literal && !echoable(value) {
			return "", false
		}
		if p.kind != literal && escape {
			quoted, _ := json.Marshal(value) // a string always marshals
			value = string(quoted[1 : len(quoted)-1])
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
