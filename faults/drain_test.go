package faults_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// caught is what a stop caught of one request.
type caught struct {
	conn net.Conn
	body string
	rest string // what was not sent before the stop
}

// TestStopWithUploads: a stop with 200 requests in flight, half of them uploads that go on after it, and attempts that
// run. Every request that was sent whole is answered, what was acknowledged is delivered, and the exit code is 0.
func TestStopWithUploads(t *testing.T) {
	dest := sink.New(sink.Options{Keep: 1 << 12})
	dest.Set("", sink.Behavior{Delay: 300 * time.Millisecond})
	s := rig.NewServer(t, rig.Binary(t), strings.ReplaceAll(`version: 1
sources: { in: { verify: none } }
destinations: { there: "http://SINK/" }
routes: [ { name: on, from: in, to: there } ]
`, "SINK", rig.Listen(t, dest)))
	s.Start("--drain-delay", "300ms")
	s.WaitReady(10 * time.Second)
	var all []caught
	for i := range 200 {
		all = append(all, begin(t, s.Listen, i))
	}
	began := time.Now()
	if err := s.Process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	answered := endAll(t, all)
	_ = s.Process.Wait()
	if code := s.Process.ProcessState.ExitCode(); code != 0 || time.Since(began) > 25*time.Second {
		t.Errorf("exit code %d after %v", code, time.Since(began))
	}
	s.Process = nil
	s.Start()
	s.WaitReady(10 * time.Second)
	rig.Eventually(t, 20*time.Second, "what was acknowledged is delivered", func() bool { return len(bodies(dest)) >= answered })
	if cut := len(all) - answered; cut > 0 {
		t.Errorf("%d requests were not answered", cut)
	}
}

// endAll finishes the uploads, some while the listener is open, some after, and counts those that were answered 202.
func endAll(t *testing.T, all []caught) int {
	var answered atomic.Int64
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() {
			if c.rest != "" {
				time.Sleep(time.Duration(i) * 10 * time.Millisecond)
			}
			if err := end(c); err != nil {
				t.Logf("request %d: %v", i, err)
				return
			}
			answered.Add(1)
		})
	}
	wg.Wait()
	return int(answered.Load())
}

// begin sends a request: every second one whole, of the others only a part of the body.
func begin(t *testing.T, addr string, i int) caught {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	c := caught{conn: conn, body: fmt.Sprintf("%08d%s", i, strings.Repeat("x", 20<<10))}
	first := len(c.body)
	if i%2 == 1 {
		first = i % (20 << 10)
	}
	c.rest = c.body[first:]
	_, err = fmt.Fprintf(conn, "POST /in/in HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(c.body), c.body[:first])
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// end sends the rest and reads the answer.
func end(c caught) error {
	if _, err := io.WriteString(c.conn, c.rest); err != nil {
		return err
	}
	resp, err := http.ReadResponse(bufio.NewReader(c.conn), nil)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err != nil || resp.StatusCode != http.StatusAccepted {
		return fmt.Errorf("%s %s: %w", resp.Status, body, err)
	}
	return nil
}

// bodies are the beginnings of what a sink got, each once.
func bodies(s *sink.Sink) map[string]bool {
	seen := map[string]bool{}
	for _, r := range s.Received() {
		seen[string(r.Body[:8])] = true
	}
	return seen
}
