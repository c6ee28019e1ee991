package router_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/router"
)

const openRules = `
version: 1
sources: { open: { verify: none } }
destinations: { a: http://SINK/a }
routes: [{ name: r, from: open, to: a }]
`

func (h *house) options() router.Options {
	return router.Options{
		RulesFile: h.file, Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", Data: filepath.Join(h.dir, "data"),
		Drain: time.Second, Logger: slog.New(slog.NewJSONHandler(h.logs, nil)),
	}
}

// start runs a Router with these options until the test ends or the returned function is called.
func (h *house) start(o router.Options) (*router.Router, context.CancelFunc) {
	h.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, err := router.New(ctx, o)
	if err != nil {
		cancel()
		h.t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := r.Run(ctx); err != nil {
			h.t.Errorf("Run: %v", err)
		}
	}()
	h.t.Cleanup(func() { cancel(); <-done })
	return r, cancel
}

func ask(t *testing.T, url string) (int, string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// TestVerboseReadinessSaysEachCheck through the life of a process: the file is live, is bad, the process drains.
func TestVerboseReadinessSaysEachCheck(t *testing.T) {
	h := prepare(t)
	h.write(h.rules(openRules))
	o := h.options()
	o.DrainDelay = 2 * time.Second // until the test has looked
	r, drain := h.start(o)
	url := "http://" + r.AdminAddr() + "/readyz?verbose"
	expect := func(status int, lines ...string) {
		t.Helper()
		h.eventually(2*time.Second, strings.Join(lines, "; "), func() bool {
			got, text := ask(t, url)
			return got == status && text == strings.Join(lines, "\n")+"\n"
		})
	}
	expect(200, "[+] rules: ok, the file is live", "[+] log: ok, accepting", "[+] draining: ok, no", "ready")
	h.write("nonsense: " + testSecret)
	_ = r.Reload() // refused, which the answer shows
	bad := "[+] rules: ok, the file is bad: the rules before it stay live"
	expect(200, bad, "[+] log: ok, accepting", "[+] draining: ok, no", "ready")
	drain()
	expect(503, bad, "[+] log: ok, accepting", "[-] draining: draining", "not ready")
	if status, text := ask(t, "http://"+r.Addr()+"/readyz?verbose"); status != 503 || strings.Contains(text, "rules") {
		t.Errorf("the public listener says %d %q, more than that it is not ready", status, text)
	}
}

func TestFallbackIsSaidByReadiness(t *testing.T) {
	h := prepare(t)
	h.write(h.rules(openRules))
	_, stop := h.start(h.options())
	h.eventually(10*time.Second, "the live rules are kept", func() bool { return len(h.kept()) > 0 })
	stop()
	h.write("nonsense: true")
	o := h.options()
	o.LockWait = 10 * time.Second
	again, _ := h.start(o)
	want := "[+] rules: ok, the file is bad: running on the rules that were live before the start\n"
	if status, text := ask(t, "http://"+again.AdminAddr()+"/readyz?verbose"); status != 200 || !strings.HasPrefix(text, want) {
		t.Errorf("%d %q", status, text)
	}
}

func (h *house) kept() []string {
	found, _ := filepath.Glob(filepath.Join(h.dir, "data", "rules", "current"))
	return found
}

// TestTrustedProxiesNameTheSender: whom X-Forwarded-For names counts only when the peer is trusted.
func TestTrustedProxiesNameTheSender(t *testing.T) {
	for name, c := range map[string]struct {
		proxies []netip.Prefix
		want    string
	}{
		"trusted": {[]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, "192.0.2.7"},
		"nobody":  {nil, "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			h := prepare(t)
			h.write(h.rules(openRules))
			o := h.options()
			o.TrustedProxies = c.proxies
			r, _ := h.start(o)
			req, err := http.NewRequest(http.MethodPost, "http://"+r.Addr()+"/in/open", strings.NewReader("{}"))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("X-Forwarded-For", "192.0.2.7")
			resp, err := http.DefaultClient.Do(req)
			if err != nil || resp.StatusCode != http.StatusAccepted {
				t.Fatal(resp, err)
			}
			_ = resp.Body.Close()
			api := client.New("http://"+r.AdminAddr(), "")
			page, err := api.Events(t.Context(), client.Filter{})
			if err != nil || len(page.Items) != 1 {
				t.Fatal(page, err)
			}
			detail, err := api.Event(t.Context(), page.Items[0].ID)
			if err != nil || detail.RemoteIP != c.want {
				t.Errorf("remote ip %q, want %q (%v)", detail.RemoteIP, c.want, err)
			}
		})
	}
}
