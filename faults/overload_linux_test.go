package faults_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
)

const overloadRules = `
version: 1
sources: { in: { verify: { kind: token, token: { header: X-Pass } }, secret: ` + rig.Secret + `, dedupe: none } }
`

// slowDisk takes half a second for each sync, so that more requests wait than are answered at one time.
var slowDisk = rig.Bug{
	File: "router/queue/journal/commit.go",
	Old:  "\tbegan := time.Now()\n\tif err := datasync(l.out.file)",
	New:  "\tbegan := time.Now()\n\ttime.Sleep(500 * time.Millisecond)\n\tif err := datasync(l.out.file)",
}

// TestOverload: many more senders than can be served, who come again at once. What is acknowledged is stored; who is
// refused is told so, and when to come again; memory is bounded; and when it is over everything is as before.
func TestOverload(t *testing.T) {
	t.Run("the disk is slow", func(t *testing.T) {
		s := overloaded(t, rig.Binary(t, slowDisk))
		f := flood(t, s, 2900, 5*time.Second, 50*time.Millisecond)
		f.check(t, s)
		if f.refused.Load() == 0 {
			t.Error("nobody was refused: that was no overload")
		}
	})
	if !rig.Long() {
		return
	}
	t.Run("the processor is slow", func(t *testing.T) {
		s := overloaded(t, rig.Binary(t))
		usual := flood(t, s, 64, 10*time.Second, 0)
		usual.check(t, s)
		f := flood(t, s, 9000, 30*time.Second, 0)
		f.check(t, s)
		t.Logf("goodput: %.2f of the usual for each second, %.2f for each second of CPU that the server got",
			float64(f.accepted.Load())/30/(float64(usual.accepted.Load())/10),
			float64(f.accepted.Load())/float64(f.cpu)/(float64(usual.accepted.Load())/float64(usual.cpu)))
	})
}

func overloaded(t *testing.T, bin string) *rig.Server {
	t.Helper()
	s := rig.NewServer(t, bin, overloadRules)
	s.Start()
	s.WaitReady(10 * time.Second)
	return s
}

// flooded is what became of the requests of a flood.
type flooded struct {
	number    atomic.Int64 // of the requests
	accepted  atomic.Int64
	refused   atomic.Int64  // with 503 and Retry-After
	cut       atomic.Int64  // ended without an answer
	most      int           // anonymous memory of the server, in bytes
	cpu       time.Duration // that the server used meanwhile
	mu        sync.Mutex
	wrong     map[string]int // answers that should not be
	refusedIn []time.Duration
}

// flood keeps so many connections busy for so long; who is refused comes again after a pause.
func flood(t *testing.T, s *rig.Server, senders int, length, pause time.Duration) *flooded {
	t.Helper()
	f := &flooded{wrong: map[string]int{}}
	ctx, cancel := context.WithTimeout(t.Context(), length)
	defer cancel()
	before := cpuTime(t, s.Pid())
	var all sync.WaitGroup
	for range senders {
		all.Go(func() {
			for ctx.Err() == nil {
				f.connection(ctx, s.Listen, pause)
			}
		})
	}
	all.Go(func() {
		for rig.Wait(ctx, 50*time.Millisecond) {
			f.most = max(f.most, anonymous(t, s.Pid()))
		}
	})
	all.Wait()
	f.cpu = cpuTime(t, s.Pid()) - before
	slices.Sort(f.refusedIn)
	if n := len(f.refusedIn); n > 0 {
		t.Logf("refused within %v (half of them), %v (all but one in a hundred)", f.refusedIn[n/2], f.refusedIn[n*99/100])
	}
	t.Logf("%d senders for %v: %d accepted, %d refused, %d cut off; %d MiB of memory, %v of CPU",
		senders, length, f.accepted.Load(), f.refused.Load(), f.cut.Load(), f.most>>20, f.cpu.Round(time.Millisecond))
	return f
}

