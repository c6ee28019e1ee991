package ingest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verify"
)

func (r *rig) stored(id string) *event.Event {
	r.t.Helper()
	eid, err := event.ParseEventID(id)
	if err != nil {
		r.t.Fatal(err)
	}
	ev, err := r.queue.Full(context.Background(), eid)
	if err != nil {
		r.t.Fatal(err)
	}
	return ev
}

func (r *rig) body(id string) string { r.t.Helper(); return string(r.stored(id).Body) }

// TestOneRequestSeesOneSet: rules that change while a body arrives do not touch its request.
func TestOneRequestSeesOneSet(t *testing.T) {
	r := newRig(t)
	old := r.rules.Load()
	conn := r.write(head("open", "Content-Length: 2") + "{")
	eventually(t, "the body is awaited", func() bool { return r.ingest.BytesInFlight() > 0 })
	r.rules.Store(parse(t, strings.ReplaceAll(rulesText, "open", "closed")))
	if got := r.do(httptestRequest(t, r, "/in/open")); got.Status != 404 {
		t.Errorf("under the new rules: %d", got.Status)
	}
	if _, err := io.WriteString(conn, "}"); err != nil {
		t.Fatal(err)
	}
	resp := readAnswer(t, conn)
	body, _ := io.ReadAll(resp.Body)
	id, _ := answer{Body: string(body)}.receipt(t)
	if ev := r.stored(id); resp.StatusCode != http.StatusAccepted || ev.RulesHash != old.Hash() {
		t.Errorf("answer %d, rules %s, want %s", resp.StatusCode, ev.RulesHash, old.Hash())
	}
}

func httptestRequest(t *testing.T, r *rig, path string) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, r.server.URL+path, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestPanicIs503(t *testing.T) {
	r := newRig(t, func(o *ingest.Options, _ *queue.Options) {
		o.Rules = func() *rules.Set { panic("planted") }
		o.Registerer = nil
	})
	got := r.send("open", `{"marker":1}`)
	if got.Status != 503 || got.Header.Get("Retry-After") == "" || strings.Contains(got.Body, "planted") {
		t.Errorf("answer %+v", got)
	}
	if log := r.logged.String(); !strings.Contains(log, "planted") || strings.Contains(log, "marker") {
		t.Errorf("log %s", log)
	}
}

func TestDrainingGoesOnAccepting(t *testing.T) {
	r := newRig(t)
	r.ingest.Drain()
	conn := r.dial()
	if err := r.request("github", `{}`).Write(conn); err != nil {
		t.Fatal(err)
	}
	if resp := readAnswer(t, conn); resp.StatusCode != http.StatusAccepted || !resp.Close || !r.ingest.Draining() {
		t.Errorf("answer %d, close %v, draining %v", resp.StatusCode, resp.Close, r.ingest.Draining())
	}
}

// TestMetricsHaveNoForeignLabels: what comes from outside makes no series.
func TestMetricsHaveNoForeignLabels(t *testing.T) {
	r := newRig(t)
	series := func() (n int) {
		families, err := r.prom.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			n += len(f.GetMetric())
		}
		return n
	}
	r.do(httptestRequest(t, r, "/in/nobody"))
	before := series()
	for i := range 200 {
		req := httptestRequest(t, r, fmt.Sprintf("/in/nobody-%d", i))
		req.Method = fmt.Sprintf("M%d", i)
		r.do(req)
		open := r.request("open", fmt.Sprint(i))
		open.Header.Set("X-Github-Event", fmt.Sprint(i))
		r.do(open)
	}
	if after := series(); after != before || before == 0 {
		t.Errorf("%d series, before %d", after, before)
	}
	if got := r.ingest.Stats("").Results["unknown_path"]; got != 201 {
		t.Errorf("unknown paths counted %d times", got)
	}
}

func TestRemoteIP(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("10.0.0.0/8")}
	for _, c := range []struct {
		trusted []netip.Prefix
		header  []string
		want    string
	}{
		{nil, []string{"203.0.113.9"}, "127.0.0.1"},
		{proxies, nil, "127.0.0.1"},
		{proxies, []string{"203.0.113.9"}, "203.0.113.9"},
		{proxies, []string{"198.51.100.1, 203.0.113.9", "10.1.2.3"}, "203.0.113.9"},
		{proxies, []string{"203.0.113.9, nonsense"}, "127.0.0.1"},
		{proxies, []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		{proxies, []string{"2001:db8::1%eth0"}, "2001:db8::1"},
	} {
		r := newRig(t, func(o *ingest.Options, _ *queue.Options) { o.TrustedProxies = c.trusted })
		req := r.request("open", "")
		req.Header["X-Forwarded-For"] = c.header
		id, _ := r.do(req).receipt(t)
		if got := r.stored(id).RemoteIP; got != c.want {
			t.Errorf("%v through %v: %s, want %s", c.header, c.trusted, got, c.want)
		}
	}
}

// TestManySendersAtOnce is for the race detector, and that each answer is about its own event.
func TestManySendersAtOnce(t *testing.T) {
	r := newRig(t)
	var wg sync.WaitGroup
	for sender := range 16 {
		wg.Go(func() {
			for i := range 20 {
				body := fmt.Sprintf(`{"sender":%d,"n":%d}`, sender, i)
				req := r.request("github", body)
				rec := httptest.NewRecorder()
				r.ingest.ServeHTTP(rec, httptestCopy(req, body))
				id, _ := answer{rec.Code, rec.Header(), rec.Body.String()}.receipt(t)
				if got := r.body(id); got != body {
					t.Errorf("%s holds %s, want %s", id, got, body)
				}
			}
		})
	}
	wg.Wait()
	if n := r.ingest.Stats("github").Results["accepted"]; n != 16*20 {
		t.Errorf("%d accepted", n)
	}
}

// httptestCopy is req as a server sees it.
func httptestCopy(req *http.Request, body string) *http.Request {
	in := httptest.NewRequest(req.Method, req.URL.RequestURI(), strings.NewReader(body))
	in.Header = req.Header
	return in
}

// TestProofThatCannotBeDone: a source whose verifier is missing, or knows no scheme, lets nobody in.
func TestProofThatCannotBeDone(t *testing.T) {
	for name, c := range map[string]struct {
		verifier *verify.Verifier
		want     int
	}{"missing": {nil, 503}, "without a scheme": {new(verify.Verifier), 401}} {
		r := newRig(t)
		req := r.request("github", `{}`)
		source, _ := r.rules.Load().Source("github")
		source.Verifier = c.verifier
		if got := r.do(req); got.Status != c.want || r.log.Len() != 0 {
			t.Errorf("%s: %+v, %d records", name, got, r.log.Len())
		}
	}
}
