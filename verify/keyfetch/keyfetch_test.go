package keyfetch

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/verify"
)

var _ verify.Fetcher = (*Client)(nil)

// keys is a sender's server, reached by the name that a scheme would pin.
type keys struct {
	*httptest.Server
	asked  atomic.Int64
	moved  atomic.Int64 // of the client's clock
	answer atomic.Value // func(http.ResponseWriter, *http.Request)
}

const pinned = "https://keys.example.com/jwks"

func serve(t *testing.T) (*keys, *Client) {
	t.Helper()
	k := &keys{}
	k.does(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("keys")) })
	k.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k.asked.Add(1)
		k.answer.Load().(func(http.ResponseWriter, *http.Request))(w, r)
	}))
	t.Cleanup(k.Close)
	transport := k.Client().Transport.(*http.Transport).Clone()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, k.Listener.Addr().String())
	}
	c := New(transport)
	c.now = func() time.Time { return time.Now().Add(time.Duration(k.moved.Load())) }
	return k, c
}

func (k *keys) does(f func(http.ResponseWriter, *http.Request)) { k.answer.Store(f) }

// later moves the client's clock on.
func (k *keys) later(d time.Duration) { k.moved.Add(int64(d)) }

func TestAnswersAreKept(t *testing.T) {
	k, c := serve(t)
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if data, err := c.Fetch(pinned, nil, false); err != nil || string(data) != "keys" {
				t.Errorf("%q, %v", data, err)
			}
		})
	}
	all.Wait()
	if n := k.asked.Load(); n != 1 {
		t.Errorf("asked %d times, want once for all", n)
	}
}

// TestFresh: a key that is not known is asked for again, but once a minute at most, so that tokens with invented key
// ids make no flood.
func TestFresh(t *testing.T) {
	k, c := serve(t)
	for range 100 {
		if _, err := c.Fetch(pinned, nil, true); err != nil {
			t.Fatal(err)
		}
	}
	if n := k.asked.Load(); n != 1 {
		t.Errorf("asked %d times within a minute", n)
	}
	k.later(freshFor)
	if _, err := c.Fetch(pinned, nil, true); err != nil || k.asked.Load() != 2 {
		t.Errorf("asked %d times after a minute, %v", k.asked.Load(), err)
	}
}

// TestStaleWhileItIsRenewed: an answer that is due is used while the sender is down, for a day.
func TestStaleWhileItIsRenewed(t *testing.T) {
	k, c := serve(t)
	if _, err := c.Fetch(pinned, nil, false); err != nil {
		t.Fatal(err)
	}
	down := make(chan struct{}, 10)
	k.does(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway); down <- struct{}{} })
	k.later(renewAfter)
	if data, err := c.Fetch(pinned, nil, false); err != nil || string(data) != "keys" {
		t.Errorf("%q, %v", data, err)
	}
	<-down
	k.later(useUntil)
	if _, err := c.Fetch(pinned, nil, false); err == nil || !strings.Contains(err.Error(), "502") {
		t.Errorf("an answer of yesterday is used: %v", err)
	}
}

// TestFailuresAreErrors: none of these may become keys, and none is asked for twice at once.
func TestFailuresAreErrors(t *testing.T) {
	for name, f := range map[string]func(http.ResponseWriter, *http.Request){
		"status":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotFound) },
		"redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) },
		"empty":    func(http.ResponseWriter, *http.Request) {},
		"large":    func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, maxAnswer+1)) },
	} {
		t.Run(name, func(t *testing.T) {
			k, c := serve(t)
			k.does(f)
			for range 3 {
				if data, err := c.Fetch(pinned, nil, false); err == nil {
					t.Errorf("got %d bytes", len(data))
				}
			}
			if n := k.asked.Load(); n != 1 {
				t.Errorf("asked %d times", n)
			}
		})
	}
	_, c := serve(t)
	if _, err := c.Fetch("http://keys.example.com/jwks", nil, false); err == nil {
		t.Error("asked without TLS")
	}
}

// TestHangingServerIsGivenUp: the sender of the event waits meanwhile.
func TestHangingServerIsGivenUp(t *testing.T) {
	k, c := serve(t)
	c.http.Timeout = 50 * time.Millisecond
	k.does(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	if _, err := c.Fetch(pinned, nil, false); err == nil {
		t.Error("a server that hangs gave keys")
	}
}

func TestPostAndConfirm(t *testing.T) {
	k, c := serve(t)
	got := make(chan string, 4)
	k.does(func(w http.ResponseWriter, r *http.Request) { got <- r.Method; _, _ = w.Write([]byte("ok")) })
	if _, err := c.Fetch(pinned, []byte(`{"key_id":"a"}`), false); err != nil || <-got != http.MethodPost {
		t.Error(err)
	}
	for range 2 {
		if err := c.Confirm(pinned); err != nil || <-got != http.MethodGet {
			t.Error(err)
		}
	}
}
