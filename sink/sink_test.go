package sink_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hookrouter/hookrouter/sink"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t *testing.T, o sink.Options) (*sink.Sink, *httptest.Server) {
	t.Helper()
	s := sink.New(o)
	srv := httptest.NewServer(s)
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		http.DefaultClient.CloseIdleConnections()
	})
	return s, srv
}

// post returns the status, or 0 when there was no usable answer within a second.
func post(t *testing.T, url, body string) (int, http.Header) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("webhook-id", "dlv_1")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil
	}
	defer func() { _ = resp.Body.Close() }()
	if _, err := io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20)); err != nil {
		return 0, nil
	}
	return resp.StatusCode, resp.Header
}

func TestRecordsWhatItReceives(t *testing.T) {
	var log bytes.Buffer
	s, srv := start(t, sink.Options{Keep: 2, KeepBody: 4, Log: &log})
	for _, body := range []string{"one", "three", strings.Repeat("x", 100_000)} {
		if status, _ := post(t, srv.URL+"/p?q=1", body); status != 200 {
			t.Fatalf("status %d, want 200", status)
		}
	}
	got := s.Received()
	if len(got) != 2 || got[0].Number != 2 || got[1].Number != 3 || s.Count() != 3 {
		t.Fatalf("kept %v of %d, want the newest two of 3", got, s.Count())
	}
	last := got[1]
	want := sha256.Sum256([]byte(strings.Repeat("x", 100_000)))
	if last.Hash != want || last.Size != 100_000 || string(last.Body) != "xxxx" || last.ID != "dlv_1" || last.Path != "/p?q=1" {
		t.Errorf("recorded %+v", last)
	}
	if n := strings.Count(log.String(), "\n"); n != 3 || !strings.Contains(log.String(), `POST "/p?q=1"  100000 bytes`) {
		t.Errorf("log is %q", log.String())
	}
}

func TestAnswersAsTold(t *testing.T) {
	s, srv := start(t, sink.Options{Status: 202, FailEvery: 3})
	s.Set("/busy", sink.Behavior{Status: 503, RetryAfter: "7"})
	var got []int
	for range 6 {
		status, _ := post(t, srv.URL, "")
		got = append(got, status)
	}
	want := []int{202, 202, 500, 202, 202, 500}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("answers %v, want %v", got, want)
		}
	}
	if status, h := post(t, srv.URL+"/busy", ""); status != 503 || h.Get("Retry-After") != "7" {
		t.Errorf("busy path answered %d %v", status, h)
	}
	s.FailEvery(0)
	s.SetStatus(418)
	if status, _ := post(t, srv.URL, ""); status != 418 {
		t.Errorf("after SetStatus: %d", status)
	}
	s.Choose(func(r sink.Request) sink.Behavior { return sink.Behavior{Status: 200 + r.Number} })
	if status, _ := post(t, srv.URL, ""); status != 209 {
		t.Errorf("chosen answer %d, want 209", status)
	}
}

func TestFaultsAreNoAnswers(t *testing.T) {
	s, srv := start(t, sink.Options{})
	for f := sink.Hang; f <= sink.Garbage; f++ {
		s.Set("", sink.Behavior{Fault: f})
		status, _ := post(t, srv.URL, "hello")
		usable := f == sink.HugeBody || f == sink.Informational // its first MiB; net/http skips what comes before
		if (status != 0) != usable {
			t.Errorf("fault %d: status %d", f, status)
		}
	}
	if s.Count() != int(sink.Garbage) {
		t.Errorf("recorded %d requests, want %d", s.Count(), sink.Garbage)
	}
}

func TestWaitIsWokenByRequests(t *testing.T) {
	s, srv := start(t, sink.Options{Keep: -1})
	var wg sync.WaitGroup
	for range 10 {
		wg.Go(func() { post(t, srv.URL, "x") })
	}
	if err := s.Wait(10, 10*time.Second); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	if err := s.Wait(11, time.Millisecond); err == nil {
		t.Error("waiting for a request that never comes must fail")
	}
	if len(s.Received()) != 0 {
		t.Error("a sink that keeps nothing must return nothing")
	}
}