// connection sends one request after the other until it is closed.
func (f *flooded) connection(ctx context.Context, addr string, pause time.Duration) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		rig.Wait(ctx, 10*time.Millisecond)
		return
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	for ctx.Err() == nil {
		body := fmt.Sprintf("%01000d", f.number.Add(1))
		began := time.Now()
		_, err := fmt.Fprintf(conn, "POST /in/in HTTP/1.1\r\nHost: x\r\nX-Pass: %s\r\nContent-Length: %d\r\n\r\n%s", rig.Secret, len(body), body)
		if err != nil || !f.answer(in, began) {
			f.cut.Add(1)
			return
		}
		rig.Wait(ctx, pause)
	}
}

// answer reads and counts one; false when the connection ended before it.
func (f *flooded) answer(in *bufio.Reader, began time.Time) bool {
	resp, err := http.ReadResponse(in, nil)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil {
		return false
	}
	switch {
	case resp.StatusCode == http.StatusAccepted:
		f.accepted.Add(1)
	case resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") != "":
		f.refused.Add(1)
		f.mu.Lock()
		f.refusedIn = append(f.refusedIn, time.Since(began))
		f.mu.Unlock()
	default:
		f.mu.Lock()
		f.wrong[fmt.Sprintf("%s, Retry-After %q", resp.Status, resp.Header.Get("Retry-After"))]++
		f.mu.Unlock()
	}
	return true
}

// check looks at what a flood left.
func (f *flooded) check(t *testing.T, s *rig.Server) {
	t.Helper()
	for i := range 3 {
		if status := postPass(t, s.Listen, fmt.Sprint("afterwards ", i, f.number.Load())); status != http.StatusAccepted {
			t.Fatalf("when it was over: answered %d", status)
		}
	}
	const most = 256 << 20
	if f.most > most {
		t.Errorf("%d MiB of memory", f.most>>20)
	}
	for what, n := range f.wrong {
		t.Errorf("%d answers were %s", n, what)
	}
	f.compare(t, s)
}

// compare holds what the server says it stored to what the senders were told.
func (f *flooded) compare(t *testing.T, s *rig.Server) {
	t.Helper()
	source, err := s.API().Source(t.Context(), "in")
	if err != nil {
		t.Fatal(err)
	}
	stored := source.Results["unmatched"]
	if told := f.accepted.Load(); stored < told || f.accepted.Load() == 0 {
		t.Errorf("%d events are stored, %d were acknowledged", stored, told)
	}
}

func postPass(t *testing.T, addr, text string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) // everything is as before within that
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/in/in", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Pass", rig.Secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatalf("when it was over: %v", err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// TestIdleFlood: twenty thousand connections that say nothing more cost bounded memory, and a sender is served.
func TestIdleFlood(t *testing.T) {
	if !rig.Long() {
		t.Log("it takes more descriptors and memory than a test should; TestIdleConnectionsMakeRoom shows the same with few")
		return
	}
	s := overloaded(t, rig.Binary(t))
	before := timesOf(t, s)
	var idle []net.Conn
	t.Cleanup(func() {
		for _, conn := range idle {
			_ = conn.Close()
		}
	})
	for i := range 19_000 { // of the 20,000 descriptors that a test usually has
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, byte(1+i/250), byte(1+i%250))}}
		conn, err := d.DialContext(t.Context(), "tcp", s.Listen)
		if err != nil {
			t.Fatal(err)
		}
		idle = append(idle, conn)
		if i%3 > 0 { // one in three says nothing at all
			_, _ = io.WriteString(conn, [...]string{"", "POST /in/in HTT", "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"}[i%3])
		}
	}
	during := timesOf(t, s)
	t.Logf("an event took %v (%v at most) before, %v (%v) with %d idle connections; %d MiB of memory",
		before[500], before[999], during[500], during[999], len(idle), anonymous(t, s.Pid())>>20)
	if got := anonymous(t, s.Pid()); got > 300<<20 {
		t.Errorf("%d MiB of memory", got>>20)
	}
}

// timesOf sends a thousand events, which must all be acknowledged, and gives how long each took, the shortest first.
func timesOf(t *testing.T, s *rig.Server) (times []time.Duration) {
	t.Helper()
	for i := range 1000 {
		began := time.Now()
		if status := postPass(t, s.Listen, fmt.Sprint(i, began)); status != http.StatusAccepted {
			t.Fatalf("event %d is answered %d", i, status)
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times
}
