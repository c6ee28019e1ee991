package verify

// Handshake is a request by which a sender tests an address and which is answered at once, never stored.
type Handshake struct {
	Name       string `yaml:"name"`
	Unverified bool   `yaml:"unverified,omitempty"` // answered although the request proves nothing; false: only after Verify
	Match      Match  `yaml:"match"`
	Answer     Echo   `yaml:"reply"`
}

// Match says which requests are the handshake: all conditions must hold. A condition is a name and the value it must
// have, where "*" is any value that is not empty.
type Match struct {
	Method string            `yaml:"method,omitempty"`
	JSON   map[string]string `yaml:"json,omitempty,flow"` // by path: a.b.0
	Header map[string]string `yaml:"header,omitempty,flow"`
	Query  map[string]string `yaml:"query,omitempty,flow"`
	Form   map[string]string `yaml:"form,omitempty,flow"`
}

// Echo is the answer. Header values and Body are templates with {json:path} {header:Name} {query:name} {form:name}.
type Echo struct {
	Status      int               `yaml:"status,omitempty"`       // default 200
	ContentType string            `yaml:"content_type,omitempty"` // text/plain (default) or application/json: parts are escaped
	Headers     map[string]string `yaml:"headers,omitempty"`
	Body        string            `yaml:"body,omitempty"`
}

// Reply is an answer ready to be written.
type Reply struct {
	Status int
	Header map[string][]string
	Body   []byte
}

// Answer finds the handshake that r is and answers it; verified says whether Verify accepted r. What is echoed is at
// most 1,024 printable ASCII characters, sent as it was declared and never sniffed; for anything else the answer is 400.
func Answer(hs []Handshake, r *Request, verified bool) (*Reply, bool) { return nil, false }
