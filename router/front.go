package router

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
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
	closePause     = 10 * time.Millisecond
	answerTimeout  = 45 * time.Second // from a request's headers to its answer, for senders who do not read
)

// front is a listener that is served.
type front struct {
	server *http.Server
	ln     net.Listener
	watch  func(net.Conn, http.ConnState)
	open   atomic.Int64  // connections
	ended  chan struct{} // closed when nothing is accepted any more, with err set
	err    error         // nil after an end that was asked for
}

// newFront makes the server of a listener; watch, if any, hears of its connections.
func (r *Router) newFront(h http.Handler, ln net.Listener, watch func(net.Conn, http.ConnState)) *front {
	f := &front{ln: ln, watch: watch, ended: make(chan struct{})}
	f.server = &http.Server{
		Handler: wellFormed(strictFraming(h)), ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes:               maxHeaderBytes,
		DisableGeneralOptionsHandler: true, // it would answer OPTIONS * past strictFraming
		HTTP2:                        &http.HTTP2Config{MaxConcurrentStreams: maxStreams, SendPingTimeout: pingAfter, PingTimeout: pingAfter},
		ErrorLog:                     slog.NewLogLogger(r.log.Handler(), slog.LevelDebug), ConnState: f.count,
	}
	return f
}

// serve answers until end, with TLS where there is a certificate.
func (f *front) serve(cert *certificate) {
	serve := func() error { return f.server.Serve(f.ln) }
	if cert != nil {
		f.server.TLSConfig = cert.config()
		serve = func() error { return f.server.ServeTLS(f.ln, "", "") }
	}
	go func() {
		defer close(f.ended)
		if err := serve(); !errors.Is(err, net.ErrClosed) {
			f.err = fmt.Errorf("listener %s: %w", f.ln.Addr(), err)
		}
	}()
}

func (f *front) count(conn net.Conn, state http.ConnState) {
	if f.watch != nil {
		f.watch(conn, state)
	}
	switch state {
	case http.StateNew:
		f.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		f.open.Add(-1)
	}
}

// end stops to accept, and waits until everybody who was accepted has an answer. http.Server's Shutdown does not: it
// closes a connection although it has just read the first request on it.
func (f *front) end(timeout time.Duration) {
	_ = f.ln.Close()
	<-f.ended
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	for f.open.Load() > 0 {
		f.server.SetKeepAlivesEnabled(false) // each time closes those that wait for a next request
		if !sleep(ctx, closePause) {
			break
		}
	}
	_ = f.server.Close()
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
// keep in memory for long, more than one length, and targets that are neither a path nor, as RFC 9110, section 4.2, has
// it, a URL with a host and without a user.
func wellFormed(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fields := 0
		for _, values := range r.Header {
			fields += len(values)
		}
		switch u := r.URL; {
		case fields > maxFields:
			refuse(w, http.StatusRequestHeaderFieldsTooLarge)
		case r.Method == "PRI": // the beginning of HTTP/2, where it is not spoken
			refuse(w, http.StatusBadRequest)
		case len(r.Header["Content-Length"]) > 1: // in HTTP/2, where the first of them would count
			refuse(w, http.StatusBadRequest)
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
