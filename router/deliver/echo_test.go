package deliver

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestEchoedSecretsAreNotKept: a destination that repeats what it was sent must not bring the credentials of the rules
// into the history, from where everybody who may look at deliveries could read them.
func TestEchoedSecretsAreNotKept(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pad := strings.Repeat(".", int(r.ContentLength))
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, "seen: %s%s %s %q", pad, r.Header.Get("Authorization"), r.RequestURI, r.URL.Query()["q"])
	}))
	defer echo.Close()
	r := newRig(t, oneRoute("a", fmt.Sprintf(
		`url: "%s/${P:-canary-path}?u=${U:-canary-query}", headers: { authorization: "Bearer ${T:-canary-token}" }, query: { q: "${Q:-canary/&q}" }`,
		echo.URL)), nil)
	for pad := range 120 { // the answer is cut at every place of the first secret
		id := r.send("a", strings.Repeat("x", keepBody-100+pad))
		_, tried := r.final(id)
		got := tried[0].Answer
		if !strings.HasPrefix(got, "seen: ") || tried[0].Status != http.StatusBadRequest {
			t.Fatalf("attempt %+v", tried[0])
		}
		if strings.Contains(got, "cana") {
			t.Fatalf("the answer shows a secret: %q", strings.TrimLeft(got[6:], "."))
		}
	}
	id := r.send("a", "x")
	_, tried := r.final(id)
	if want := `seen: .Bearer *** /***?u=***&q=*** ["***"]`; tried[0].Answer != want {
		t.Errorf("the answer is %q, want %q", tried[0].Answer, want)
	}
}

// TestEchoedSecretsInErrors: what is no HTTP at all is quoted in the error.
func TestEchoedSecretsInErrors(t *testing.T) {
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(c, r.Header.Get("Authorization")+"\r\n\r\n")
		_ = c.Close()
	}))
	defer echo.Close()
	r := newRig(t, oneRoute("a", fmt.Sprintf(
		`url: "%s/", headers: { authorization: "${T:-canary-token}" }, retry: { attempts: 1 }`, echo.URL)), nil)
	_, tried := r.final(r.send("a", "x"))
	if got := tried[0].Error; strings.Contains(got, "canary") || !strings.Contains(got, "***") {
		t.Errorf("the error is %q", got)
	}
}

// TestAnswersAreKeptForPeople: more of one that says no.
func TestAnswersAreKeptForPeople(t *testing.T) {
	for status, want := range map[int]int{200: 1 << 10, 422: 4 << 10} {
		long := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, strings.Repeat("no", 10_000))
		}))
		defer long.Close()
		r := newRig(t, oneRoute("a", fmt.Sprintf(`url: "%s/"`, long.URL)), nil)
		if _, tried := r.final(r.send("a", "x")); len(tried[0].Answer) != want {
			t.Errorf("of an answer %d, %d bytes are kept, want %d", status, len(tried[0].Answer), want)
		}
	}
}
