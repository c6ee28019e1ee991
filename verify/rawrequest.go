package verify

import (
	"bytes"
	"errors"
	"fmt"
	"net/textproto"
	"net/url"
	"strconv"
	"strings"
)

// ParseRequest reads one HTTP request as it went over the wire: request line, headers with LF or CRLF, an empty line,
// and the rest, whatever it holds, as the body. The request is what the server would verify. Its Body is a part of
// raw. Errors name the line.
func ParseRequest(raw []byte) (*Request, error) {
	line, rest, n := cutLine(raw), raw, 1
	if line == nil {
		return nil, errors.New("line 1: no request line, such as POST /in/github HTTP/1.1")
	}
	r := &Request{Header: map[string][]string{}}
	var err error
	if r.Method, r.URL, err = requestLine(string(line.text)); err != nil {
		return nil, fmt.Errorf("line 1: %w", err)
	}
	for {
		rest = rest[line.length:]
		if n++; len(rest) == 0 {
			return nil, fmt.Errorf("line %d: the headers do not end with an empty line", n)
		}
		if line = cutLine(rest); len(line.text) == 0 {
			r.Body = rest[line.length:]
			return r, nil
		}
		if err := addHeader(r.Header, string(line.text)); err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
}

// rawLine is a line without its end; length counts the end, too.
type rawLine struct {
	text   []byte
	length int
}

// cutLine gives the first line of data, nil when there is none.
func cutLine(data []byte) *rawLine {
	if len(data) == 0 {
		return nil
	}
	text, _, ended := bytes.Cut(data, []byte("\n"))
	length := len(text)
	if ended {
		length++
	}
	return &rawLine{bytes.TrimSuffix(text, []byte("\r")), length}
}

func requestLine(line string) (method, target string, err error) {
	words := strings.Split(line, " ")
	if len(words) != 3 || !strings.HasPrefix(words[2], "HTTP/") || words[0] == "" {
		return "", "", fmt.Errorf("%q is not a request line, such as POST /in/github HTTP/1.1", clipped(line))
	}
	u, err := url.ParseRequestURI(words[1])
	if err != nil {
		return "", "", fmt.Errorf("%q is not the target of a request", clipped(words[1]))
	}
	return words[0], u.RequestURI(), nil
}

func addHeader(header map[string][]string, line string) error {
	name, value, ok := strings.Cut(line, ":")
	switch {
	case strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t"):
		return errors.New("a header may not go on in the next line")
	case !ok || name == "" || strings.ContainsAny(name, " \t"):
		return errors.New("not a header, such as Content-Type: application/json") // it may be a secret that went astray
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	header[name] = append(header[name], strings.Trim(value, " \t"))
	return nil
}

// LengthNote tells of a body that is longer or shorter than the request said: editors add a line end, and proofs are
// over bytes. It is "" when there is nothing to tell.
func (r *Request) LengthNote() string {
	for _, coding := range r.Header["Transfer-Encoding"] {
		if !strings.EqualFold(coding, "identity") {
			return "Transfer-Encoding is " + clipped(coding) + ": the body must stand in the file without it"
		}
	}
	for _, said := range r.Header["Content-Length"] {
		if n, err := strconv.Atoi(said); err == nil && n != len(r.Body) {
			return fmt.Sprintf("Content-Length says %d bytes, the body in the file has %d", n, len(r.Body))
		}
	}
	return ""
}

// clipped bounds what a message quotes.
func clipped(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
