package ingest_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

func TestStoredEventIsWhatWasSent(t *testing.T) {
	r := newRig(t)
	req := r.request("github", `{"a": 1 }`)
	req.Header["X-Twice"] = []string{"one", "two"}
	req.URL.RawQuery = "b=2&a=%201"
	got := r.do(req)
	id, duplicate := got.receipt(t)
	if got.Status != 202 || duplicate || got.Header.Get("Content-Type") != "application/json" {
		t.Fatalf("answer %+v", got)
	}
	eid, err := event.ParseEventID(id)
	if err != nil {
		t.Fatal(err)
	}
	ev, err := r.queue.Full(context.Background(), eid)
	if err != nil {
		t.Fatal(err)
	}
	if string(ev.Body) != `{"a": 1 }` || ev.Source != "github" || ev.Type != "push" || ev.Method != http.MethodPost ||
		ev.Path != "/in/github" || ev.Query != "b=2&a=%201" || ev.RemoteIP != "127.0.0.1" || ev.ReceivedAt.Location() != time.UTC {
		t.Errorf("event %+v", ev)
	}
	if v := ev.Header["X-Twice"]; len(v) != 2 || v[0] != "one" || v[1] != "two" {
		t.Errorf("headers %v", ev.Header)
	}
	detail, err := r.queue.Event(context.Background(), eid)
	if err != nil || len(detail.Deliveries) != 1 || detail.Deliveries[0].Delivery.State != event.Pending {
		t.Errorf("deliveries %+v, %v", detail, err)
	}
}

func TestAnswers(t *testing.T) {
	r := newRig(t)
	forged := func(source string) *http.Request {
		req := r.request(source, `{}`)
		for name := range req.Header {
			if strings.Contains(name, "Signature") {
				req.Header.Set(name, "sha256="+strings.Repeat("0", 64))
			}
		}
		return req
	}
	at := func(req *http.Request, method, path string) *http.Request {
		req.Method, req.URL.Path = method, path
		return req
	}
	for _, c := range []struct {
		name   string
		req    *http.Request
		status int
		body   string // contained in the answer
		header [2]string
		source string
		result string
		stored int // records
	}{
		{"stored", r.request("github", `{"n":1}`), 202, `{"id":"evt_`, [2]string{}, "github", "accepted", 1},
		{"own answer", r.request("own", `{"n":2}`), 200, "thanks", [2]string{"X-Own", "yes"}, "own", "accepted", 1},
		{"own empty answer", r.request("empty", `{"n":2}`), 204, "", [2]string{}, "empty", "accepted", 1},
		{"no route", r.request("lonely", `{"n":3}`), 202, `{"id":"evt_`, [2]string{}, "lonely", "unmatched", 1},
		{"no route, not wanted", r.request("picky", `{"n":4}`), 404, `"status":404`, [2]string{}, "picky", "rejected", 0},
		{"empty body", r.request("open", ""), 202, `{"id":"evt_`, [2]string{}, "open", "accepted", 1},
		{"unknown path", at(r.request("github", `{}`), "POST", "/in/nobody"), 404, `"status":404`, [2]string{}, "", "unknown_path", 0},
		{"other spelling of a path", at(r.request("github", `{}`), "POST", "/in/github/"), 404, "", [2]string{}, "", "unknown_path", 0},
		{"wrong method", at(r.request("github", `{}`), "PUT", "/in/github"), 405, "", [2]string{"Allow", "POST"}, "github", "bad_method", 0},
		{"method with no body", at(r.request("open", ``), "GET", "/in/open"), 202, "", [2]string{}, "open", "accepted", 1},
		{"forged", forged("github"), 401, `"title":"Unauthorized"`, [2]string{"Content-Type", "application/problem+json"}, "github", "unverified", 0},
		{"too large", r.request("github", strings.Repeat("x", 256<<10+1)), 413, "", [2]string{"Connection", "close"}, "github", "body_too_large", 0},
		{"as large as allowed", r.request("github", strings.Repeat("x", 256<<10)), 202, "", [2]string{}, "github", "accepted", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			before, counted := r.log.Len(), r.ingest.Stats(c.source).Results[c.result]
			got := r.do(c.req)
			if got.Status != c.status || !strings.Contains(got.Body, c.body) {
				t.Errorf("answer %d %q, want %d with %q", got.Status, got.Body, c.status, c.body)
			}
			if c.header[0] == "Connection" { // net/http shows it otherwise
				c.header[0] = ""
			}
			if c.header[0] != "" && got.Header.Get(c.header[0]) != c.header[1] {
				t.Errorf("header %v", got.Header)
			}
			if n := r.log.Len() - before; n != c.stored {
				t.Errorf("%d records were written, want %d", n, c.stored)
			}
			if n := r.ingest.Stats(c.source).Results[c.result] - counted; n != 1 {
				t.Errorf("counted %d times as %s: %v", n, c.result, r.ingest.Stats(c.source))
			}
			if c.status >= 400 && strings.Contains(got.Body, "evt_") {
				t.Error("a refusal has an id")
			}
		})
	}
	if n := r.ingest.BytesInFlight(); n != 0 {
		t.Errorf("%d bytes are still counted as in flight", n)
	}
}

