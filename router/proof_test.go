package router_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/verify"
)

// inHeaders are presets that one secret and headers prove.
var inHeaders = []string{"contentful", "github", "linear", "shopify", "slack", "standard-webhooks", "stripe"}

// TestProofGivenTwice: of two signatures, times or ids, one reader takes the first and another the last. Whatever the
// proof stands on must be there once, in whatever spelling of its name.
func TestProofGivenTwice(t *testing.T) {
	text := "version: 1\nsources:\n"
	for _, name := range inHeaders {
		text += fmt.Sprintf("  %s: { preset: %[1]s, secret: %q }\n", name, secretOf(name))
	}
	h := open(t, text)
	vectors := 0
	for _, name := range inHeaders {
		for _, header := range h.proof(name) {
			for variant, change := range map[string]func(value string) []string{
				"twice":                 func(v string) []string { return []string{header + ": " + v, header + ": " + v} },
				"a wrong one before it": func(v string) []string { return []string{header + ": 1", header + ": " + v} },
				"a wrong one behind it": func(v string) []string { return []string{header + ": " + v, header + ": 1"} },
				"an empty one before":   func(v string) []string { return []string{header + ":", header + ": " + v} },
				"in another case":       func(v string) []string { return []string{header + ": " + v, strings.ToUpper(header) + ": " + v} },
				"with an underscore":    func(v string) []string { return []string{strings.ReplaceAll(header, "-", "_") + ": " + v} },
				"joined":                func(v string) []string { return []string{header + ": 1, " + v} },
			} {
				if variant == "joined" && (header == "Stripe-Signature" || header == "Webhook-Signature") {
					continue // a list of signatures, any of which may be the right one
				}
				if status := h.signed(name, header, change); status != http.StatusUnauthorized {
					t.Errorf("%s, %s, %s: answer %d", name, header, variant, status)
				}
				vectors++
			}
		}
	}
	if t.Logf("%d vectors", vectors); vectors < 60 {
		t.Error("too few")
	}
}

// secretOf is a secret of the form that the preset wants.
func secretOf(preset string) string {
	if preset == "standard-webhooks" {
		return "whsec_" + base64.StdEncoding.EncodeToString([]byte(testSecret))
	}
	return testSecret
}

// proof lists the headers without which a preset's sample is refused.
func (h *house) proof(preset string) (names []string) {
	h.t.Helper()
	if status := h.signed(preset, "", nil); status/100 != 2 {
		h.t.Fatalf("%s: answer %d to what is signed well", preset, status)
	}
	sample, err := verify.Sample(preset, "")
	if err != nil {
		h.t.Fatal(err)
	}
	h.sign(preset, sample)
	for name := range sample.Header {
		if h.signed(preset, name, func(string) []string { return nil }) == http.StatusUnauthorized {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		h.t.Fatalf("%s: no header matters", preset)
	}
	return names
}

func (h *house) sign(preset string, r *verify.Request) {
	h.t.Helper()
	p, _ := verify.Lookup(preset)
	v, err := verify.New(p.Verify, verify.Keys{Secrets: []string{secretOf(preset)}})
	if err != nil {
		h.t.Fatal(err)
	}
	r.URL = "/in/" + preset
	if err := v.Sign(r, time.Now()); err != nil {
		h.t.Fatal(err)
	}
}

// signed sends a signed sample with the lines of one header changed.
func (h *house) signed(preset, header string, change func(value string) []string) int {
	h.t.Helper()
	r, err := verify.Sample(preset, "")
	if err != nil {
		h.t.Fatal(err)
	}
	h.sign(preset, r)
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n", r.URL, len(r.Body))
	for name, values := range r.Header {
		lines := []string{name + ": " + values[0]}
		if name == header {
			lines = change(values[0])
		}
		for _, line := range lines {
			b.WriteString(line + "\r\n")
		}
	}
	b.WriteString("\r\n")
	b.Write(r.Body)
	status, err := h.statusOf(b.Bytes())
	if err != nil {
		h.t.Fatal(err)
	}
	return status
}

// statusOf sends a request on a connection of its own and gives the status of the answer.
func (h *house) statusOf(request []byte) (int, error) {
	conn, err := net.Dial("tcp", h.Addr())
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := conn.Write(request); err != nil {
		return 0, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	return resp.StatusCode, nil
}
