package admin

import (
	"errors"
	"io"
	"net/http"
)

// Health serves GET /healthz and /readyz alone, for the public listener: nobody learns there why it is not ready.
// ready may be nil.
func Health(ready func() error) http.Handler {
	a := &api{opts: Options{Ready: func() error {
		if ready == nil || ready() == nil {
			return nil
		}
		return errors.New("not ready")
	}}.withDefaults()}
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", a.raw(healthz))
	mux.Handle("GET /readyz", a.raw(a.readyz))
	return withProblems(mux)
}

// healthz says that the process answers.
func healthz(w http.ResponseWriter, _ *http.Request) error { return ok(w) }

// readyz says whether events should be sent here.
func (a *api) readyz(w http.ResponseWriter, _ *http.Request) error {
	if err := a.opts.Ready(); err != nil {
		return &problem{status: http.StatusServiceUnavailable, detail: err.Error()}
	}
	return ok(w)
}

func ok(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(w, "ok\n")
	return err
}
