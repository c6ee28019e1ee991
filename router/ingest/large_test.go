package ingest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
)

// full reports whether tests run at full size.
func full() bool { return os.Getenv("HOOKROUTER_LONG") != "" }

// TestClaimsHoldLittle: who only says that much is coming takes little of what others need, and nobody's place.
func TestClaimsHoldLittle(t *testing.T) {
	const claims = 200
	r := newRig(t, func(o *ingest.Options, _ *queue.Options) { o.BytesInFlight, o.Requests = 1<<20, 10 })
	framings := []string{"Content-Length: 10000", "Content-Length: 1000000", "Transfer-Encoding: chunked"}
	for i := range claims {
		r.write(head("open", framings[i%len(framings)]) + "f4240\r\nx")
	}
	eventually(t, "all bodies are awaited", func() bool { return r.ingest.BytesInFlight() >= claims*4<<10 })
	if n := r.ingest.BytesInFlight(); n > claims*4<<10 {
		t.Errorf("%d bytes are held for %d claims", n, claims)
	}
	for _, size := range []int{10, 10_000, 100_000} {
		if got := r.send("github", strings.Repeat("y", size)); got.Status != 202 {
			t.Errorf("an event of %d bytes is answered %d", size, got.Status)
		}
	}
}

// TestManyLargeBodiesAtOnce: what does not fit into the budget is told so at once, although nothing of what does fit is
// stored yet; and never more is held than the budget.
func TestManyLargeBodiesAtOnce(t *testing.T) {
	bodies, size, budget := 100, 256<<10, int64(2<<20)
	if full() {
		bodies, size, budget = 1_000, 1<<20, 64<<20
	}
	r, log, ended := slowRig(t, func(o *ingest.Options) { o.BytesInFlight, o.AckTimeout = budget, time.Minute })
	go func() {
		for range ended { // slowRig wants somebody to listen
		}
	}()
	stored, refused := make(chan *http.Response, bodies), make(chan *http.Response, bodies)
	body := strings.Repeat("x", size)
	for range bodies {
		conn := r.dial()
		go func() { _, _ = io.WriteString(conn, head("open", fmt.Sprint("Content-Length: ", size))+body) }()
		go func() {
			resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
			switch {
			case err != nil:
				t.Error(err)
			case resp.StatusCode == http.StatusServiceUnavailable:
				refused <- resp
			default:
				stored <- resp
			}
		}()
	}
	fit := 0
	var most int64
	eventually(t, "all are answered that do not fit", func() bool {
		most = max(most, r.ingest.BytesInFlight())
		for len(log.asked) > 0 {
			<-log.asked
			fit++
		}
		return fit+len(refused)+len(stored) == bodies
	})
	if len(stored) > 0 || fit == 0 || int64(fit*size) > budget || most > budget {
		t.Errorf("%d are stored, %d fit, %d bytes were held of %d", len(stored), fit, most, budget)
	}
	for range len(refused) {
		if got := <-refused; got.Header.Get("Retry-After") == "" {
			t.Errorf("refused without Retry-After: %v", got.Header)
		}
	}
	close(log.done)
	for range fit {
		if got := <-stored; got.StatusCode != http.StatusAccepted {
			t.Errorf("what fitted is answered %s", got.Status)
		}
	}
	eventually(t, "all is given back", func() bool { return r.ingest.BytesInFlight() == 0 })
}

// TestHugeBodiesAreReadUpToTheLimit: endless bodies and bodies of 10 GB, of which nothing is signed, are 413 one byte
// over the limit, and the connection ends; what the server takes from it is counted.
func TestHugeBodiesAreReadUpToTheLimit(t *testing.T) {
	const limit, each = 256 << 10, 25
	r := newRig(t)
	counting := &countingListener{Listener: listen(t)}
	server := &http.Server{Handler: r.ingest}
	go func() { _ = server.Serve(counting) }()
	defer server.Close()
	piece := "4000\r\n" + strings.Repeat("x", 0x4000) + "\r\n"
	var wg sync.WaitGroup
	for range each {
		for _, framing := range []string{"Content-Length: 10737418240", "Transfer-Encoding: chunked"} {
			conn, err := net.Dial("tcp", counting.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
			go func() { // 640 MiB, if somebody reads it
				_, _ = io.Copy(conn, io.MultiReader(strings.NewReader(head("github", framing)), &repeating{piece, 40_000}))
			}()
			wg.Go(func() {
				answer, _ := io.ReadAll(conn)
				if s := string(answer); !strings.HasPrefix(s, "HTTP/1.1 413 ") || !strings.Contains(s, "\r\nConnection: close\r\n") {
					t.Errorf("%s: answer %q", framing, s)
				}
			})
		}
	}
	wg.Wait()
	for i, n := range counting.counts() {
		if n > limit+64<<10 {
			t.Errorf("connection %d: %d bytes were read, the limit is %d", i, n, limit)
		}
	}
	if r.log.Len() != 0 || r.ingest.BytesInFlight() != 0 {
		t.Errorf("%d records, %d bytes in flight", r.log.Len(), r.ingest.BytesInFlight())
	}
}

// TestOneByteOverTheLimit: a body of the limit is an event, one byte more is none, however it is framed.
func TestOneByteOverTheLimit(t *testing.T) {
	r := newRig(t)
	const limit = 256 << 10
	for _, n := range []int{limit, limit + 1} {
		for _, chunked := range []bool{false, true} {
			body := strings.Repeat("x", n-1) + "y"
			req := r.request("github", body)
			if chunked {
				req.Body, req.ContentLength = io.NopCloser(strings.NewReader(body)), -1
				req.Header.Set("X-Github-Delivery", "chunked")
			}
			got := r.do(req)
			switch {
			case n > limit && got.Status != http.StatusRequestEntityTooLarge:
				t.Errorf("%d bytes, chunked %v: answer %d", n, chunked, got.Status)
			case n == limit:
				if id, _ := got.receipt(t); r.body(id) != body {
					t.Errorf("%d bytes, chunked %v: %d are stored", n, chunked, len(r.body(id)))
				}
			}
		}
	}
}

// repeating is a text so many times.
type repeating struct {
	text  string
	times int
}

func (r *repeating) Read(p []byte) (int, error) {
	if r.times == 0 {
		return 0, io.EOF
	}
	r.times--
	return copy(p, r.text), nil
}

// countingListener counts what is read from each of its connections.
type countingListener struct {
	net.Listener
	mu   sync.Mutex
	read []*atomic.Int64
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return ln
}

func (l *countingListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	l.mu.Lock()
	defer l.mu.Unlock()
	n := new(atomic.Int64)
	l.read = append(l.read, n)
	return &countingConn{c, n}, err
}

func (l *countingListener) counts() (all []int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.read {
		all = append(all, n.Load())
	}
	return all
}

type countingConn struct {
	net.Conn
	n *atomic.Int64
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.n.Add(int64(n))
	return n, err
}
