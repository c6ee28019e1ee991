package ingest_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verify"
)

const secret = "a-secret-of-the-test-4711"

const rulesText = `
version: 1
sources:
  github: { preset: github, secret: ` + secret + `, max_body: 256KiB }
  slack: { preset: slack, secret: ` + secret + ` }
  stripe: { preset: stripe, secret: ` + secret + ` }
  lonely: { preset: github, secret: ` + secret + ` }
  picky: { preset: github, secret: ` + secret + `, unmatched: reject }
  own: { preset: github, secret: ` + secret + `, respond: { status: 200, headers: { X-Own: "yes" }, body: thanks } }
  empty: { preset: github, secret: ` + secret + `, respond: { status: 204 } }
  token: { verify: { kind: token, token: { header: X-Pass } }, secret: ` + secret + ` }
  ticket: { verify: { kind: token, token: { query: ticket } }, secret: ` + secret + ` }
  open: { verify: none, methods: [GET, POST] }
destinations:
  sink: http://127.0.0.1:9/
routes:
  - { name: all, from: [github, slack, stripe, own, empty, token, ticket, open], to: sink }
`

// rig is an Ingest behind a real listener, over a real queue.
type rig struct {
	t      *testing.T
	ingest *ingest.Ingest
	queue  *queue.Queue
	log    *logtest.Memory
	server *httptest.Server
	rules  atomic.Pointer[rules.Set]
	logged *lines
	prom   *prometheus.Registry
}

func newRig(t *testing.T, change ...func(*ingest.Options, *queue.Options)) *rig {
	t.Helper()
	r := &rig{t: t, log: logtest.NewMemory(), logged: &lines{}, prom: prometheus.NewRegistry()}
	r.rules.Store(parse(t, rulesText))
	qo := queue.Options{Dir: t.TempDir()}
	io := ingest.Options{
		Rules: r.rules.Load, Logger: slog.New(slog.NewTextHandler(r.logged, nil)), Registerer: r.prom,
	}
	for _, f := range change {
		f(&io, &qo)
	}
	r.queue = openQueue(t, r.log, qo)
	io.Queue = r.queue
	var err error
	if r.ingest, err = ingest.New(io); err != nil {
		t.Fatal(err)
	}
	r.server = httptest.NewServer(r.ingest)
	t.Cleanup(r.server.Close)
	return r
}

func openQueue(t testing.TB, log queue.Log, o queue.Options) *queue.Queue {
	t.Helper()
	q, err := queue.Open(context.Background(), log, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- q.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("queue: %v", err)
		}
	})
	return q
}

func parse(t testing.TB, text string) *rules.Set {
	t.Helper()
	set, err := rules.Parse(rules.File{Name: "rules.yaml", Data: []byte(text)}, rules.Options{PublicLoopback: true, AllowUnverified: true})
	if err != nil {
		t.Fatal(err)
	}
	return set
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

// request makes a correctly signed one.
func (r *rig) request(source, body string) *http.Request {
	r.t.Helper()
	src, ok := r.rules.Load().Source(source)
	if !ok {
		r.t.Fatalf("no source %q", source)
	}
	req := &verify.Request{Method: "POST", URL: src.Path, Body: []byte(body), Header: http.Header{
		"Content-Type": {"application/json"}, "X-Github-Event": {"push"},
	}}
	if src.Verifier != nil {
		if err := src.Verifier.Sign(req, time.Now()); err != nil {
			r.t.Fatal(err)
		}
	}
	out, err := http.NewRequest(req.Method, r.server.URL+req.URL, bytes.NewReader(req.Body))
	if err != nil {
		r.t.Fatal(err)
	}
	out.Header = req.Header
	return out
}

// answer is what came back.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

func (a answer) receipt(t *testing.T) (id string, duplicate bool) {
	t.Helper()
	var got struct {
		ID        string `json:"id"`
		Duplicate bool   `json:"duplicate"`
	}
	if err := json.Unmarshal([]byte(a.Body), &got); err != nil {
		t.Fatalf("answer %d %q: %v", a.Status, a.Body, err)
	}
	return got.ID, got.Duplicate
}

func (r *rig) do(req *http.Request) answer {
	r.t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func (r *rig) send(source, body string) answer { r.t.Helper(); return r.do(r.request(source, body)) }

// dial opens a connection on which a test speaks HTTP by itself.
func (r *rig) dial() net.Conn {
	r.t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(r.server.URL, "http://"))
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return conn
}

// eventually fails the test when ok does not become true.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("still not: %s", what)
		}
	}
}
