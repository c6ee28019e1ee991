package ingest_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
)

// head is the beginning of a request that claims a body.
func head(source, framing string) string {
	return "POST /in/" + source + " HTTP/1.1\r\nHost: x\r\n" + framing + "\r\n\r\n"
}

func (r *rig) write(text string) net.Conn {
	r.t.Helper()
	conn := r.dial()
	if _, err := io.WriteString(conn, text); err != nil {
		r.t.Fatal(err)
	}
	return conn
}

// TestHugeBodyIsRefusedBeforeItComes: nothing is signed here, and the answer is 413 all the same.
func TestHugeBodyIsRefusedBeforeItComes(t *testing.T) {
	r := newRig(t)
	conn := r.write(head("github", "Content-Length: 10737418240"))
	resp := readAnswer(t, conn)
	if resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
		t.Errorf("answer %d, close %v", resp.StatusCode, resp.Close)
	}
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection was not closed properly: %v", err)
	}
}

// TestEndlessBodyIsReadUpToTheLimit counts what the server takes from the connection.
func TestEndlessBodyIsReadUpToTheLimit(t *testing.T) {
	r := newRig(t)
	counting := &countingListener{Listener: listen(t)}
	server := &http.Server{Handler: r.ingest}
	go func() { _ = server.Serve(counting) }()
	defer server.Close()
	conn, err := net.Dial("tcp", counting.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	_, _ = io.WriteString(conn, head("github", "Transfer-Encoding: chunked"))
	go func() {
		piece := "8000\r\n" + strings.Repeat("x", 0x8000) + "\r\n"
		for range 20_000 { // 640 MiB, if somebody reads it
			if _, err := io.WriteString(conn, piece); err != nil {
				return
			}
		}
	}()
	if resp := readAnswer(t, conn); resp.StatusCode != http.StatusRequestEntityTooLarge || !resp.Close {
		t.Errorf("answer %d, close %v", resp.StatusCode, resp.Close)
	}
	_, _ = io.Copy(io.Discard, conn)
	if n := counting.read.Load(); n > 256<<10+64<<10 {
		t.Errorf("%d bytes were read, the limit is 256 KiB", n)
	}
	if r.log.Len() != 0 || r.ingest.BytesInFlight() != 0 {
		t.Errorf("%d records, %d bytes in flight", r.log.Len(), r.ingest.BytesInFlight())
	}
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

type countingListener struct {
	net.Listener
	read atomic.Int64
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	return &countingConn{c, &l.read}, err
}

type countingConn struct {
	net.Conn
	n *atomic.Int64
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}

func TestSlowBodyIsGivenUp(t *testing.T) {
	for _, framing := range []string{"Content-Length: 1000", "Content-Length: 200000", "Transfer-Encoding: chunked"} {
		r := newRig(t, func(o *ingest.Options, _ *queue.Options) { o.BodyTimeout = 50 * time.Millisecond })
		conn := r.write(head("open", framing) + "5\r\n")
		if resp := readAnswer(t, conn); resp.StatusCode != http.StatusRequestTimeout || !resp.Close {
			t.Errorf("%s: answer %d, close %v", framing, resp.StatusCode, resp.Close)
		}
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Errorf("%s: not closed: %v", framing, err)
		}
		if r.log.Len() != 0 || r.ingest.Stats("open").Results["body_slow"] != 1 {
			t.Errorf("%s: %d records, %v", framing, r.log.Len(), r.ingest.Stats("open").Results)
		}
	}
}

// TestBodyTimeoutEndsWithTheBody: the deadline of one body must not hit what comes after it on the connection.
func TestBodyTimeoutEndsWithTheBody(t *testing.T) {
	r := newRig(t, func(o *ingest.Options, _ *queue.Options) { o.BodyTimeout = 100 * time.Millisecond })
	conn := r.dial()
	for i := range 3 {
		if _, err := fmt.Fprintf(conn, "%s%d", head("open", "Content-Length: 1"), i); err != nil {
			t.Fatal(err)
		}
		if resp := readAnswer(t, conn); resp.StatusCode != http.StatusAccepted {
			t.Fatalf("answer %d", resp.StatusCode)
		}
		time.Sleep(150 * time.Millisecond) // longer than a body may take: an idle connection stays
	}
}

// TestCutBodyIsNotAnEvent: no prefix of a body is ever taken for the whole, not even from a source without proof.
func TestCutBodyIsNotAnEvent(t *testing.T) {
	r := newRig(t)
	for _, text := range []string{
		head("open", "Content-Length: 100") + "half of it",
		head("open", "Content-Length: 100"),
		head("open", "Content-Length: 100000") + strings.Repeat("x", 40_000),
		head("open", "Transfer-Encoding: chunked") + "5\r\nhello\r\n",
		head("open", "Transfer-Encoding: chunked") + "5\r\nhel",
		head("open", "Transfer-Encoding: chunked") + "zz\r\nhello\r\n0\r\n\r\n",
	} {
		conn := r.write(text)
		_ = conn.(*net.TCPConn).CloseWrite()
		answer, _ := io.ReadAll(conn)
		if s := string(answer); !strings.HasPrefix(s, "HTTP/1.1 400 ") || !strings.Contains(s, "Connection: close") {
			t.Errorf("%.60q: answer %q", text, s)
		}
	}
	if r.log.Len() != 0 || r.ingest.BytesInFlight() != 0 {
		t.Errorf("%d records, %d bytes in flight", r.log.Len(), r.ingest.BytesInFlight())
	}
}

func TestBytesInFlightAreBounded(t *testing.T) {
	const budget = 256 << 10
	r := newRig(t, func(o *ingest.Options, _ *queue.Options) { o.BytesInFlight = budget })
	claims := make([]net.Conn, 20) // a claim alone holds little; 20 × 200,000 bytes would be 15 times the budget
	for i := range claims {
		claims[i] = r.write(head("open", "Content-Length: 200000") + "x")
	}
	full := r.ingest.Stats("open")
	eventually(t, "some are refused", func() bool {
		full = r.ingest.Stats("open")
		return full.Results["overloaded"] == 12 // the others hold one chunk of 32 KiB each
	})
	if n := r.ingest.BytesInFlight(); n > budget {
		t.Errorf("%d bytes in flight, the budget is %d", n, budget)
	}
	got := r.send("github", strings.Repeat("y", 20_000))
	if got.Status != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("answer %d %v", got.Status, got.Header)
	}
	for _, c := range claims {
		c.Close()
	}
	eventually(t, "all is given back", func() bool { return r.ingest.BytesInFlight() == 0 })
	if got := r.send("github", strings.Repeat("y", 20_000)); got.Status != 202 {
		t.Errorf("answer %d afterwards", got.Status)
	}
}

// TestBodiesOfEverySize come back as they were sent, with and without a declared length.
func TestBodiesOfEverySize(t *testing.T) {
	r := newRig(t)
	for _, n := range []int{1, 16 << 10, 16<<10 + 1, 32<<10 - 1, 32 << 10, 32<<10 + 1, 64 << 10, 200_000} {
		body := strings.Repeat("0123456789", n/10+1)[:n]
		for _, chunked := range []bool{false, true} {
			req := r.request("open", body)
			if chunked {
				req.Body = io.NopCloser(strings.NewReader(body))
				req.ContentLength = -1
			}
			id, _ := r.do(req).receipt(t)
			if got := r.body(id); got != body {
				t.Errorf("%d bytes, chunked %v: %d bytes are stored", n, chunked, len(got))
			}
		}
	}
}
