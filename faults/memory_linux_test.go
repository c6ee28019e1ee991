package faults_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
)

const memoryRules = `version: 1
sources:
  open: { verify: none, type: header("x-type"), dedupe: none }
  signed: { preset: github, secret: a-secret-that-no-flood-knows }
`

// measured is a server that has seen a few events.
type measured struct {
	*rig.Server
	t *testing.T
}

func newMeasured(t *testing.T) *measured {
	t.Helper()
	s := &measured{rig.NewServer(t, rig.Binary(t), memoryRules), t}
	s.Start()
	s.WaitReady(10 * time.Second)
	for i := range 200 {
		s.accepted(i)
	}
	return s
}

// accepted sends an event that must be accepted, whatever else happens.
func (s *measured) accepted(n int) {
	s.t.Helper()
	resp, err := http.Post("http://"+s.Listen+"/in/open", "text/plain", strings.NewReader(strconv.Itoa(n)))
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusAccepted {
		s.t.Fatalf("an event is answered %s: %v", resp.Status, err)
	}
}

// metrics gives the text and how many series there are.
func (s *measured) metrics() (text string, series int) {
	s.t.Helper()
	resp, err := http.Get("http://" + s.Admin + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data), len(regexp.MustCompile(`(?m)^[^#\n]`).FindAll(data, -1))
}

