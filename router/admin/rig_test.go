package admin_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/admin"
	"github.com/hookrouter/hookrouter/router/deliver"
	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
	"github.com/hookrouter/hookrouter/rules"
)

const secret = "a-secret-of-the-test-4711"

const rulesText = `
version: 1
sources:
  open: { verify: none }
  pass: { verify: { kind: token, token: { header: X-Pass } }, secret: ` + secret + ` }
destinations:
  good: SINK/good
  bad: { url: SINK/bad, retry: { attempts: 1 } }
routes:
  - { name: to-good, from: [open, pass], when: body.to == "good", to: good }
  - { name: to-bad, from: open, when: body.to == "bad", to: bad }
  - name: erring
    from: open
    when: "body.to == \"err\" ? body.n : false" # neither true nor false when n is a text
    to: good
`

// rig is an admin API behind a real listener, over real parts. Destination "good" answers 200, "bad" 400.
type rig struct {
	t       *testing.T
	client  *client.Client
	server  *httptest.Server
	public  *httptest.Server
	sink    *httptest.Server
	queue   *queue.Queue
	log     *logtest.Memory
	rules   atomic.Pointer[rules.Set]
	reload  atomic.Pointer[error] // what Reload answers; nil: the new rules are taken
	next    atomic.Pointer[rules.Set]
	ready   atomic.Pointer[error]
	badCode atomic.Int64
	arrived chan string // bodies at "good"
	logged  lines
}

func newRig(t *testing.T, change ...func(*admin.Options)) *rig {
	t.Helper()
	r := &rig{t: t, log: logtest.NewMemory(), arrived: make(chan string, 100)}
	r.badCode.Store(400)
	r.sink = httptest.NewServer(http.HandlerFunc(r.serveSink))
	t.Cleanup(r.sink.Close)
	r.rules.Store(r.parse(rulesText))
	r.openQueue()
	logger, registry := slog.New(slog.NewTextHandler(&r.logged, nil)), prometheus.NewRegistry()
	in, err := ingest.New(ingest.Options{Queue: r.queue, Rules: r.rules.Load, Logger: logger, Registerer: registry})
	must(t, err)
	out, err := deliver.New(deliver.Options{Queue: r.queue, Rules: r.rules.Load, Logger: logger, Drain: time.Second})
	must(t, err)
	r.background(out.Run)
	o := admin.Options{
		Queue: r.queue, Deliver: out, Ingest: in, Rules: r.rules.Load, Logger: logger, Gatherer: registry, Registerer: registry,
		Version: "v0-test", Ready: func() error { return load(&r.ready) },
		Reload: func(context.Context) error {
			if err := load(&r.reload); err != nil {
				return err
			}
			r.rules.Store(r.next.Load())
			out.Reload()
			return nil
		},
	}
	for _, f := range change {
		f(&o)
	}
	api, err := admin.New(o)
	must(t, err)
	r.server, r.public = httptest.NewServer(api), httptest.NewServer(in)
	t.Cleanup(r.public.Close)
	t.Cleanup(r.server.CloseClientConnections)
	t.Cleanup(r.server.Close)
	token := ""
	if o.Token != nil {
		token = o.Token()
	}
	r.client = client.New(r.server.URL, token)
	t.Cleanup(r.client.Close)
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func load(p *atomic.Pointer[error]) error {
	if err := p.Load(); err != nil {
		return *err
	}
	return nil
}

func (r *rig) openQueue() {
	r.t.Helper()
	var err error
	r.queue, err = queue.Open(context.Background(), r.log, queue.Options{Dir: r.t.TempDir()})
	must(r.t, err)
	r.background(r.queue.Run)
}

// background runs f until the test ends; what was started last ends first.
func (r *rig) background(f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	r.t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			r.t.Errorf("ended with %v", err)
		}
	})
}

func (r *rig) parse(text string) *rules.Set {
	r.t.Helper()
	file := rules.File{Name: "rules.yaml", Data: []byte(strings.ReplaceAll(text, "SINK", r.sink.URL))}
	set, err := rules.Parse(file, rules.Options{PublicLoopback: true, AllowUnverified: true})
	must(r.t, err)
	return set
}

func (r *rig) serveSink(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	if req.URL.Path == "/bad" {
		w.WriteHeader(int(r.badCode.Load()))
		_, _ = io.WriteString(w, "no thanks")
		return
	}
	r.arrived <- string(body)
}

// send has an event stored and returns its id.
func (r *rig) send(body string) event.EventID {
	r.t.Helper()
	resp, err := http.Post(r.public.URL+"/in/open", "application/json", strings.NewReader(body))
	must(r.t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	must(r.t, err)
	_, rest, _ := strings.Cut(string(got), `"id":"`)
	text, _, _ := strings.Cut(rest, `"`)
	id, err := event.ParseEventID(text)
	if err != nil {
		r.t.Fatalf("answer %d %q: %v", resp.StatusCode, got, err)
	}
	return id
}

// arrival is the next body that reached "good".
func (r *rig) arrival() string {
	r.t.Helper()
	select {
	case body := <-r.arrived:
		return body
	case <-time.After(10 * time.Second):
		r.t.Fatal("nothing arrived")
		return ""
	}
}

// settled waits until the event has n deliveries and none is pending, and returns it.
func (r *rig) settled(id event.EventID, n int) *client.EventDetail {
	r.t.Helper()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(2 * time.Millisecond) {
		e, err := r.client.Event(r.t.Context(), id)
		must(r.t, err)
		if len(e.Deliveries) == n && e.Pending == 0 {
			return e
		}
		if time.Now().After(end) {
			r.t.Fatalf("event %+v", e)
		}
	}
}

// lines is a log in memory.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
