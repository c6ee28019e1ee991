package admin

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
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

// readyz says whether events should be sent here; with ?verbose on the admin listener, also what that depends on.
func (a *api) readyz(w http.ResponseWriter, r *http.Request) error {
	if r.URL.Query().Has("verbose") {
		return writeChecks(w, a.opts.Checks())
	}
	if err := a.opts.Ready(); err != nil {
		return &problem{status: http.StatusServiceUnavailable, detail: err.Error()}
	}
	return ok(w)
}

// writeChecks writes one line for each check and the sum of them, as text for a person.
func writeChecks(w http.ResponseWriter, checks []Check) error {
	status, sum := http.StatusOK, "ready"
	var text strings.Builder
	for _, c := range checks {
		if c.Err != nil {
			status, sum = http.StatusServiceUnavailable, "not ready"
			fmt.Fprintf(&text, "[-] %s: %v\n", c.Name, c.Err)
			continue
		}
		fmt.Fprintf(&text, "[+] %s: ok, %s\n", c.Name, c.Note)
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, err := fmt.Fprintf(w, "%s%s\n", text.String(), sum)
	return err
}

func ok(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := io.WriteString(w, "ok\n")
	return err
}
