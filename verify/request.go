package verify

import "strings"

// Request is one HTTP request as far as a proof can cover it. Verify only reads it; Sign adds to it.
type Request struct {
	Method string
	URL    string              // absolute, or path?query, as the sender knows it; never decoded
	Header map[string][]string // canonical names (textproto.CanonicalMIMEHeaderKey)
	Body   []byte              // the bytes that came, never decoded or decompressed
}

// value is the only value of a header. None, several or an empty one is a refusal: what is ambiguous proves nothing.
func (r *Request) value(name string) (string, error) {
	switch vs := r.Header[name]; {
	case len(vs) == 0:
		return "", refuse("header %s missing", name)
	case len(vs) > 1:
		return "", refuse("header %s appears %d times", name, len(vs))
	case vs[0] == "":
		return "", refuse("header %s empty", name)
	default:
		return vs[0], nil
	}
}

// set replaces a header.
func (r *Request) set(name, value string) {
	if r.Header == nil {
		r.Header = make(map[string][]string)
	}
	r.Header[name] = []string{value}
}

// splitURL cuts an absolute URL or a path?query into path and query, both as written. It does not use net/url, which
// would decode and normalise what the sender signed as text.
func splitURL(u string) (path, query string) {
	if _, rest, absolute := strings.Cut(u, "://"); absolute {
		slash := strings.IndexAny(rest, "/?#")
		if slash < 0 {
			return "/", ""
		}
		u = rest[slash:]
	}
	u, _, _ = strings.Cut(u, "#")
	path, query, _ = strings.Cut(u, "?")
	if path == "" {
		path = "/"
	}
	return path, query
}
