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

// load is how much a stop catches.
type load struct{ requests, uploads, attempts int }

// TestStopWithUploads: a stop with requests in flight, many of them uploads that go on after it, and attempts that run.
// Every request that was sent whole is answered, what was acknowledged is delivered, and the exit code is 0.
func TestStopWithUploads(t *testing.T) {
	n := load{requests: 200, uploads: 100, attempts: 50}
	if rig.Long() {
		n = load{requests: 1000, uploads: 200, attempts: 500}
	}
	dest := sink.New(sink.Options{Keep: 1 << 12})
	s := rig.NewServer(t, rig.Binary(t), strings.ReplaceAll(`version: 1
sources: { in: { verify: none } }
destinations: { there: { url: "http://SINK/", limit: { concurrency: 1000 } } }
routes: [ { name: on, from: in, to: there } ]
`, "SINK", rig.Listen(t, dest)))
	s.Start("--drain-delay", "300ms")
	s.WaitReady(10 * time.Second)
	early := func(delay time.Duration) {
		dest.Set("", sink.Behavior{Delay: delay})
		before := dest.Count()
		for i := range n.attempts {
			if status := postText(t, s.Listen, fmt.Sprintf("early%03d", i)); status != http.StatusAccepted {
				t.Fatalf("answered %d", status)
			}
		}
		rig.Eventually(t, 20*time.Second, "attempts run", func() bool { return dest.Count() >= before+n.attempts })
	}
	early(0) // the lane begins with one attempt at a time
	early(2 * time.Second)
	var all []caught
	for i := range n.requests {
		all = append(all, begin(t, s.Listen, i, i%(n.requests/n.uploads) == 1))
	}
	began := time.Now()
	s.Signal(syscall.SIGTERM)
	answered := endAll(t, all)
	if code := s.Wait(); code != 0 || time.Since(began) > 25*time.Second {
		t.Errorf("exit code %d after %v", code, time.Since(began))
	}
	dest.Set("", sink.Behavior{})
	s.Start()
	s.WaitReady(10 * time.Second)
	rig.Eventually(t, 20*time.Second, "what was acknowledged is delivered", func() bool { return len(bodies(dest)) >= n.attempts+answered })
	if cut := len(all) - answered; cut > 0 {
		t.Errorf("%d requests were not answered", cut)
	}
}

// TestSecondSignal: who cannot wait for an attempt that hangs ends the process at once, and loses nothing.
func TestSecondSignal(t *testing.T) {
	t.Parallel()
	dest := sink.New(sink.Options{})
	dest.Set("", sink.Behavior{Delay: 20 * time.Second})
	s := rig.NewServer(t, rig.Binary(t), strings.ReplaceAll(openRules, "SINK", rig.Listen(t, dest)))
	s.Start()
	s.WaitReady(10 * time.Second)
	postText(t, s.Listen, "hangs")
	rig.Eventually(t, 10*time.Second, "an attempt runs", func() bool { return dest.Count() == 1 })
	dest.Set("", sink.Behavior{})
	s.Signal(syscall.SIGTERM)
	rig.Eventually(t, 10*time.Second, "draining", func() bool { return s.API().Ready(t.Context()) != nil })
	again := time.Now()
	s.Signal(syscall.SIGTERM)
	if code := s.Wait(); code != -1 || time.Since(again) > time.Second {
		t.Errorf("exit code %d after %v, want the signal's end", code, time.Since(again))
	}
	s.Start()
	s.WaitReady(10 * time.Second)
	rig.Settle(t, s.API(), 10*time.Second)
	if dest.Count() != 2 {
		t.Errorf("%d attempts arrived, want the one that hung and another", dest.Count())
	}
}

// endAll finishes the uploads, some while the listener is open, some after, and counts those that were answered 202.
func endAll(t *testing.T, all []caught) int {
	var answered atomic.Int64
	var wg sync.WaitGroup
	for i, c := range all {
		wg.Go(func() {
			if c.rest != "" {
				time.Sleep(3 * time.Second / time.Duration(len(all)) * time.Duration(i))
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

// begin sends a request: whole, or of an upload only a part, which is sometimes one of the headers.
func begin(t *testing.T, addr string, i int, upload bool) caught {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(30 * time.Second))
	body := fmt.Sprintf("%08d%s", i, strings.Repeat("x", 20<<10))
	text := fmt.Sprintf("POST /in/in HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	first := len(text)
	if upload {
		first = i % (20 << 10)
	}
	c := caught{conn: conn, body: body, rest: text[first:]}
	if _, err = io.WriteString(conn, text[:first]); err != nil {
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
