package router_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/router"
)

func crowded(t *testing.T, most int) (*house, *router.Router) {
	t.Helper()
	h := prepare(t)
	h.write(h.rules(openRules))
	o := h.options()
	o.MaxConnections = most
	r, _ := h.start(o)
	h.api = client.New("http://"+r.AdminAddr(), "")
	return h, r
}

// gauge reads a metric by its name and labels, as they are written.
func gauge(t *testing.T, r *router.Router, name string) int {
	t.Helper()
	_, text := ask(t, "http://"+r.AdminAddr()+"/metrics")
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no metric %s", name)
	}
	n, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

// caller is a connection on which a test speaks by itself.
type caller struct {
	net.Conn
	in *bufio.Reader
}

func call(t *testing.T, r *router.Router) *caller {
	t.Helper()
	conn, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &caller{conn, bufio.NewReader(conn)}
}

// post sends an event and gives the status of the answer; the connection stays.
func (c *caller) post(body string) (int, error) {
	if _, err := fmt.Fprintf(c, "POST /in/open HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(body), body); err != nil {
		return 0, err
	}
	return c.answer()
}

func (c *caller) answer() (int, error) {
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

// gone waits for the end of the connection, without an answer before it.
func (c *caller) gone() bool {
	_, err := c.in.ReadByte()
	ne, ok := err.(net.Error) //nolint:errorlint // as net gives it
	return err != nil && (!ok || !ne.Timeout())
}

// TestIdleConnectionsMakeRoom: when all connections are taken, those that have been idle the longest go, whether they
// have sent something before or nothing yet, or keep on sending headers; who sends is served.
func TestIdleConnectionsMakeRoom(t *testing.T) {
	const most = 20
	h, r := crowded(t, most)
	post := func(c *caller, body string) {
		t.Helper()
		if status, err := c.post(body); err != nil || status != 202 {
			t.Fatalf("%s: %d, %v", body, status, err)
		}
	}
	var old []*caller
	for i := range most {
		old = append(old, call(t, r))
		post(old[i], fmt.Sprint("old ", i))
	}
	post(old[0], "the first is not the one that has been idle the longest")
	var silent []*caller
	for i := range most / 2 {
		c := call(t, r)
		silent = append(silent, c)
		if i%2 == 0 {
			if _, err := io.WriteString(c, "POST /in/open HTTP/1.1\r\nHost"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, c := range old[1 : most/2+1] {
		if !c.gone() {
			t.Fatalf("connection %d stays", i+1)
		}
	}
	for i, c := range append(old[:1:1], old[most/2+1:]...) {
		post(c, fmt.Sprint("again ", i))
	}
	for i := range 3 * most {
		post(call(t, r), fmt.Sprint("new ", i))
	}
	for i, c := range silent {
		if !c.gone() {
			t.Fatalf("silent connection %d stays", i)
		}
	}
	if n := gauge(t, r, "hookrouter_connections"); n > most {
		t.Errorf("%d connections", n)
	}
	if n := gauge(t, r, `hookrouter_connections_closed_total{which="idle"}`); n < most/2+3*most-1 {
		t.Errorf("%d idle ones closed", n)
	}
	h.eventually(10*time.Second, "all are delivered", func() bool { return h.sink.Count() >= most+1+most/2+3*most })
}

// TestBusyConnectionsStay: with nothing but requests under way, one more connection ends at once, and they do not.
func TestBusyConnectionsStay(t *testing.T) {
	const most = 10
	_, r := crowded(t, most)
	var busy []*caller
	for range most {
		c := call(t, r)
		busy = append(busy, c)
		if _, err := io.WriteString(c, "POST /in/open HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel"); err != nil {
			t.Fatal(err)
		}
	}
	for end := time.Now().Add(10 * time.Second); gauge(t, r, "hookrouter_bytes_in_flight") < 5*most; {
		if time.Now().After(end) {
			t.Fatal("the requests do not begin")
		}
	}
	for range 5 {
		c := call(t, r)
		_ = c.SetDeadline(time.Now().Add(3 * time.Second)) // long before the deadline of headers
		if !c.gone() {
			t.Fatal("one more stays")
		}
	}
	for i, c := range busy {
		if _, err := io.WriteString(c, "lo"); err != nil {
			t.Fatal(err)
		}
		if status, err := c.answer(); err != nil || status != 202 {
			t.Errorf("request %d: %d, %v", i, status, err)
		}
	}
	if n := gauge(t, r, `hookrouter_connections_closed_total{which="new"}`); n != 5 {
		t.Errorf("%d new ones closed", n)
	}
	if status, err := call(t, r).post("afterwards"); err != nil || status != 202 {
		t.Errorf("afterwards: %d, %v", status, err)
	}
}

// TestConnectionsAreForgotten: what has ended is not counted, whatever ended it.
func TestConnectionsAreForgotten(t *testing.T) {
	h, r := crowded(t, 0)
	for i := range 30 {
		c := call(t, r)
		text := [...]string{"", "POST ", "nonsense\r\n\r\n", "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"}[i%4]
		if _, err := io.WriteString(c, text); err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(text, "\r\n\r\n") {
			_, _ = io.Copy(io.Discard, c)
		}
		_ = c.Close()
	}
	h.eventually(5*time.Second, "none is left", func() bool { return gauge(t, r, "hookrouter_connections") == 0 })
}
