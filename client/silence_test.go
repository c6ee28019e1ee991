package client

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// TestSilentStreamEnds: a connection that broke without a word ends as one that nobody answers, so that it is made anew.
func TestSilentStreamEnds(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(": hello\n\ndata: {\"id\":\"1-1\"}\n\ndata: {\"id\":\"1-2\"}\n\n"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	c := New(server.URL, "")
	defer c.Close()
	c.silence = 50 * time.Millisecond
	var ids []string
	var last error
	for u, err := range c.Stream(t.Context(), Newest) {
		if last = err; err == nil {
			ids = append(ids, u.ID)
			time.Sleep(2 * c.silence) // a slow caller is not silence
		}
	}
	var gone *UnreachableError
	if !errors.As(last, &gone) || !errors.Is(last, errSilent) || len(ids) != 2 {
		t.Errorf("updates %v, then %v", ids, last)
	}
}
