package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/hookrouter/hookrouter/router/admin"
	"github.com/hookrouter/hookrouter/rules"
)

// Limits of the HTTP servers. The body of an event has its own deadline, which ingest sets.
const (
	headerTimeout  = 5 * time.Second
	requestTimeout = 15 * time.Second // for a body that the handler did not ask for: net/http reads it to its end
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
	maxFields      = 200              // of a header: a short one takes twenty times its bytes in memory
	maxStreams     = 100              // of one HTTP/2 connection
	pingAfter      = 15 * time.Second // an HTTP/2 connection that says nothing is asked, and closed when it says nothing still
	closeTimeout   = 5 * time.Second  // for the last answers to operators, when everything else has ended
	sendersTimeout = 25 * time.Second // for the last requests of senders: headers, body and ack
	answerTimeout  = 45 * time.Second // from a request's headers to its answer, for senders who do not read
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
// readiness off, closes the listener, lets attempts end within Drain, makes everything durable and closes. It may be
// called once.
func (r *Router) Run(ctx context.Context) error {
	defer r.close()
	store := start("queue", r.queue.Run)
	lanes := start("deliver", r.deliver.Run)
	watch := start("files", func(ctx context.Context) error { r.watchFiles(ctx); return nil })
	operators, senders := r.server(noDeliveries(r.admin)), r.server(r.public())
	senders.WriteTimeout = answerTimeout
	senders.ConnState = r.crowd.watch
	r.serve(operators, r.adminListener, nil)
	r.serve(senders, r.publicListener, r.certificate)
	r.log.Info("ready", "listen", r.Addr(), "admin", r.AdminAddr(), "version", r.o.Version)

	select {
	case <-ctx.Done():
		r.drain()
	case <-store.done:
	case <-lanes.done:
	}
	lanes.stop()
	shutdown(senders, sendersTimeout)
	err := errors.Join(watch.end(), lanes.end(), store.end())
	shutdown(operators, closeTimeout)
	r.log.Info("stopped")
	return err
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

// watchFiles follows the rules and the certificate until ctx ends.
func (r *Router) watchFiles(ctx context.Context) {
	var wg sync.WaitGroup
	if r.certificate != nil {
		wg.Go(func() { r.certificate.watch(ctx) })
	}
	r.rules.watch(ctx)
	wg.Wait()
}

func (r *Router) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler: wellFormed(strictFraming(h)), ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		DisableGeneralOptionsHandler: true, // it would answer OPTIONS * past strictFraming
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: maxStreams, SendPingTimeout: pingAfter, PingTimeout: pingAfter},
		ErrorLog:                     slog.NewLogLogger(r.log.Handler(), slog.LevelDebug),
	}
}

// serve answers on a listener, with TLS where there is a certificate.
func (r *Router) serve(s *http.Server, ln net.Listener, cert *certificate) {
	serve := func() error { return s.Serve(ln) }
	if cert != nil {
		s.TLSConfig = cert.config()
		serve = func() error { return s.ServeTLS(ln, "", "") }
	}
	go func() {
		if err := serve(); !errors.Is(err, http.ErrServerClosed) {
			r.log.Error("listener ended", "addr", ln.Addr().String(), "err", err)
		}
	}()
}

// strictFraming ends the connection after every request whose end another reader could see elsewhere: net/http takes
// a Content-Length beside chunks away before anybody can see it, and ignores chunks in HTTP/1.0. RFC 9112, section 6.3,
// wants the connection closed in both cases.
func strictFraming(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.TransferEncoding) > 0 || !r.ProtoAtLeast(1, 1) {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// wellFormed refuses at once what net/http lets through: headers of many fields, which who sends the body slowly would
// keep in memory for long, and targets that are neither a path nor, as RFC 9110, section 4.2, has it, a URL with a host
// and without a user.
func wellFormed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fields := 0
		for _, values := range r.Header {
			fields += len(values)
		}
		switch u := r.URL; {
		case fields > maxFields:
			refuse(w, http.StatusRequestHeaderFieldsTooLarge)
		case u.Scheme != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil):
			refuse(w, http.StatusBadRequest)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// refuse ends the connection after the answer, as net/http does with what it cannot read.
func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Connection", "close")
	_ = http.NewResponseController(w).SetReadDeadline(time.Now()) // net/http does not wait for the body then
	http.Error(w, http.StatusText(status), status)
}

// shutdown closes the listener and waits for answers under way.
func shutdown(s *http.Server, timeout time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	if err := s.Shutdown(ctx); err != nil {
		_ = s.Close()
	}
}

// IsLoopback reports whether only this machine can reach a listener on addr, a host and port.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