func (s *measured) dial() net.Conn {
	s.t.Helper()
	conn, err := net.Dial("tcp", s.Listen)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestMemoryOfSlowBodiesLong: connections that claim 1 MiB and send a byte take no more than 64 KiB of the process each.
func TestMemoryOfSlowBodiesLong(t *testing.T) {
	conns := 500
	if rig.Long() {
		conns = 2_000
	}
	s := newMeasured(t)
	before := s.Resident()
	for range conns {
		if _, err := io.WriteString(s.dial(), "POST /in/signed HTTP/1.1\r\nHost: x\r\nContent-Length: 1048576\r\n\r\nx"); err != nil {
			t.Fatal(err)
		}
	}
	held := fmt.Sprintf("\nhookrouter_bytes_in_flight %v\n", float64(conns*4<<10))
	rig.Eventually(t, 10*time.Second, "all bodies are awaited, 4 KiB held for each", func() bool {
		text, _ := s.metrics()
		return strings.Contains(text, held)
	})
	each := (s.Resident() - before) / int64(conns)
	t.Logf("%d KiB for each of %d connections", each>>10, conns)
	if each > 64<<10 {
		t.Errorf("%d bytes for each connection", each)
	}
	s.accepted(conns)
}

// TestMemoryOfHugeBodies: 50 senders at once, again and again, of which each has 10 GB and no signature, take no more than
// 2 MiB each at any time.
func TestMemoryOfHugeBodies(t *testing.T) {
	const senders = 50
	s := newMeasured(t)
	before, most := s.Resident(), int64(0)
	end := time.Now().Add(2 * time.Second)
	var refused atomic.Int64
	var all sync.WaitGroup
	for i := range senders {
		all.Go(func() {
			for time.Now().Before(end) {
				refused.Add(pour(s.Listen, i%2 == 0))
			}
		})
	}
	for n := 0; time.Now().Before(end); n++ {
		most = max(most, s.Resident()-before)
		s.accepted(n)
	}
	all.Wait()
	t.Logf("%d refused, %d MiB more at most", refused.Load(), most>>20)
	if most > senders*2<<20 || refused.Load() < senders {
		t.Errorf("%d MiB more, %d were refused", most>>20, refused.Load())
	}
}

// pour sends a body of 10 GB until it is refused with 413, and gives 1 when it is.
func pour(addr string, chunked bool) int64 {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return 0
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	framing, piece := "Content-Length: 10737418240", strings.Repeat("x", 0x4000)
	if chunked {
		framing, piece = "Transfer-Encoding: chunked", "4000\r\n"+piece+"\r\n"
	}
	go func() {
		_, _ = io.WriteString(conn, "POST /in/signed HTTP/1.1\r\nHost: x\r\n"+framing+"\r\n\r\n")
		for sent := 0; sent < 10<<30; sent += 0x4000 {
			if _, err := io.WriteString(conn, piece); err != nil {
				return
			}
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || resp.StatusCode != http.StatusRequestEntityTooLarge {
		return 0
	}
	return 1
}

// TestForgeryFloodLong: forged requests as fast as they go leave nothing on the disk and few lines in the log, and keep no
// genuine one from its ack.
func TestForgeryFloodLong(t *testing.T) {
	lasts := 3 * time.Second
	if rig.Long() {
		lasts = time.Minute
	}
	s := newMeasured(t)
	forged := "POST /in/signed HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=" + strings.Repeat("0", 64) +
		"\r\nContent-Length: 2000\r\n\r\n" + strings.Repeat("forged-body ", 200)[:2000]
	before := s.state()
	var sent atomic.Int64
	var all sync.WaitGroup
	end := time.Now().Add(lasts)
	for range 8 {
		all.Go(func() {
			conn := newTalk(t, s.Listen)
			for time.Now().Before(end) && conn.ask(forged) == http.StatusUnauthorized {
				sent.Add(1)
			}
		})
	}
	genuine := int64(0)
	for ; time.Now().Before(end); genuine++ {
		s.accepted(int(genuine))
	}
	all.Wait()
	after := s.state()
	t.Logf("%d forged and %d genuine requests in %v; %d bytes of log, %d lines; %d bytes were stored",
		sent.Load(), genuine, lasts, after.log-before.log, after.lines-before.lines, after.stored-before.stored)
	if sent.Load() < 1000 {
		t.Errorf("%d forged requests are no flood", sent.Load())
	}
	if lines := after.lines - before.lines; lines == 0 || lines > 100*int(lasts/time.Second) {
		t.Errorf("%d lines of log", lines)
	}
	if strings.Contains(after.text, "forged-body") {
		t.Error("the log holds the body of a forged request")
	}
	if grown := after.stored - before.stored; grown > genuine*1000+64<<10 {
		t.Errorf("%d bytes were stored for %d events", grown, genuine)
	}
}

// state is what a flood could leave behind.
type state struct {
	text       string // the log
	lines, log int
	stored     int64 // where the log on the disk ends, in bytes
}

func (s *measured) state() (now state) {
	s.t.Helper()
	status, err := s.API().Status(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	log, err := os.ReadFile(s.Dir + "/server.log")
	if err != nil {
		s.t.Fatal(err)
	}
	return state{string(log), strings.Count(string(log), "\n"), len(log), int64(status.Queue.Position)}
}

// talk is a connection on which a test sends one request after the other.
type talk struct {
	t    *testing.T
	addr string
	conn net.Conn
	in   *bufio.Reader
}

func newTalk(t *testing.T, addr string) *talk { return &talk{t: t, addr: addr} }

// ask sends a request and gives the status of the answer; it connects when there is no connection.
func (c *talk) ask(request string) int {
	if c.conn == nil {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			c.t.Error(err)
			return 0
		}
		c.t.Cleanup(func() { _ = conn.Close() })
		c.conn, c.in = conn, bufio.NewReader(conn)
	}
	if _, err := io.WriteString(c.conn, request); err != nil {
		c.t.Error(err)
		return 0
	}
	resp, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Error(err)
		return 0
	}
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		c.t.Error(err)
	}
	if resp.Close {
		_ = c.conn.Close()
		c.conn = nil
	}
	return resp.StatusCode
}

// TestCardinalityLong: names that only the requests choose make no series and stay in no memory.
func TestCardinalityLong(t *testing.T) {
	requests := 20_000
	if rig.Long() {
		requests = 1_000_000
	}
	s := newMeasured(t)
	s.crowd(requests, func(int) int { return 0 })
	before := s.Resident()
	_, series := s.metrics()
	s.crowd(requests, func(i int) int { return i })
	after := s.Resident()
	_, then := s.metrics()
	t.Logf("%d KiB more after %d requests with names of their own; %d series", (after-before)>>10, requests, then)
	if then != series {
		t.Errorf("%d series, before %d", then, series)
	}
	if after-before > 8<<20 {
		t.Errorf("%d bytes more", after-before)
	}
}

// crowd sends requests to sources and to nobody; name says which name the i-th has for path, host, method, type and agent.
func (s *measured) crowd(requests int, name func(i int) int) {
	const workers = 8
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			conn := newTalk(s.t, s.Listen)
			for i := worker; i < requests; i += workers {
				n := name(i)
				path, method := fmt.Sprintf("/in/nobody-%d", n), "POST"
				switch i / workers % 8 {
				case 0:
					path = "/in/open"
				case 1:
					path, method = "/in/open", fmt.Sprintf("M%d", n)
				case 2:
					path = fmt.Sprintf("/in/signed?q%d=%[1]d", n)
				}
				status := conn.ask(fmt.Sprintf("%s %s HTTP/1.1\r\nHost: h%d\r\nUser-Agent: a%[3]d\r\nContent-Type: t/%[3]d\r\nX-Type: t%[3]d\r\nX-N%[3]d: 1\r\n\r\n", method, path, n))
				if status == 0 {
					return
				}
			}
		})
	}
	all.Wait()
}
