package router_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/router"
	"github.com/hookrouter/hookrouter/sink"
	"github.com/hookrouter/hookrouter/verify"
)

const testSecret = "a-secret-of-the-tests-of-64-characters-as-contentful-wants-them-"

// house is a running Router with a sink as its only destination.
type house struct {
	*router.Router
	t    testing.TB
	dir  string
	file string // the rules
	sink *sink.Sink
	to   string // address of the sink
	api  *client.Client
	logs *logs
	stop func()
}

// open starts a Router on rules, in which SINK is the address of the sink.
func open(t testing.TB, rules string) *house {
	t.Helper()
	h := prepare(t)
	h.write(h.rules(rules))
	h.run()
	return h
}

// prepare makes a house with its sink; it has no rules yet and does not run.
func prepare(t testing.TB) *house {
	t.Helper()
	h := &house{t: t, dir: t.TempDir(), sink: sink.New(sink.Options{Keep: 1 << 16}), logs: &logs{}}
	h.to = serve(t, h.sink)
	h.file = filepath.Join(h.dir, "rules.yaml")
	return h
}

// rules puts the sink's address in place of every SINK.
func (h *house) rules(text string) string {
	return string(bytes.ReplaceAll([]byte(text), []byte("SINK"), []byte(h.to)))
}

func (h *house) write(rules string) {
	h.t.Helper()
	if err := os.WriteFile(h.file, []byte(rules), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

// run opens a Router on the house's files; it runs until the test ends or stop is called.
func (h *house) run() { h.t.Helper(); h.runWith(func(*router.Options) {}) }

// runWith is run with other options.
func (h *house) runWith(change func(*router.Options)) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	o := router.Options{
		RulesFile: h.file, Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", Data: filepath.Join(h.dir, "data"),
		Drain: 5 * time.Second, Logger: slog.New(slog.NewJSONHandler(h.logs, nil)), Version: "test",
		Env: func(name string) (string, bool) { return testSecret, name == "SECRET" },
	}
	change(&o)
	r, err := router.New(ctx, o)
	if err != nil {
		cancel()
		h.t.Fatal(err)
	}
	h.Router, h.api = r, client.New("http://"+r.AdminAddr(), "")
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			h.t.Errorf("Run: %v", err)
		}
	})
	h.t.Cleanup(func() {
		h.stop()
		if h.t.Failed() {
			h.t.Logf("last of the log:\n%s", h.logs.tail(6000))
		}
	})
}

// send posts the n-th sample of a preset to a source and gives the answer.
func (h *house) send(source, preset, kind string, n int) (status int, body string) {
	h.t.Helper()
	r, err := verify.SampleN(preset, kind, n)
	if err != nil {
		h.t.Fatal(err)
	}
	return h.post(source, preset, testSecret, r)
}

// post signs r as the preset's sender would and posts it.
func (h *house) post(source, preset, secret string, r *verify.Request) (status int, body string) {
	h.t.Helper()
	r.URL = "http://" + h.Addr() + "/in/" + source
	if preset != "" {
		p, ok := verify.Lookup(preset)
		if !ok {
			h.t.Fatalf("no preset %q", preset)
		}
		v, err := verify.New(p.Verify, verify.Keys{Secrets: []string{secret}})
		if err != nil {
			h.t.Fatal(err)
		}
		if err := v.Sign(r, time.Now()); err != nil {
			h.t.Fatal(err)
		}
	}
	return h.raw(r)
}

// raw posts r as it is.
func (h *house) raw(r *verify.Request) (status int, body string) {
	h.t.Helper()
	status, body, err := post(r)
	if err != nil {
		h.t.Fatal(err)
	}
	return status, body
}

func post(r *verify.Request) (int, string, error) {
	req, err := http.NewRequest(r.Method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return 0, "", err
	}
	req.Header = r.Header
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(bytes.TrimSpace(body)), err
}

// eventually asks until yes, at most so long.
func (h *house) eventually(limit time.Duration, what string, yes func() bool) {
	h.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !yes(); <-tick.C {
		if time.Now().After(end) {
			h.t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// accepts wants an event of a source that proves nothing to be acknowledged.
func (h *house) accepts(after string) {
	h.t.Helper()
	r := &verify.Request{Method: "POST", URL: "http://" + h.Addr() + "/in/open", Header: map[string][]string{}, Body: []byte("{}")}
	if status, body := h.raw(r); status != 202 {
		h.t.Errorf("after %s: %d %s", after, status, body)
	}
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// status asks the admin API.
func (h *house) status() *client.Status {
	h.t.Helper()
	s, err := h.api.Status(context.Background())
	if err != nil {
		h.t.Fatal(err)
	}
	return s
}

// serve serves handler on a free loopback port until the test ends.
func serve(t testing.TB, handler http.Handler) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: handler}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close() })
	return ln.Addr().String()
}

// logs collects the log of a house.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func (l *logs) tail(n int) string {
	text := l.text()
	return text[max(0, len(text)-n):]
}
