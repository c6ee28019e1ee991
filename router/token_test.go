package router_test

import (
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/router"
)

// tokenFile writes a token and gives the file's name.
func (h *house) tokenFile(token string) string {
	h.t.Helper()
	name := filepath.Join(h.dir, "token")
	if err := os.WriteFile(name, []byte(token+"\n"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return name
}

// TestAdminBeyondLoopbackNeedsAToken: without one the process does not start, however the address is written; with one
// every call is asked for it.
func TestAdminBeyondLoopbackNeedsAToken(t *testing.T) {
	t.Parallel()
	h := prepare(t)
	h.write(h.rules(openRules))
	o := h.options()
	for _, addr := range []string{"0.0.0.0:0", ":0", "[::]:0", "[::ffff:0.0.0.0]:0"} {
		o.Admin = addr
		r, err := router.New(t.Context(), o)
		if err == nil {
			t.Fatalf("%s: it starts at %s", addr, r.AdminAddr())
		}
		if !strings.Contains(err.Error(), "--admin-token-file") {
			t.Errorf("%s: %v", addr, err)
		}
	}
	open, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	o.AdminSocket = open
	if _, err := router.New(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--admin-token-file") {
		t.Fatalf("a socket that was handed over: %v", err)
	}
	if _, err := open.Accept(); err == nil {
		t.Error("the socket is left open")
	}
	o.Admin, o.AdminSocket, o.AdminTokenFile = "0.0.0.0:0", nil, h.tokenFile(testSecret)
	r, _ := h.start(o)
	url := "http://" + strings.Replace(r.AdminAddr(), "[::]", "127.0.0.1", 1)
	if _, err := client.New(url, "").Status(t.Context()); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("without a token: %v", err)
	}
	if _, err := client.New(url, testSecret).Status(t.Context()); err != nil {
		t.Errorf("with the token: %v", err)
	}
	if status, _ := ask(t, url+"/readyz"); status != 200 {
		t.Errorf("/readyz asks for a token: %d", status)
	}
}

// TestAdminTokenFollowsItsFile: a new token counts without a restart and the old one no more; a file that is gone or
// holds none changes nothing, and its text is in no log.
func TestAdminTokenFollowsItsFile(t *testing.T) {
	t.Parallel()
	h := prepare(t)
	h.write(h.rules(openRules))
	o := h.options()
	first, second, third := "the-first-token-0123456789", "the-second-token-0123456789", "the-third-token-0123456789"
	o.AdminTokenFile = h.tokenFile(first)
	r, _ := h.start(o)
	takes := func(token string) bool {
		_, err := client.New("http://"+r.AdminAddr(), token).Status(t.Context())
		var e *client.Error
		if err != nil && (!errors.As(err, &e) || e.Problem.Status != http.StatusUnauthorized) {
			t.Fatal(err)
		}
		return err == nil
	}
	only := func(token string) {
		t.Helper()
		h.eventually(5*time.Second, "the token is another", func() bool { return takes(token) })
		for _, other := range []string{"", first, second, third} {
			if other != token && takes(other) {
				t.Errorf("%q is taken beside %q", other, token)
			}
		}
	}
	only(first)
	h.tokenFile(second)
	only(second)
	refusals := 0
	for name, spoil := range map[string]func(){
		"too short": func() { h.tokenFile("short") },
		"blank":     func() { h.tokenFile("  ") },
		"gone": func() {
			if err := os.Remove(o.AdminTokenFile); err != nil {
				t.Fatal(err)
			}
		},
	} {
		spoil()
		refusals++
		h.eventually(5*time.Second, name+" is said", func() bool { return strings.Count(h.logs.text(), "the old one stays") == refusals })
		only(second)
	}
	h.tokenFile(third)
	only(third)
	for _, token := range []string{first, second, third} {
		if strings.Contains(h.logs.text(), token) {
			t.Error("a token is in the log")
		}
	}
}
