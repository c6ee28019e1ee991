package router_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestDoubtfulFramingEndsTheConnection: where two readers can differ about the end of a request, what follows it must
// not be taken for another one, or somebody behind a shared proxy could put requests into the mouth of others.
func TestDoubtfulFramingEndsTheConnection(t *testing.T) {
	h := open(t, "version: 1\nsources: { s: { verify: none } }\ndestinations: { d: http://SINK/ }\nroutes: [{ name: r, from: s, to: d }]\n")
	const second = "POST /in/s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}"
	for name, c := range map[string]struct {
		request string
		answers int
	}{
		"plain":                     {"POST /in/s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", 2},
		"length before chunked":     {"POST /in/s HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1},
		"chunked before length":     {"POST /in/s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 50\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 1},
		"chunked in HTTP/1.0":       {"POST /in/s HTTP/1.0\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n", 1},
		"both in HTTP/1.0":          {"POST /in/s HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}", 1},
		"both, for an unknown path": {"POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1},
		"both, to health":           {"GET /healthz HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 1},
		"two lengths":               {"POST /in/s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", 1},
		"length with a sign":        {"POST /in/s HTTP/1.1\r\nHost: h\r\nContent-Length: +2\r\n\r\n{}", 1},
		"space before the colon":    {"POST /in/s HTTP/1.1\r\nHost: h\r\nContent-Length : 2\r\n\r\n{}", 1},
		"another coding":            {"POST /in/s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\nContent-Length: 2\r\n\r\n{}", 1},
		"two codings":               {"POST /in/s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n", 1},
		"bare line feeds in chunks": {"POST /in/s HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n2\n{}\n0\n\n", 1},
		"bare return in a header":   {"POST /in/s HTTP/1.1\r\nHost: h\r\nX-A: a\rContent-Length: 9\r\nContent-Length: 2\r\n\r\n{}", 1},
	} {
		t.Run(name, func(t *testing.T) {
			if got := answers(t, h.Addr(), c.request+second); got != c.answers {
				t.Errorf("%d answers, want %d", got, c.answers)
			}
		})
	}
}

// answers sends text and counts the answers until the connection is closed, or three have come, or none comes.
func answers(t *testing.T, addr, text string) (n int) {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	if err := c.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(c)
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			if !strings.Contains(err.Error(), "EOF") && !strings.Contains(err.Error(), "reset") {
				t.Fatal(err)
			}
			return n
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		n++
	}
}
