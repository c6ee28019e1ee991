package faults_test

import (
	"context"
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

	"golang.org/x/time/rate"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// holdSockets opens the server's sockets, the one for senders first, and hands them over at each start, as systemd does
// for socket units of these names.
func holdSockets(t *testing.T, s *rig.Server, names ...string) {
	t.Helper()
	for i := range names {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = ln.Close() })
		file, err := ln.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = file.Close() })
		s.Files = append(s.Files, file)
		if i == 0 {
			s.Listen = ln.Addr().String()
		} else {
			s.Admin = ln.Addr().String()
		}
	}
	s.Env = append(s.Env, fmt.Sprintf("LISTEN_FDS=%d", len(names)), "LISTEN_FDNAMES="+strings.Join(names, ":"))
	s.Wrap = []string{"sh", "-c", `LISTEN_PID=$$ exec "$@"`, "sh"}
}

// TestSocketHandover restarts a server again and again under connections that each carry one event. Its sockets are held
// by somebody else meanwhile, so that nobody is refused and nothing is cut off.
func TestSocketHandover(t *testing.T) {
	perSecond, between := 600.0, int64(20)
	if rig.Long() {
		perSecond, between = 2000, 5000
	}
	var arrived sync.Map
	dest := sink.New(sink.Options{Keep: -1, Seen: func(r sink.Request) { arrived.Store(string(r.Body), true) }})
	s := rig.NewServer(t, rig.Binary(t), strings.ReplaceAll(openRules, "SINK", rig.Listen(t, dest)))
	holdSockets(t, s, "public", "admin")
	s.Start()
	s.WaitReady(10 * time.Second)
	v := startVisitors(t, s.Listen, 32, perSecond, "", &http.Transport{DisableKeepAlives: true})
	for i := range 20 {
		before := v.acked.Load()
		rig.Eventually(t, 20*time.Second, "events are acknowledged", func() bool { return v.acked.Load() > before+between })
		if code := s.Stop(); code != 0 {
			t.Fatalf("restart %d: exit code %d", i, code)
		}
		s.Start()
	}
	v.end()
	s.WaitReady(10 * time.Second)
	rig.Settle(t, s.API(), time.Minute)
	missing := 0
	v.sent.Range(func(body, _ any) bool {
		if _, ok := arrived.Load(body); !ok {
			missing++
		}
		return true
	})
	t.Logf("20 restarts: %d connections, the longest time without an ack was %v", v.acked.Load(), time.Duration(v.gap.Load()))
	if v.failed.Load() > 0 || missing > 0 {
		t.Errorf("%d of %d connections failed, %d events never arrived", v.failed.Load(), v.acked.Load()+v.failed.Load(), missing)
	}
}

// visitors send events and count those that are not acknowledged at once.
type visitors struct {
	t                   *testing.T
	url                 string
	pad                 string // what a body is filled up with
	http                *http.Client
	pace                *rate.Limiter
	stop                context.CancelFunc
	done                sync.WaitGroup
	sent                sync.Map // bodies that were acknowledged
	acked, failed, next atomic.Int64
	last, gap           atomic.Int64 // when the last ack came; the longest time between two, nanoseconds
}

func startVisitors(t *testing.T, addr string, n int, perSecond float64, pad string, tr *http.Transport) *visitors {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	v := &visitors{
		t: t, url: "http://" + addr + "/in/in", pad: pad, stop: stop, pace: rate.NewLimiter(rate.Limit(perSecond), n),
		http: &http.Client{Timeout: 20 * time.Second, Transport: tr},
	}
	v.last.Store(time.Now().UnixNano())
	for range n {
		v.done.Go(func() {
			for v.pace.Wait(ctx) == nil {
				v.visit()
			}
		})
	}
	t.Cleanup(v.end)
	return v
}

func (v *visitors) end() {
	v.stop()
	v.done.Wait()
	v.http.CloseIdleConnections()
}

func (v *visitors) visit() {
	body := fmt.Sprint("event ", v.next.Add(1), v.pad)
	resp, err := v.http.Post(v.url, "text/plain", strings.NewReader(body))
	if err == nil {
		_, _ = io.Copy(io.Discard, resp.Body) // or the connection cannot be used again
		_ = resp.Body.Close()
	}
	if err != nil || resp.StatusCode != http.StatusAccepted {
		v.failed.Add(1)
		v.t.Logf("%s: %v, %v", body, resp, err)
		return
	}
	if v.pad == "" {
		v.sent.Store(body, true)
	}
	v.acked.Add(1)
	now := time.Now().UnixNano()
	v.gap.Store(max(v.gap.Load(), now-v.last.Swap(now)))
}

// TestSocketIsServedWhileAttemptsEnd: who is next in a socket that outlives the process would wait for as long as
// attempts take. So the process goes on accepting until they have ended.
func TestSocketIsServedWhileAttemptsEnd(t *testing.T) {
	t.Parallel()
	dest := sink.New(sink.Options{})
	dest.Set("", sink.Behavior{Delay: 2 * time.Second})
	s := rig.NewServer(t, rig.Binary(t), strings.ReplaceAll(openRules, "SINK", rig.Listen(t, dest)))
	holdSockets(t, s, "public", "admin")
	s.Start()
	s.WaitReady(10 * time.Second)
	postText(t, s.Listen, "slow")
	rig.Eventually(t, 10*time.Second, "an attempt runs", func() bool { return dest.Count() > 0 })
	s.Signal(syscall.SIGTERM)
	rig.Eventually(t, 10*time.Second, "draining", func() bool { return s.API().Ready(t.Context()) != nil })
	began := time.Now()
	late := make(chan int, 1)
	go func() { late <- postText(t, s.Listen, "late") }()
	select {
	case status := <-late:
		if status != http.StatusAccepted {
			t.Errorf("answered %d", status)
		}
	case <-time.After(time.Second):
		t.Error("not answered before the attempt had ended")
	}
	if code := s.Wait(); code != 0 || time.Since(began) > 20*time.Second {
		t.Errorf("exit code %d after %v", code, time.Since(began))
	}
}

// TestSocketsOfWrongNames: a socket that nobody would serve must not look like a start that went well.
func TestSocketsOfWrongNames(t *testing.T) {
	t.Parallel()
	for want, names := range map[string][]string{
		`socket "http" of the service manager: the name is neither public nor admin`: {"http"},
		`socket "public" of the service manager: there are two of this name`:         {"public", "public"},
	} {
		s := rig.NewServer(t, rig.Binary(t), strings.ReplaceAll(openRules, "SINK", "127.0.0.1:9"))
		holdSockets(t, s, names...)
		s.Start()
		if code := s.Wait(); code != 1 || !strings.Contains(s.LogTail(), want) {
			t.Errorf("exit code %d, and it said\n%s", code, s.LogTail())
		}
	}
}
