package router

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/hookrouter/hookrouter/router/admin"
	"github.com/hookrouter/hookrouter/rules"
)

// part is one thing that runs until it is stopped. The parts stop one after the other, each when those that need it
// have ended.
type part struct {
	name string
	stop context.CancelFunc
	done chan struct{} // closed when it has ended, with err set
	err  error
}

func start(name string, run func(context.Context) error) *part {
	ctx, cancel := context.WithCancel(context.Background())
	p := &part{name: name, stop: cancel, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		if err := run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			p.err = fmt.Errorf("%s: %w", name, err)
		}
	}()
	return p
}

// end stops the part and waits for it.
func (p *part) end() error {
	p.stop()
	<-p.done
	return p.err
}

// Run serves until ctx ends or something fails, then stops in order: it goes on accepting for DrainDelay with
// readiness off, closes the listener, lets attempts end within Drain, makes everything durable and closes. A socket that
// was handed over is served until the attempts have ended: who comes later waits in it for the next process, and should
// not wait for long. It may be called once.
func (r *Router) Run(ctx context.Context) error {
	defer r.close()
	store := start("queue", r.queue.Run)
	lanes := start("deliver", r.deliver.Run)
	alerts := start("alerts", func(ctx context.Context) error { r.alerts.run(ctx); return nil })
	watch := start("files", func(ctx context.Context) error { r.watchFiles(ctx); return nil })
	operators := r.newFront(noDeliveries(r.admin), r.adminListener, nil)
	senders := r.newFront(r.public(), r.publicListener, r.crowd.watch)
	senders.server.WriteTimeout = answerTimeout
	operators.serve(nil)
	senders.serve(r.certificate)
	close(r.serving)
	r.log.Info("ready", "listen", r.Addr(), "admin", r.AdminAddr(), "version", r.o.Version)

	select {
	case <-ctx.Done():
		r.drain()
	case <-operators.ended:
	case <-senders.ended:
	case <-store.done:
	case <-lanes.done:
	}
	lanes.stop()
	if r.o.PublicSocket == nil {
		senders.end(sendersTimeout)
	}
	err := errors.Join(watch.end(), alerts.end(), lanes.end())
	senders.end(sendersTimeout)
	err = errors.Join(err, store.end())
	operators.end(closeTimeout)
	r.log.Info("stopped")
	return errors.Join(err, senders.err, operators.err)
}

// drain goes on accepting for a while after readiness went off: whatever stands in front needs that long to notice.
func (r *Router) drain() {
	r.ingest.Drain()
	r.log.Info("stopping", "accepting_for", r.o.DrainDelay)
	sleep(context.Background(), r.o.DrainDelay)
}

// public is what senders reach: the sources, and health for whatever stands in front. No mux: it would redirect paths
// that a source may have.
func (r *Router) public() http.Handler {
	health := admin.Health(r.ready)
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if r.ingest.Draining() {
			w.Header().Set("Connection", "close") // the next request finds who comes after this process
		}
		if path := req.URL.EscapedPath(); path == "/healthz" || path == "/readyz" {
			health.ServeHTTP(w, req)
			return
		}
		r.ingest.ServeHTTP(w, req)
	})
}

// noDeliveries keeps deliveries, ours or another hookrouter's, away from the admin API: an operator is not a destination.
func noDeliveries(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		if rules.Hops(req.Header) > 0 {
			http.Error(w, "the admin API takes no deliveries", http.StatusLoopDetected)
			return
		}
		h.ServeHTTP(w, req)
	})
}

// watchFiles follows the rules, the certificate and the admin token until ctx ends.
func (r *Router) watchFiles(ctx context.Context) {
	var wg sync.WaitGroup
	if r.certificate != nil {
		wg.Go(func() { r.certificate.watch(ctx) })
	}
	if r.token != nil {
		wg.Go(func() { r.token.watch(ctx) })
	}
	r.rules.watch(ctx)
	wg.Wait()
}
