package router_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// slowness is a way to keep a connection without ever finishing a request.
type slowness struct {
	name  string
	conns int
	first string        // sent at once
	drip  string        // then a byte of it every second, again and again
	ends  time.Duration // when the server has ended the connection at the latest, with what a busy machine takes
}

// TestSlowSendersLong: whatever is sent slowly, or not at all, ends on its deadline, while others are served.
func TestSlowSendersLong(t *testing.T) {
	t.Parallel()
	many, some := 250, 50
	if os.Getenv("HOOKROUTER_LONG") != "" {
		many, some = 3_000, 300 // both ends of a connection count, and a test usually has 20,000 descriptors
	}
	const head, whole = "POST /in/open HTTP/1.1\r\nHost: x\r\n", "Content-Length: 1\r\n\r\n1"
	h := open(t, openRules)
	var wg sync.WaitGroup
	for _, s := range []slowness{
		{"nothing", many, "", "", 8 * time.Second},
		{"headers", many, "", head + "X-Long: " + strings.Repeat("x", 1000), 8 * time.Second},
		{"headers of a second request", some, head + whole + "POST", "X-Long: ", 8 * time.Second},
		{"body", some, head + "Content-Length: 1048576\r\n\r\n", "x", 20 * time.Second},
		{"chunks", some, head + "Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n", 20 * time.Second},
		{"a chunk", some, head + "Transfer-Encoding: chunked\r\n\r\nfffff\r\n", "x", 20 * time.Second},
		{"trailers", some, head + "Transfer-Encoding: chunked\r\n\r\n0\r\nX-A: ", "x", 20 * time.Second},
		{"10 GB", some, head + "Content-Length: 10737418240\r\n\r\n", "x", 8 * time.Second},
		{"body to nobody", some, "POST /nobody HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", "x", 8 * time.Second},
		{"body to health", some, "POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", "x", 20 * time.Second},
		{"body to the server", some, "OPTIONS * HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n", "x", 20 * time.Second},
	} {
		for range s.conns {
			conn, err := net.Dial("tcp", h.Addr())
			if err != nil {
				t.Fatal(err)
			}
			wg.Go(func() {
				defer conn.Close()
				if err := s.on(conn); err != nil {
					t.Errorf("%s: not over after %v: %v", s.name, s.ends, err)
				}
			})
		}
	}
	served := 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); served++ {
		resp, err := http.Post("http://"+h.Addr()+"/in/open", "text/plain", strings.NewReader(fmt.Sprint(served)))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			t.Fatalf("%s while others are slow", resp.Status)
		}
	}
	wg.Wait()
}

// on sends slowly until the server ends the connection, and fails when it does not.
func (s slowness) on(conn net.Conn) error {
	over := make(chan struct{})
	defer close(over)
	go func() {
		_, _ = io.WriteString(conn, s.first)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for i := 0; s.drip != ""; i++ {
			select {
			case <-over:
				return
			case <-tick.C:
				_, _ = io.WriteString(conn, s.drip[i%len(s.drip):][:1])
			}
		}
	}()
	_ = conn.SetReadDeadline(time.Now().Add(s.ends))
	_, err := io.Copy(io.Discard, conn)
	if slow := net.Error(nil); errors.As(err, &slow) && slow.Timeout() {
		return err
	}
	return nil // closed, or reset because there was more to read
}
