package router_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestSlowHeadersLong: connections that send their headers a byte at a time, or nothing at all, end on the deadline,
// while others are served.
func TestSlowHeadersLong(t *testing.T) {
	conns := 300
	if os.Getenv("HOOKROUTER_LONG") != "" {
		conns = 8_000 // of the 20,000 descriptors that a test usually has, both ends counted
	}
	h := prepare(t)
	h.write(h.rules(openRules))
	r, _ := h.start(h.options())
	var closed atomic.Int64
	var wg sync.WaitGroup
	for i := range conns {
		conn, err := net.Dial("tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			defer conn.Close()
			if i%2 == 0 {
				go drip(conn)
			}
			_ = conn.SetReadDeadline(time.Now().Add(8 * time.Second)) // a deadline of 5 s, and what a busy machine takes
			_, err := io.Copy(io.Discard, conn)
			if ne, ok := err.(net.Error); !ok || !ne.Timeout() { //nolint:errorlint // as net gives it
				closed.Add(1)
			}
		})
	}
	served := 0
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); served++ {
		resp, err := http.Post("http://"+r.Addr()+"/in/open", "text/plain", strings.NewReader(fmt.Sprint(served)))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusAccepted {
			t.Fatalf("%s while others are slow", resp.Status)
		}
	}
	wg.Wait()
	if n := closed.Load(); n != int64(conns) {
		t.Errorf("%d of %d slow connections were closed", n, conns)
	}
}

// drip writes the headers of a request, a byte every 200 ms.
func drip(conn net.Conn) {
	for _, b := range []byte("POST /in/open HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 1000)) {
		if _, err := conn.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func TestHeadersAreBounded(t *testing.T) {
	h := prepare(t)
	h.write(h.rules(openRules))
	r, _ := h.start(h.options())
	for name, c := range map[string]struct {
		header string
		status int
	}{
		"32 KiB":       {"X-Long: " + strings.Repeat("x", 32<<10) + "\r\n", 202},
		"80 KiB":       {"X-Long: " + strings.Repeat("x", 80<<10) + "\r\n", 431},
		"10,000 names": {strings.Repeat("X-Many: 1\r\n", 10_000), 431},
		"a long path":  {"", 431},
	} {
		conn, err := net.Dial("tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		path := "/in/open"
		if c.header == "" {
			path += "?" + strings.Repeat("q", 80<<10)
		}
		// The server may answer and close before it has read everything: then writing fails, the answer is there.
		go func() {
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\n%sContent-Length: 2\r\n\r\n{}", path, c.header)
		}()
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != c.status {
			t.Errorf("%s: %s", name, resp.Status)
		}
		_ = conn.Close()
	}
}
