package deliver

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/sink"
)

const testTimeout = 300 * time.Millisecond

func testTransport(t *testing.T) *transport {
	t.Helper()
	tr := newTransport(&rules.Destination{Timeout: within, Limit: rules.Limit{Concurrency: 4}}, &Options{})
	t.Cleanup(tr.close)
	return tr
}

// defaultSuccess is what counts as delivered when the rules don't say it.
func defaultSuccess(t *testing.T) rules.Answers { return destination(t, "url: http://a/").Success }

// post sends one small request; an answer that should time out must be there soon after.
func post(t *testing.T, tr *transport, url, want string) answer {
	t.Helper()
	deadline := within
	if want == resultTimeout {
		deadline = testTimeout
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	done := make(chan answer, 1)
	go func() {
		done <- tr.send(ctx, &rules.Request{Method: "POST", URL: url, MaskedURL: url, Body: []byte("{}")}, defaultSuccess(t))
	}()
	select {
	case a := <-done:
		return a
	case <-time.After(deadline + 5*time.Second):
		t.Fatal("the attempt goes on after its deadline")
		return answer{}
	}
}

func testServer(t *testing.T, h http.Handler) *httptest.Server {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv
}

func TestHostileAnswersEndOnTheDeadline(t *testing.T) {
	for name, c := range map[string]struct {
		behavior sink.Behavior
		want     string
		status   int
	}{
		"hang":            {sink.Behavior{Fault: sink.Hang}, resultTimeout, 0},
		"reset":           {sink.Behavior{Fault: sink.Reset}, resultBroken, 0},
		"close":           {sink.Behavior{Fault: sink.Close}, resultBroken, 0},
		"slow header":     {sink.Behavior{Fault: sink.SlowHeader}, resultTimeout, 0},
		"slow body":       {sink.Behavior{Fault: sink.SlowBody}, resultTimeout, 200},
		"slow refusal":    {sink.Behavior{Fault: sink.SlowBody, Status: 400}, resultTimeout, 400},
		"endless headers": {sink.Behavior{Fault: sink.EndlessHeaders}, resultBroken, 0},
		"bad chunks":      {sink.Behavior{Fault: sink.BadChunks}, resultBroken, 200},
		"short body":      {sink.Behavior{Fault: sink.ShortBody}, resultBroken, 200},
		"garbage":         {sink.Behavior{Fault: sink.Garbage}, resultBroken, 0},
		"huge body":       {sink.Behavior{Fault: sink.HugeBody}, resultOK, 200},
		"huge error":      {sink.Behavior{Fault: sink.HugeBody, Status: 500}, resultStatus, 500},
		"many 1xx":        {sink.Behavior{Fault: sink.Informational}, resultOK, 200},
		"late":            {sink.Behavior{Delay: time.Minute}, resultTimeout, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := sink.New(sink.Options{})
			s.Set("", c.behavior)
			a := post(t, testTransport(t), testServer(t, s).URL, c.want)
			if a.result != c.want || a.status != c.status {
				t.Errorf("got %s, status %d (%s); want %s, %d", a.result, a.status, a.err, c.want, c.status)
			}
			if (a.err == "") != (a.result == resultOK) || len(a.body) > keepBody+2 || len(a.err) > maxError+3 {
				t.Errorf("error %q, body of %d bytes", a.err, len(a.body))
			}
		})
	}
}

// TestSwitchedProtocol: the body of a 101 is the raw connection, on which no deadline would hold.
func TestSwitchedProtocol(t *testing.T) {
	hold := make(chan struct{})
	defer close(hold)
	srv := testServer(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "Upgrade")
		w.Header().Set("Upgrade", "odd")
		w.WriteHeader(http.StatusSwitchingProtocols)
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			<-hold
			_ = conn.Close()
		}
	}))
	if a := post(t, testTransport(t), srv.URL, resultBroken); a.result != resultBroken {
		t.Errorf("got %s %d %s, want broken", a.result, a.status, a.err)
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var followed atomic.Int32
	target := testServer(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { followed.Add(1) }))
	s := sink.New(sink.Options{})
	srv := testServer(t, s)
	tr := testTransport(t)
	for _, code := range []int{300, 301, 302, 303, 304, 305, 307, 308} {
		for _, to := range []string{target.URL, srv.URL + "/again", "/again", "//" + strings.TrimPrefix(target.URL, "http://")} {
			s.Set("", sink.Behavior{Status: code, Header: http.Header{"Location": {to}}})
			before := s.Count()
			a := post(t, tr, srv.URL, resultStatus)
			if a.result != resultStatus || a.status != code || s.Count() != before+1 {
				t.Errorf("%d to %s: %s %d, %d requests", code, to, a.result, a.status, s.Count()-before)
			}
		}
	}
	if n := followed.Load(); n != 0 {
		t.Errorf("%d requests reached the target of a redirect", n)
	}
}