func TestDuplicateHasTheFirstID(t *testing.T) {
	r := newRig(t)
	first, _ := r.send("github", `{"push":1}`).receipt(t)
	again := r.send("github", `{"push":1}`)
	id, duplicate := again.receipt(t)
	if again.Status != 202 || id != first || !duplicate {
		t.Errorf("first %s, then %d %q", first, again.Status, again.Body)
	}
	if id, duplicate := r.send("github", `{"push":2}`).receipt(t); id == first || duplicate {
		t.Error("another body is another event")
	}
	if got := r.ingest.Stats("github").Results["duplicate"]; got != 1 {
		t.Errorf("counted %d duplicates", got)
	}
}

func TestOurTroubleIs503(t *testing.T) {
	r := newRig(t, func(o *ingest.Options, q *queue.Options) { q.MaxPending = 2 })
	trouble := func(what string) {
		t.Helper()
		got := r.send("github", `{"what":"`+what+`"}`)
		after, err := strconv.Atoi(got.Header.Get("Retry-After"))
		if got.Status != 503 || err != nil || after < 5 || after > 60 {
			t.Errorf("%s: answer %d %q, Retry-After %q", what, got.Status, got.Body, got.Header.Get("Retry-After"))
		}
		if strings.Contains(got.Body, what) {
			t.Errorf("%s: the sender is told the cause: %q", what, got.Body)
		}
	}
	r.log.Refuse(errors.New("disk full"))
	trouble("disk full")
	if !strings.Contains(r.logged.String(), "disk full") {
		t.Errorf("the operator is not told the cause: %s", r.logged)
	}
	r.log.Refuse(nil)
	for _, body := range []string{"1", "2"} {
		if got := r.send("github", body); got.Status != 202 {
			t.Fatalf("answer %d", got.Status)
		}
	}
	trouble("too many")
	if n := r.ingest.Stats("github").Results["overloaded"]; n != 1 {
		t.Errorf("results %v", r.ingest.Stats("github").Results)
	}
}

// TestAckIsLost: whatever became of the first try, a sender that comes again never gets a second event.
func TestAckIsLost(t *testing.T) {
	for _, c := range []struct {
		name      string
		fault     logtest.Fault
		duplicate bool
	}{{"append failed and was kept", logtest.Keep, true}, {"append failed and was lost", logtest.Lose, false}} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.log.FailAppend(1, c.fault)
			if got := r.send("github", `{}`); got.Status != 503 {
				t.Fatalf("the outcome is unknown and the answer is %d", got.Status)
			}
			var id string
			eventually(t, "accepted", func() bool {
				got := r.send("github", `{}`)
				if got.Status != 202 {
					return false
				}
				var duplicate bool
				if id, duplicate = got.receipt(t); duplicate != c.duplicate {
					t.Errorf("duplicate %v", duplicate)
				}
				return true
			})
			if again, _ := r.send("github", `{}`).receipt(t); again != id {
				t.Errorf("ids %s and %s", id, again)
			}
			if n := r.queue.Stats().Pending; n != 1 {
				t.Errorf("%d deliveries are pending", n)
			}
		})
	}
}

func TestSenderHangsUpBeforeTheAck(t *testing.T) {
	r := newRig(t)
	conn := r.dial()
	if err := r.request("github", `{"gone":1}`).Write(conn); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	eventually(t, "stored", func() bool { return r.log.Len() == 1 })
	if _, duplicate := r.send("github", `{"gone":1}`).receipt(t); !duplicate {
		t.Error("the event was whole and verified: the second one is a duplicate")
	}
}
