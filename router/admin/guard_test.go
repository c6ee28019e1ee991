package admin

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
)

// guarded is the guard with every pattern of the API behind it, where a handler only says that it was reached.
func guarded(o Options) (http.Handler, []string) {
	a := &api{opts: o.withDefaults(), streams: make(chan struct{}, 1)}
	mux := http.NewServeMux()
	var patterns []string
	for _, r := range a.routes() {
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
		patterns = append(patterns, r.pattern)
	}
	return a.guard(withProblems(mux)), patterns
}

func ask(h http.Handler, pattern string, change func(*http.Request)) *httptest.ResponseRecorder {
	method, path, _ := strings.Cut(pattern, " ")
	path = strings.NewReplacer("{id}", event.EventID{}.String(), "{name}", "x").Replace(path)
	req := httptest.NewRequest(method, path, nil)
	req.Host = "localhost:8081"
	if change != nil {
		change(req)
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec
}

func TestEveryRouteKnowsItsHosts(t *testing.T) {
	h, patterns := guarded(Options{Hosts: []string{"hooks.internal"}})
	good := []string{"localhost", "localhost:8081", "LOCALHOST:1", "127.0.0.1:8081", "[::1]:8081", "[::1]", "10.1.2.3", "hooks.internal:8081"}
	bad := []string{
		"evil.example", "evil.example:8081", "localhost.evil.example", "localhost.", "127.0.0.1.nip.io", "", "hooks.internal.",
		"evil.example:127.0.0.1", "127.0.0.1.", "0x7f.1", "localhost:80:80", "xhooks.internal", "[evil.example]:80",
		"localhost@evil.example", "evil.example#localhost", "localhost\x00", "127.0.0.1 ", "2130706433", "0177.0.0.1", "[::1", "localhost,evil.example",
	}
	for _, pattern := range patterns {
		for _, host := range good {
			if got := ask(h, pattern, func(r *http.Request) { r.Host = host }).Code; got != http.StatusTeapot {
				t.Errorf("%s at %q: %d", pattern, host, got)
			}
		}
		for _, host := range bad {
			if got := ask(h, pattern, func(r *http.Request) { r.Host = host }).Code; got != http.StatusMisdirectedRequest {
				t.Errorf("%s at %q: %d, want 421", pattern, host, got)
			}
		}
	}
}

func TestNoPageOfOthersChangesAnything(t *testing.T) {
	h, patterns := guarded(Options{})
	foreign := []map[string]string{
		{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "null"}, {"Origin": "https://evil.example"},
		{"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost:8081"},
	}
	own := []map[string]string{{}, {"Sec-Fetch-Site": "same-origin"}, {"Origin": "http://localhost:8081"}}
	checked := 0
	for _, pattern := range patterns {
		if !strings.HasPrefix(pattern, "POST ") {
			continue
		}
		checked++
		for _, headers := range foreign {
			if got := askWith(h, pattern, headers); got != http.StatusForbidden {
				t.Errorf("%s with %v: %d, want 403", pattern, headers, got)
			}
		}
		for _, headers := range own {
			if got := askWith(h, pattern, headers); got != http.StatusTeapot {
				t.Errorf("%s with %v: %d", pattern, headers, got)
			}
		}
	}
	if checked < 8 {
		t.Errorf("only %d routes that change something were found", checked)
	}
}

func askWith(h http.Handler, pattern string, headers map[string]string) int {
	return ask(h, pattern, func(r *http.Request) {
		for k, v := range headers {
			r.Header.Set(k, v)
		}
	}).Code
}

func TestTokenIsAskedForEverywhereButForHealth(t *testing.T) {
	h, patterns := guarded(Options{Token: func() string { return "sesame" }})
	for _, pattern := range patterns {
		open := pattern == "GET /healthz" || pattern == "GET /readyz"
		for token, want := range map[string]bool{"": open, "Bearer ": open, "Bearer wrong": open, "sesame": open, "Bearer sesame": true} {
			got := ask(h, pattern, func(r *http.Request) { r.Header.Set("Authorization", token) }).Code
			if (got == http.StatusTeapot) != want || !want && got != http.StatusUnauthorized {
				t.Errorf("%s with %q: %d", pattern, token, got)
			}
		}
	}
}

// TestNothingToDebugWith: what Go programs often have on some port is not here, and no other origin may read anything.
func TestNothingToDebugWith(t *testing.T) {
	h, patterns := guarded(Options{})
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/vars", "/debug/requests", "/config", "/env", "/.git/config"} {
		if got := ask(h, "GET "+path, nil).Code; got != http.StatusNotFound {
			t.Errorf("%s: %d", path, got)
		}
	}
	for _, pattern := range patterns {
		_, path, _ := strings.Cut(pattern, " ")
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
			rec := ask(h, method+" "+path, func(r *http.Request) {
				r.Header.Set("Origin", "https://evil.example")
				r.Header.Set("Access-Control-Request-Method", "POST")
			})
			for name := range rec.Header() {
				if strings.HasPrefix(name, "Access-Control-") {
					t.Errorf("%s %s has %s", method, path, name)
				}
			}
		}
	}
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	h, patterns := guarded(Options{})
	for _, pattern := range append(patterns, "GET /nothing", "DELETE /api/v1/events") {
		got := ask(h, pattern, nil).Header()
		for _, name := range []string{"X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy", "Referrer-Policy", "Cache-Control"} {
			if got.Get(name) == "" {
				t.Errorf("%s: no %s", pattern, name)
			}
		}
	}
}

func TestUnknownAddressesAreProblems(t *testing.T) {
	h, _ := guarded(Options{})
	for pattern, want := range map[string]int{
		"GET /nothing": 404, "GET /": 404, "GET /api/v1/": 404, "DELETE /api/v1/events": 405, "GET /api/v1/rules/reload": 405,
	} {
		rec := ask(h, pattern, nil)
		var p client.Problem
		if err := json.Unmarshal(rec.Body.Bytes(), &p); err != nil || rec.Code != want || p.Status != want ||
			rec.Header().Get("Content-Type") != "application/problem+json" || (want == 405) != (rec.Header().Get("Allow") != "") {
			t.Errorf("%s: %d %s %v", pattern, rec.Code, rec.Body, rec.Header())
		}
	}
}

func TestBodiesAreCapped(t *testing.T) {
	a := &api{opts: Options{}.withDefaults()}
	h := a.guard(a.raw(func(_ http.ResponseWriter, r *http.Request) error {
		_, err := io.Copy(io.Discard, r.Body)
		return badRequest("%v", err)
	}))
	rec := ask(h, "POST /x", func(r *http.Request) { r.Body = io.NopCloser(strings.NewReader(strings.Repeat("x", maxRequestBody+1))) })
	if !strings.Contains(rec.Body.String(), "too large") {
		t.Errorf("answer %d %s", rec.Code, rec.Body)
	}
}

// TestCauseIsLoggedNotTold: the client learns that it is our fault, the log why.
func TestCauseIsLoggedNotTold(t *testing.T) {
	var logged strings.Builder
	a := &api{opts: Options{Logger: testLogger(&logged)}.withDefaults()}
	h := a.raw(func(http.ResponseWriter, *http.Request) error { return errors.New("read /var/lib/x: bad sector") })
	rec := ask(h, "GET /x", nil)
	if rec.Code != 500 || strings.Contains(rec.Body.String(), "sector") || !strings.Contains(logged.String(), "bad sector") {
		t.Errorf("answer %d %s, log %s", rec.Code, rec.Body, logged.String())
	}
}
