package router_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestAbortedRequestsLong: whenever and however a sender goes away in the middle of a request, nothing of it is an event.
func TestAbortedRequestsLong(t *testing.T) {
	aborts := 3_000
	if os.Getenv("HOOKROUTER_LONG") != "" {
		aborts = 100_000
	}
	h := open(t, "version: 1\nsources: { s: { verify: none } }\ndestinations: { d: http://SINK/ }\nroutes: [{ name: r, from: s, to: d }]\n")
	var acked, unread sync.Map // bodies that were sent whole: answered 202, and those whose sender did not wait
	var ackedNumber atomic.Int64
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for i := worker; i < aborts; i += 16 {
				request, body := numbered(i)
				switch i % 20 {
				case 0:
					if status, err := h.statusOf(request); status != http.StatusAccepted {
						t.Errorf("a whole request is answered %d, %v", status, err)
					}
					acked.Store(body, true)
					ackedNumber.Add(1)
				case 1:
					unread.Store(body, true)
					h.abandon(request, i)
				default:
					h.abandon(request[:rand.IntN(len(request))], i)
				}
			}
		})
	}
	wg.Wait()
	h.eventually(20*time.Second, "everything is delivered", func() bool {
		s := h.status().Queue
		return s.Pending == 0 && h.sink.Count() >= int(ackedNumber.Load())
	})
	for _, r := range h.sink.Received() {
		body := string(r.Body)
		if _, was := acked.LoadAndDelete(body); was {
			continue
		}
		if _, was := unread.LoadAndDelete(body); !was {
			t.Errorf("an event of %d bytes that nobody sent, or twice: %.60q", len(body), body)
		}
	}
	acked.Range(func(body, _ any) bool { t.Errorf("acknowledged and not delivered: %.60q", body); return true })
}

// numbered is the i-th request, in chunks or with a length, and its body, which nobody takes for a part of another.
func numbered(i int) (request []byte, body string) {
	body = fmt.Sprintf("<%d>", i) + strings.Repeat(string(rune('a'+i%26)), rand.IntN(50_000)) + "<end>"
	var b bytes.Buffer
	b.WriteString("POST /in/s HTTP/1.1\r\nHost: h\r\n")
	if i%3 > 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(body), body)
		return b.Bytes(), body
	}
	b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
	for rest := body; rest != ""; {
		n := min(len(rest), 1+rand.IntN(20_000))
		fmt.Fprintf(&b, "%x\r\n%s\r\n", n, rest[:n])
		rest = rest[n:]
	}
	b.WriteString("0\r\n\r\n")
	return b.Bytes(), body
}

// abandon sends a beginning and goes away: politely, with a reset, or with half a close and a look at the answer.
func (h *house) abandon(beginning []byte, way int) {
	conn, err := net.Dial("tcp", h.Addr())
	if err != nil {
		h.t.Error(err)
		return
	}
	defer conn.Close()
	tcp := conn.(*net.TCPConn)
	_ = tcp.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = tcp.Write(beginning)
	switch way % 4 {
	case 0:
		_ = tcp.SetLinger(0) // close sends a reset
	case 1:
		_ = tcp.CloseWrite()
		_, _ = io.Copy(io.Discard, tcp)
	}
}

// TestHabitsOfConnections: what HTTP allows on a connection beside one request and its answer.
func TestHabitsOfConnections(t *testing.T) {
	h := open(t, `version: 1
sources:
  s: { verify: none, max_body: 64KiB }
  signed: { preset: github, secret: "${SECRET}" }
`)
	const event, head = "POST /in/s HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{}", " HTTP/1.1\r\nHost: h\r\n"
	for _, c := range []struct {
		name string
		send []string // each after an answer to the one before, or after 100 Continue
		want string   // the statuses; "end" when the server ends the connection without being asked
	}{
		{"50 requests at once", []string{strings.Repeat(event, 50)}, strings.Repeat("202 ", 50) + "open"},
		{"a forged one, then another", []string{"POST /in/signed" + head + "Content-Length: 2\r\n\r\n{}" + event}, "401 202 open"},
		{"nobody's, then another", []string{"POST /in/nobody" + head + "\r\n" + event}, "404 202 open"},
		{"nobody's with a body, then another", []string{"POST /in/nobody" + head + "Content-Length: 2\r\n\r\n{}" + event}, "404 202 open"},
		{"nobody's with a long body, then another", []string{"POST /in/nobody" + head + "Content-Length: 20000\r\n\r\n" + strings.Repeat("x", 20_000) + event}, "404 end"},
		{"a wrong method, then another", []string{"PUT /in/s" + head + "\r\n" + event}, "405 202 open"},
		{"too large, then another", []string{"POST /in/s" + head + "Content-Length: 65537\r\n\r\n" + strings.Repeat("x", 65537) + event}, "413 end"},
		{"too large in chunks, then another", []string{"POST /in/s" + head + "Transfer-Encoding: chunked\r\n\r\n10001\r\n" + strings.Repeat("x", 65537) + "\r\n0\r\n\r\n" + event}, "413 end"},
		{"garbled chunks, then another", []string{"POST /in/s" + head + "Transfer-Encoding: chunked\r\n\r\nx\r\n" + event}, "400 end"},
		{"not HTTP, then another", []string{"hello\r\n\r\n" + event}, "400 end"},
		{"an expectation", []string{"POST /in/s" + head + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n", "{}", event}, "100 202 202 open"},
		{"an expectation with the body at once", []string{"POST /in/s" + head + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}" + event}, "100 202 202 open"},
		{"an expectation in chunks", []string{"POST /in/s" + head + "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", "2\r\n{}\r\n0\r\n\r\n"}, "100 202 end"},
		{"an expectation too large", []string{"POST /in/s" + head + "Expect: 100-continue\r\nContent-Length: 65537\r\n\r\n"}, "413 end"},
		{"an expectation of nobody", []string{"POST /in/nobody" + head + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"}, "404 end"},
		{"an expectation of another method", []string{"PUT /in/s" + head + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"}, "405 end"},
		{"an expectation without a body", []string{"POST /in/s" + head + "Expect: 100-continue\r\n\r\n" + event}, "202 202 open"},
		{"an end that is asked for", []string{"POST /in/s" + head + "Connection: close\r\nContent-Length: 2\r\n\r\n{}" + event}, "202 end"},
	} {
		if got := h.converse(c.send); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// converse sends one piece after the other and gives the statuses of the answers, and whether the connection is open
// then: it is when the server takes another request.
func (h *house) converse(send []string) string {
	h.t.Helper()
	conn, err := net.Dial("tcp", h.Addr())
	if err != nil {
		h.t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	r := bufio.NewReader(conn)
	var got strings.Builder
	const last = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" // nothing else here is answered 200
	for i := 0; ; i++ {
		if i < len(send) {
			go func() { _, _ = io.WriteString(conn, send[i]) }()
		}
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return got.String() + "end"
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			h.t.Fatal(err)
		}
		if resp.StatusCode == http.StatusOK {
			return got.String() + "open"
		}
		fmt.Fprintf(&got, "%d ", resp.StatusCode)
		if resp.Close {
			if _, err := r.Peek(1); err == nil {
				return got.String() + "more after the end"
			}
			return got.String() + "end"
		}
		if i == len(send)-1 {
			_, _ = io.WriteString(conn, last)
		}
	}
}
