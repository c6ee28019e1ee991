package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/router/deliver"
	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/rules"
)

// problem is an error with what the client may know of it. The cause is for the log.
type problem struct {
	status int
	detail string
	faults []client.Fault
	cause  error
}

func (p *problem) Error() string {
	if p.cause != nil {
		return p.detail + ": " + p.cause.Error()
	}
	return p.detail
}

func (p *problem) Unwrap() error { return p.cause }

func badRequest(format string, args ...any) error {
	return &problem{status: http.StatusBadRequest, detail: fmt.Sprintf(format, args...)}
}

// problemFor says what a client may know of err.
func problemFor(err error) *problem {
	var p *problem
	var faults rules.Faults
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &faults):
		return &problem{status: http.StatusUnprocessableEntity, detail: "the rules file is refused", faults: wireFaults(faults)}
	case errors.Is(err, queue.ErrNotFound):
		return &problem{status: http.StatusNotFound, detail: "not found"}
	case errors.Is(err, queue.ErrTrimmed):
		return &problem{status: http.StatusGone, detail: "no longer kept"}
	case errors.Is(err, queue.ErrDamaged):
		return &problem{status: http.StatusGone, detail: err.Error()}
	case errors.Is(err, queue.ErrQuery):
		return &problem{status: http.StatusBadRequest, detail: err.Error()}
	case errors.Is(err, deliver.ErrUnknown):
		return &problem{status: http.StatusNotFound, detail: err.Error()}
	case errors.Is(err, queue.ErrFull), errors.Is(err, queue.ErrNoRoom):
		return &problem{status: http.StatusServiceUnavailable, detail: err.Error()}
	case errors.Is(err, queue.ErrClosed), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return &problem{status: http.StatusServiceUnavailable, detail: "not done in time, or shutting down", cause: err}
	}
	return &problem{status: http.StatusInternalServerError, detail: "internal error; the log says more", cause: err}
}

// raw lets a handler return an error; it must not have written anything then.
func (a *api) raw(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			a.fail(w, r, err)
		}
	})
}

// json answers with what h returns.
func (a *api) json(h func(*http.Request) (any, error)) http.Handler {
	return a.raw(func(w http.ResponseWriter, r *http.Request) error {
		v, err := h(r)
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, "application/json", v)
	})
}

func (a *api) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemFor(err)
	if p.cause != nil && r.Context().Err() == nil {
		a.opts.Logger.ErrorContext(r.Context(), "request failed", "method", r.Method, "path", r.URL.Path, "cause", p.cause)
	}
	if p.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
	}
	writeProblem(w, p)
}

func writeProblem(w http.ResponseWriter, p *problem) {
	// A client that has gone away misses the answer.
	_ = writeJSON(w, p.status, "application/problem+json", client.Problem{
		Type: "about:blank", Title: http.StatusText(p.status), Status: p.status, Detail: p.detail, Faults: p.faults,
	})
}

// writeJSON encodes before it writes, so that an error can still become an answer.
func writeJSON(w http.ResponseWriter, status int, contentType string, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(status)
	_, _ = w.Write(b.Bytes()) // a client that has gone away misses the answer
	return nil
}

// withProblems gives the mux's own refusals (404, 405) the form that all others have.
func withProblems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		probe := &statusOnly{header: http.Header{}}
		h.ServeHTTP(probe, r)
		if allow := probe.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
		}
		writeProblem(w, &problem{status: probe.status, detail: "no such address, or not with this method"})
	})
}

// statusOnly is a ResponseWriter that keeps no body.
type statusOnly struct {
	header http.Header
	status int
}

func (s *statusOnly) Header() http.Header         { return s.header }
func (s *statusOnly) Write(p []byte) (int, error) { return len(p), nil }
func (s *statusOnly) WriteHeader(status int)      { s.status = status }
