package router_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
)

const pathRules = `version: 1
sources:
  a: { verify: none, path: /in/a }
  b: { verify: none, path: /In/B.v1/~x }
destinations:
  a: { url: "http://SINK/a/$(path)", headers: { X-Path: $(path) } }
  b: { url: "http://SINK/b/$(path)", headers: { X-Path: $(path) } }
routes:
  - { name: a, from: a, to: a }
  - { name: b, from: b, to: b }
`

// sourcePaths are the paths of pathRules and of health.
var sourcePaths = map[string]string{"/in/a": "a", "/In/B.v1/~x": "b", "/healthz": "health"}

// target is the first line's and the Host's part of a request.
type target struct{ uri, host string }

// TestOneSpellingOfAPath: whatever is done to a path, the server takes it for a source's exactly when its bytes are the
// source's, and match, storage and delivery are of one mind about it.
func TestOneSpellingOfAPath(t *testing.T) {
	h := open(t, pathRules)
	c := &pathCaller{h: h}
	defer c.close()
	targets := pathCorpus()
	accepted := 0
	for _, x := range targets {
		want := sourceOf(x.uri)
		status, stored := c.post(x)
		switch {
		case want == "" && (status == 404 || status == 400):
		case want == "health" && status == 405: // a POST
		case want != "" && status == http.StatusAccepted:
			accepted++
			if source, path := h.eventOf(stored); source != want || sourcePaths[path] != want {
				t.Errorf("%q to %q: stored as source %q with the path %q, want %q", x.uri, x.host, source, path, want)
			}
		default:
			t.Errorf("%q to %q: answer %d, its source is %q", x.uri, x.host, status, want)
		}
	}
	t.Logf("%d targets, %d of them a source's", len(targets), accepted)
	if len(targets) < 5000 || accepted < 50 {
		t.Error("too few")
	}
	if err := h.sink.Wait(accepted, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	for _, r := range h.sink.Received() {
		path := r.Header.Get("X-Path")
		if want := "/" + sourcePaths[path] + "/" + strings.ReplaceAll(path, "/", "%2F"); r.Path != want {
			t.Errorf("delivered to %q with the path %q, want %q", r.Path, path, want)
		}
	}
}

// sourceOf reads a request target by its bytes alone, with nothing of net/url.
func sourceOf(uri string) string {
	for _, scheme := range []string{"http://", "https://"} {
		if len(uri) > len(scheme) && strings.EqualFold(uri[:len(scheme)], scheme) {
			slash := strings.Index(uri[len(scheme):], "/")
			if authority := uri[len(scheme):][:max(slash, 0)]; authority == "" || strings.ContainsAny(authority, "?@") {
				return ""
			}
			uri = uri[len(scheme)+slash:]
			break
		}
	}
	path, _, _ := strings.Cut(uri, "?")
	return sourcePaths[path]
}

// pathCorpus makes targets of the sources' paths: every byte written in other ways, everything inserted everywhere that
// some server somewhere takes away again, and every form of a target.
func pathCorpus() (all []target) {
	inserted := []string{
		"/", "//", "\\", "%2f", "%2F", "%5c", "%5C", "%252f", "%c0%af", "\uff0f", ".", "..", "/.", "/./", "/..", "/../", "/in/../",
		"%2e", "%2e%2e", "%2e/", "%2e%2e/", "%2e%2e%2f", "..%2f", "..;/", "..\\", ".%00", "%00", "%", "%0", "%zz", "%0a", "%0d%0a", "%20", "+", "%09",
		";", ";a=b", "%3b", "#", "%23", "?", "%3f", "&", "=", ":", "@", "~", "*", "$", "'", "\"", "<", "|", "`", "{", "^",
		"\u00e9", "%c3%a9", "e\u0301", "\u202e", "\ufeff", "%ef%bb%bf", "\u0131", "\u212a", "%u002f", "\xff", "\x7f", "a", "A", "0",
	}
	for path := range sourcePaths {
		for i := range len(path) + 1 {
			for _, x := range inserted {
				all = append(all, target{path[:i] + x + path[i:], "h"})
			}
			if i < len(path) {
				for _, x := range spellings(path[i]) {
					all = append(all, target{path[:i] + x + path[i+1:], "h"})
				}
				all = append(all, target{path[:i] + path[i+1:], "h"}, target{path[:i+1] + path[i:], "h"})
			}
		}
		for _, host := range []string{"h", "h:80", "other.example", "[::1]", "[::1]:80", "[fe80::1%25eth0]", "127.0.0.1", "", "h.", "H"} {
			for _, before := range []string{"http://h", "HTTP://h", "https://h:443", "http://other.example", "http://[::1]", "http://", "http:", "http:///", "//h", "ftp://h", "h", "h:80", "http://u:p@h", "http://h?", "file://", ""} {
				for _, after := range []string{"", "?", "?a=b", "?/in/a", "?a=%00", "?;", "?#", "#", "/", "/.", "/..", "//"} {
					all = append(all, target{before + path + after, host})
				}
			}
		}
	}
	return all
}

// spellings are other ways to write a byte.
func spellings(b byte) []string {
	r := rune(b)
	return []string{
		fmt.Sprintf("%%%02x", b), fmt.Sprintf("%%%02X", b), fmt.Sprintf("%%25%02x", b), fmt.Sprintf("%%u%04x", b), fmt.Sprintf("%%c0%%%02x", b|0x80),
		string(unicode.ToUpper(r)), string(unicode.ToLower(r)), string(0xfee0 + r), // as full-width
	}
}

// pathCaller sends requests, one after the other on a connection as long as the server keeps it.
type pathCaller struct {
	h    *house
	conn net.Conn
	read *bufio.Reader
}

func (c *pathCaller) close() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
	c.conn = nil
}

// post gives the status and the body of the answer.
func (c *pathCaller) post(x target) (status int, answer []byte) {
	c.h.t.Helper()
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.h.Addr())
		if err != nil {
			c.h.t.Fatal(err)
		}
		c.conn, c.read = conn, bufio.NewReader(conn)
		_ = c.conn.SetDeadline(time.Now().Add(time.Minute))
	}
	if _, err := fmt.Fprintf(c.conn, "POST %s HTTP/1.1\r\nHost: %s\r\n\r\n", x.uri, x.host); err != nil {
		c.h.t.Fatal(err)
	}
	resp, err := http.ReadResponse(c.read, nil)
	if err != nil {
		c.h.t.Fatalf("%q to %q: %v", x.uri, x.host, err)
	}
	if answer, err = io.ReadAll(resp.Body); err != nil {
		c.h.t.Fatal(err)
	}
	if resp.Close {
		c.close()
	}
	return resp.StatusCode, answer
}

// eventOf gives source and path of the event that an answer names.
func (h *house) eventOf(answer []byte) (source, path string) {
	h.t.Helper()
	ev, err := h.api.Event(h.t.Context(), h.idOf(answer))
	if err != nil {
		h.t.Fatal(err)
	}
	return ev.Source, ev.Path
}
