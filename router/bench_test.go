package router_test

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/verify"
)

// BenchmarkAccept is one event from the socket to its ack. Its allocations are the server's: the client makes none.
func BenchmarkAccept(b *testing.B) { benchmarkLine(b, `event == "ping"`, false) }

// BenchmarkDeliver is the same with a look into the body and the delivery, its outcome stored.
func BenchmarkDeliver(b *testing.B) {
	benchmarkLine(b, `event == "push" and body.ref == "refs/heads/main"`, true)
}

func benchmarkLine(b *testing.B, when string, delivered bool) {
	h := prepare(b)
	to := newPlainSink(b)
	h.to = to.addr
	h.write(h.rules(fmt.Sprintf(`
version: 1
sources:
  in: { preset: github, secret: "${SECRET}" }
destinations:
  to: { url: "http://SINK/to", limit: { concurrency: 64 } }
routes:
  - { name: match, from: in, when: '%s', to: to }
`, when)))
	h.run()
	const conns = 64
	var clients [conns]*plainClient
	for i := range clients {
		clients[i] = newPlainClient(b, h.Addr())
		clients[i].do(b, i+1<<40) // connections are made
	}
	sent := int64(conns)
	for began := time.Now(); delivered && time.Since(began) < 8*time.Second; sent++ { // the lane begins gently
		clients[0].do(b, 1<<41+int(sent))
	}
	var n atomic.Int64
	var all sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for _, c := range clients {
		all.Go(func() {
			for i := n.Add(1); i <= int64(b.N) && !b.Failed(); i = n.Add(1) {
				c.do(b, int(i))
			}
		})
	}
	all.Wait()
	for delivered && to.count.Load() < int64(b.N)+sent && !b.Failed() {
		time.Sleep(time.Millisecond)
	}
}

// plainClient sends signed pushes on one connection and allocates nothing.
type plainClient struct {
	conn  net.Conn
	in    *bufio.Reader
	out   []byte
	body  []byte // in out
	after []byte // digits in body
	mac   func(sum, body []byte) []byte
	sign  []byte // in out
	sum   [sha256.Size]byte
}

func newPlainClient(b *testing.B, addr string) *plainClient {
	r, err := verify.Sample("github", "push")
	if err != nil {
		b.Fatal(err)
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	m := hmac.New(sha256.New, []byte(testSecret))
	c := &plainClient{conn: conn, in: bufio.NewReader(conn), mac: func(sum, body []byte) []byte {
		m.Reset()
		_, _ = m.Write(body)
		return m.Sum(sum)
	}}
	c.out = fmt.Appendf(nil, "POST /in/in HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n"+
		"User-Agent: GitHub-Hookshot/bench\r\nX-GitHub-Event: push\r\nX-GitHub-Delivery: 1\r\n"+
		"Content-Length: %d\r\nX-Hub-Signature-256: sha256=%064d\r\n\r\n%s", len(r.Body), 0, r.Body)
	head := len(c.out) - len(r.Body)
	c.body, c.sign = c.out[head:], c.out[head-4-64:head-4]
	at := bytes.Index(c.body, []byte(`"after":`))
	at += len(`"after":`) + bytes.IndexByte(c.body[at+len(`"after":`):], '"') + 1
	c.after = c.body[at : at+20]
	return c
}

// do sends an event and reads the answer.
func (c *plainClient) do(b *testing.B, n int) {
	for i := len(c.after) - 1; i >= 0; i-- {
		c.after[i] = byte('0' + n%10)
		n /= 10
	}
	hex.Encode(c.sign, c.mac(c.sum[:0], c.body))
	if _, err := c.conn.Write(c.out); err != nil {
		b.Error(err)
		return
	}
	first, length := true, 0
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil || first && !bytes.Contains(line, []byte(" 202 ")) {
			b.Errorf("answer %q, %v", line, err)
			return
		}
		first = false
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(v)))
		}
		if len(bytes.TrimSpace(line)) == 0 {
			_, _ = c.in.Discard(length)
			return
		}
	}
}

// plainSink answers 202 to whatever comes and allocates nothing.
type plainSink struct {
	addr  string
	count atomic.Int64
}

func newPlainSink(b *testing.B) *plainSink {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = ln.Close() })
	s := &plainSink{addr: ln.Addr().String()}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *plainSink) serve(conn net.Conn) {
	defer conn.Close()
	in, length := bufio.NewReaderSize(conn, 16<<10), 0
	answer := []byte("HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return
		}
		if v, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
			length, _ = strconv.Atoi(string(bytes.TrimSpace(v)))
		}
		if len(bytes.TrimSpace(line)) > 0 {
			continue
		}
		if _, err := in.Discard(length); err != nil && err != io.EOF {
			return
		}
		s.count.Add(1)
		if _, err := conn.Write(answer); err != nil {
			return
		}
	}
}
