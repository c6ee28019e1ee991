package ingest_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
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

// TestBodiesOfEverySize come back as they were sent, with and without a declared length.
func TestBodiesOfEverySize(t *testing.T) {
	r := newRig(t)
	for _, n := range []int{1, 4<<10 - 1, 4 << 10, 4<<10 + 1, 16 << 10, 16<<10 + 1, 32<<10 - 1, 32 << 10, 32<<10 + 1, 36<<10 - 1, 36 << 10, 36<<10 + 1, 64 << 10, 200_000} {
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
