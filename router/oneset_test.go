package router_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// marked are rules that say their version wherever they can.
func marked(h *house, n int) string {
	return h.rules(fmt.Sprintf(`
version: 1
sources: { open: { verify: none, type: '"t%[1]d"' } }
destinations: { a: { url: "http://SINK/$(event)", query: { v: "%[1]d" }, headers: { X-V: "%[1]d" } } }
routes: [{ name: r, from: open, when: event == "t%[1]d", to: a, transform: "'%[1]d'" }]
`, n))
}

// TestOneSetPerEvent: while rules change, each event is named and matched by one and the same version, and each request
// made by one.
func TestOneSetPerEvent(t *testing.T) {
	t.Parallel()
	reloads := 150
	if os.Getenv("HOOKROUTER_LONG") != "" {
		reloads = 1000
	}
	h := prepare(t)
	h.write(marked(h, 0))
	h.run()
	ctx, calm := context.WithCancel(t.Context())
	var senders sync.WaitGroup
	var sent atomic.Int64
	for range 4 {
		senders.Go(func() {
			for ctx.Err() == nil {
				h.accepts("a change")
				sent.Add(1)
			}
		})
	}
	for n := range reloads {
		h.write(marked(h, n+1))
		if err := h.Reload(); err != nil {
			t.Error(err)
		}
	}
	calm()
	senders.Wait()
	h.eventually(20*time.Second, "each event was delivered", func() bool { return int64(len(h.sink.Received())) >= sent.Load() })
	for _, r := range h.sink.Received() {
		u, err := url.Parse(r.Path)
		h.must(err)
		if v := string(r.Body); u.Query().Get("v") != v || r.Header.Get("X-V") != v {
			t.Errorf("a request of several versions: %s, body %s, header %s", r.Path, v, r.Header.Get("X-V"))
		}
	}
}

// TestRacingEdits: many write the rules file at once and ask for a reload; what is live in the end is what is in the file,
// and never anything but whole files.
func TestRacingEdits(t *testing.T) {
	t.Parallel()
	h := prepare(t)
	h.write(marked(h, 0))
	h.run()
	const rounds, writers = 10, 10
	for round := range rounds {
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				own := fmt.Sprintf("%s.%d", h.file, w)
				_ = os.WriteFile(own, []byte(marked(h, 1+round*writers+w)), 0o600)
				_ = os.Rename(own, h.file)
				_, _ = h.api.Reload(context.Background())
			})
		}
		all.Wait()
		h.eventually(live, "the file is live", func() bool {
			data, err := os.ReadFile(h.file)
			routes, apiErr := h.api.Routes(context.Background())
			return err == nil && apiErr == nil && strings.Contains(string(data), routes.Items[0].When)
		})
	}
	for line := range strings.Lines(h.logs.text()) {
		var entry struct{ Msg, Err string }
		if err := json.Unmarshal([]byte(line), &entry); err == nil && entry.Msg == "rules not loaded, the old ones stay" {
			t.Errorf("half a file was read: %s", entry.Err)
		}
	}
}
