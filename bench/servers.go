package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/hookrouter/hookrouter/router"
)

// secret signs every event; it is not one that example rules use.
const secret = "the-secret-of-the-benchmarks"

// The servers that are measured. sink is where the others deliver to.
const (
	bare    = "bare"    // net/http: read the body, answer 202
	proxy   = "proxy"   // httputil.ReverseProxy
	accept  = "accept"  // hookrouter: verify, store, answer; no route wants the event
	deliver = "deliver" // hookrouter: verify, match on the body, store, answer, deliver
	sinkish = "sink"
)

// serveAs is this process as one of the servers, until it is told to stop. It prints its address, and that of its admin API.
func serveAs(name, to, data string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	switch name {
	case bare:
		return serveHandler(ctx, http.HandlerFunc(readAndAccept))
	case sinkish:
		return serveHandler(ctx, counting())
	case proxy:
		return serveHandler(ctx, reverseProxy(to))
	case accept, deliver, routes10, routes10000, plain100:
		return serveRouter(ctx, name, to, data)
	}
	return fmt.Errorf("no server %q", name)
}

func readAndAccept(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return
	}
	w.WriteHeader(http.StatusAccepted)
}

// counting is a destination that says at /count how many requests it got.
func counting() http.Handler {
	var n atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/count" {
			_, _ = fmt.Fprint(w, n.Load())
			return
		}
		n.Add(1)
		readAndAccept(w, r)
	})
}

// reverseProxy has as many idle connections as it can use; the default of two would be unfair.
func reverseProxy(to string) http.Handler {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 256
	return &httputil.ReverseProxy{
		Transport: transport,
		Rewrite:   func(p *httputil.ProxyRequest) { p.SetURL(&url.URL{Scheme: "http", Host: to}) },
	}
}

func serveHandler(ctx context.Context, h http.Handler) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(ln.Addr())
	s := &http.Server{Handler: h} //nolint:gosec // a bare handler is what is measured
	context.AfterFunc(ctx, func() { _ = s.Close() })
	if err := s.Serve(ln); ctx.Err() == nil {
		return err
	}
	return nil
}

const routerRules = `
version: 1
sources:
  in: { preset: github, secret: "${SECRET}" }
  other: { preset: stripe, secret: "${SECRET}" }
destinations:
  to: { url: "http://%s/to", limit: { concurrency: 64 } }
routes:
%s`

// rulesFor is the rules file of a server: its routes are all that differs. The one of accept does not hold, and does not
// look into the body.
func rulesFor(name, to string) string {
	var routes string
	switch name {
	case accept:
		routes = "  - { name: match, from: in, when: 'event == \"ping\"', to: to }\n"
	case deliver:
		routes = "  - { name: match, from: in, when: 'event == \"push\" and body.ref == \"refs/heads/main\"', to: to }\n"
	default:
		routes = routesOf(name)
	}
	return fmt.Sprintf(routerRules, to, routes)
}

// serveRouter runs hookrouter on a data directory, or on an empty one that goes with it.
func serveRouter(ctx context.Context, name, to, dir string) (err error) {
	if dir == "" {
		if dir, err = os.MkdirTemp("", "hookrouter-bench-"); err != nil {
			return err
		}
		defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	}
	file := filepath.Join(dir, "rules.yaml")
	if err := os.WriteFile(file, []byte(rulesFor(name, to)), 0o600); err != nil {
		return err
	}
	r, err := router.New(ctx, router.Options{
		RulesFile: file, Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", Data: filepath.Join(dir, "data"),
		Env: func(string) (string, bool) { return secret, true },
	})
	if err != nil {
		return err
	}
	fmt.Println(r.Addr(), r.AdminAddr())
	return r.Run(ctx)
}