func TestFailuresAreClassified(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts by its backlog, never speaks
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	strange := httptest.NewUnstartedServer(http.NotFoundHandler())
	strange.Config.ErrorLog = quiet()
	strange.StartTLS()
	defer strange.Close()
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.Config.ErrorLog = quiet()
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	plain := testServer(t, http.NotFoundHandler())
	tr := testTransport(t)
	for name, c := range map[string]struct{ url, want string }{
		"refused":         {"http://" + closed.Addr().String(), resultConnect},
		"silent":          {"http://" + silent.Addr().String(), resultTimeout},
		"silent tls":      {"https://" + silent.Addr().String(), resultTimeout},
		"no such name":    {"http://no-such-host.invalid/", resultDNS},
		"unknown signer":  {strange.URL, resultTLS},
		"old tls":         {old.URL, resultTLS},
		"tls to plain":    {"https://" + plain.Listener.Addr().String(), resultTLS},
		"plain to tls":    {"http://" + strange.Listener.Addr().String(), resultStatus},
		"unusable URL":    {"http://[::1", resultRule},
		"unusable scheme": {"gopher://127.0.0.1/", resultBroken},
	} {
		t.Run(name, func(t *testing.T) {
			if a := post(t, tr, c.url, c.want); a.result != c.want {
				t.Errorf("got %s: %s; want %s", a.result, a.err, c.want)
			}
		})
	}
}

// TestErrorsHideWhatTheMaskHides: a host that came from a reference stays out of the error.
func TestErrorsHideWhatTheMaskHides(t *testing.T) {
	tr := testTransport(t)
	ctx, cancel := context.WithTimeout(t.Context(), testTimeout)
	defer cancel()
	for _, url := range []string{"http://s3cret.invalid/x", "http://127.0.0.1:1/s3cret", "http://[s3cret", "http://u:s3cret@127.0.0.1:1/"} {
		masked := "http://***/x"
		a := tr.send(ctx, &rules.Request{Method: "POST", URL: url, MaskedURL: masked}, defaultSuccess(t))
		if a.err == "" || strings.Contains(a.err, "s3cret") {
			t.Errorf("error of %s is %q", url, a.err)
		}
	}
}

func TestConnectionsAreReusedAndPlain(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	var conns atomic.Int32
	s := sink.New(sink.Options{})
	srv := httptest.NewUnstartedServer(s)
	srv.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	tr := testTransport(t)
	defer tr.close()
	s.Set("", sink.Behavior{Body: strings.Repeat("b", maxBody)})
	for range 20 {
		if a := post(t, tr, srv.URL, resultOK); a.result != resultOK || len(a.body) != keepOK {
			t.Fatalf("%s: %s", a.result, a.err)
		}
	}
	if n := conns.Load(); n != 1 {
		t.Errorf("%d connections for 20 requests in a row, want 1", n)
	}
	h := s.Received()[0].Header
	if h.Get("Accept-Encoding") != "" || h.Get("User-Agent") != "hookrouter" {
		t.Errorf("headers on the wire: %v", h)
	}
}

// TestLostResponseIsOneRequest: net/http must not repeat what may have been processed, idempotency key or not.
func TestLostResponseIsOneRequest(t *testing.T) {
	s := sink.New(sink.Options{})
	srv := testServer(t, s)
	tr := testTransport(t)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for _, method := range []string{"POST", "PUT", "GET"} {
		s.Set("", sink.Behavior{})
		req := func() *rules.Request {
			return &rules.Request{Method: method, URL: srv.URL, Body: []byte("{}"), Header: http.Header{"Idempotency-Key": {"1"}}}
		}
		if a := tr.send(ctx, req(), defaultSuccess(t)); a.result != resultOK { // a reused connection is what net/http would retry on
			t.Fatalf("%s: %s", a.result, a.err)
		}
		s.Set("", sink.Behavior{Fault: sink.Close})
		before := s.Count()
		if a := tr.send(ctx, req(), defaultSuccess(t)); a.result != resultBroken || s.Count() != before+1 {
			t.Errorf("%s: %s after %d requests, want broken after 1", method, a.result, s.Count()-before)
		}
	}
}
