package ingest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

// slowLog takes its time over each append, until the test says done.
type slowLog struct {
	*logtest.Memory
	asked, done chan struct{}
}

func (l *slowLog) Append(ctx context.Context, recs ...queue.Record) (queue.Pos, error) {
	l.asked <- struct{}{}
	select {
	case <-l.done:
		return l.Memory.Append(ctx, recs...)
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

// slowRig is a rig whose log is slow; ended gets the context of each request when it is over.
func slowRig(t *testing.T, change func(*ingest.Options)) (r *rig, log *slowLog, ended chan error) {
	t.Helper()
	log = &slowLog{logtest.NewMemory(), make(chan struct{}, 10), make(chan struct{})}
	r = rigOn(t, log, rulesText, change)
	r.log = log.Memory
	ended = make(chan error, 10)
	r.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.ingest.ServeHTTP(w, req)
		ended <- req.Context().Err()
	})
	return r, log, ended
}

// rigOn is a rig on a log of the test's own.
func rigOn(t *testing.T, log queue.Log, rules string, change func(*ingest.Options)) *rig {
	t.Helper()
	r := &rig{t: t, logged: &lines{}}
	r.rules.Store(parse(t, rules))
	r.queue = openQueue(t, log, queue.Options{Dir: t.TempDir()})
	o := ingest.Options{Queue: r.queue, Rules: r.rules.Load}
	change(&o)
	var err error
	if r.ingest, err = ingest.New(o); err != nil {
		t.Fatal(err)
	}
	r.server = httptest.NewServer(r.ingest)
	t.Cleanup(r.server.Close)
	return r
}

func TestHangingUpDoesNotStopTheCommit(t *testing.T) {
	r, log, ended := slowRig(t, func(*ingest.Options) {})
	conn := r.dial()
	if err := r.request("github", `{}`).Write(conn); err != nil {
		t.Fatal(err)
	}
	<-log.asked
	conn.Close()
	select {
	case <-ended:
		t.Fatal("the request ended before its event was stored")
	case <-time.After(100 * time.Millisecond): // what would end it comes at once
	}
	close(log.done)
	if err := <-ended; err == nil {
		t.Error("the server did not notice that the sender hung up: nothing was tested")
	}
	if got := r.ingest.Stats("github").Results["accepted"]; got != 1 {
		t.Errorf("results %v", r.ingest.Stats("github").Results)
	}
}

// TestBodyDeadlineIsNotTheAnswers: a commit may take longer than a body may.
func TestBodyDeadlineIsNotTheAnswers(t *testing.T) {
	r, log, ended := slowRig(t, func(o *ingest.Options) { o.BodyTimeout = 50 * time.Millisecond })
	time.AfterFunc(150*time.Millisecond, func() { close(log.done) })
	if got := r.send("github", `{}`); got.Status != 202 {
		t.Errorf("answer %+v", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("the request's context ended: %v", err)
	}
}

func TestAckHasADeadline(t *testing.T) {
	r, log, _ := slowRig(t, func(o *ingest.Options) { o.AckTimeout = 50 * time.Millisecond })
	if got := r.send("github", `{}`); got.Status != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("answer %+v", got)
	}
	close(log.done)
	if got := r.send("github", `{}`); got.Status != 202 {
		t.Errorf("answer %+v when the log is well again", got)
	}
}
