package client_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
)

// serve answers every request with h and gives a client of it.
func serve(t *testing.T, h http.HandlerFunc) *client.Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c := client.New(server.URL+"/", "sesame")
	t.Cleanup(c.Close)
	return c
}

func TestAnswersThatSayNo(t *testing.T) {
	for _, c := range []struct {
		status int
		body   string
		want   string
	}{
		{404, `{"title":"Not Found","status":404,"detail":"no such source"}`, "no such source"},
		{404, `{"title":"Not Found","status":404}`, "404 Not Found"},
		{502, "<html>bad gateway</html>", "502 Bad Gateway"},
		{500, "", "500 Internal Server Error"},
		{503, `{"status":200,"detail":"full"}`, "full"},
		{302, "", "302 Found"},
		{599, "", "status 599"},
	} {
		api := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "http://127.0.0.1:9/")
			w.WriteHeader(c.status)
			_, _ = w.Write([]byte(c.body))
		})
		_, err := api.Status(t.Context())
		var e *client.Error
		if !errors.As(err, &e) || e.Problem.Status != c.status || err.Error() != c.want {
			t.Errorf("%d %q: error %v, want %q", c.status, c.body, err, c.want)
		}
		if client.NotFound(err) != (c.status == 404) {
			t.Errorf("%d: not found is %v", c.status, client.NotFound(err))
		}
	}
}

func TestRequestIsAsAsked(t *testing.T) {
	var got string
	api := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = fmt.Sprint(r.Method, " ", r.URL.RequestURI(), " ", r.Header.Get("Authorization"))
		_, _ = w.Write([]byte("{}"))
	})
	_, err := api.Events(t.Context(), client.Filter{
		Source: "a b", State: "dead", Limit: 5, Since: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.FixedZone("", 3600)),
	})
	if want := "GET /api/v1/events?limit=5&since=2026-01-02T02%3A04%3A05.000006Z&source=a+b&state=dead Bearer sesame"; err != nil || got != want {
		t.Errorf("%s\nwant %s (%v)", got, want, err)
	}
	_, err = api.Pause(t.Context(), "a/b?c")
	if want := "POST /api/v1/destinations/a%2Fb%3Fc/pause Bearer sesame"; err != nil || got != want {
		t.Errorf("%s\nwant %s (%v)", got, want, err)
	}
}

func TestNoAnswerIsUnreachable(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := "http://" + ln.Addr().String()
	ln.Close()
	_, err = client.New(address, "").Status(t.Context())
	var un *client.UnreachableError
	if !errors.As(err, &un) || !strings.HasPrefix(err.Error(), "server "+address+": ") {
		t.Errorf("error %v", err)
	}
	hung := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	late, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := hung.Status(late); !errors.As(err, &un) {
		t.Errorf("a server that does not answer: %v", err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := hung.Status(canceled); !errors.Is(err, context.Canceled) || errors.As(err, &un) {
		t.Errorf("the caller's own end: %v", err)
	}
}

func TestStreamEnds(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want string
	}{
		"broken":  {": hello\n\nid: 1-1\nevent: event\ndata: {\"id\":\"1-1\",\"kind\":\"event\"}\n\n", "unexpected EOF"},
		"garbled": {"data: {\"id\":\"1-1\"}\n\ndata: {\n\n", "stream: unexpected end of JSON input"},
	} {
		api := serve(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Last-Event-ID") != "7-2" {
				w.WriteHeader(http.StatusBadRequest)
			}
			_, _ = w.Write([]byte(c.text))
		})
		var ids []string
		var last error
		for u, err := range api.Stream(t.Context(), "7-2") {
			if last = err; err == nil {
				ids = append(ids, u.ID)
			}
		}
		if len(ids) != 1 || ids[0] != "1-1" || last == nil || !strings.Contains(last.Error(), c.want) {
			t.Errorf("%s: ids %v, error %v", name, ids, last)
		}
	}
}

func TestStreamEndsQuietlyWithItsContext(t *testing.T) {
	api := serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("data: {\"id\":\"1-1\"}\n\n"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range api.Stream(ctx, client.Newest) {
		if n++; err != nil {
			t.Errorf("error %v", err)
		}
		cancel()
	}
	if n != 1 {
		t.Errorf("%d updates", n)
	}
}
