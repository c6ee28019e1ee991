package ingest_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/router/ingest"
	"github.com/hookrouter/hookrouter/router/queue"
)

// guarded has a source that proves nothing but the address, one that needs both, and one that is inside the proxies.
const guarded = `
version: 1
sources:
  office: { verify: none, allow_ip: [203.0.113.0/24, "2001:db8:1::/48", "::ffff:198.51.100.7"] }
  both: { preset: github, secret: ` + secret + `, allow_ip: 203.0.113.7 }
  inside: { verify: none, allow_ip: 10.0.0.0/8 }
`

// guardedRig believes X-Forwarded-For of 10.0.0.0/8 and of one IPv6 network.
func guardedRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t, func(o *ingest.Options, _ *queue.Options) {
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	})
	r.rules.Store(parse(t, guarded))
	return r
}

// from asks the handler as a request of this peer; no socket can have these addresses here.
func (r *rig) from(peer, source string, headers ...string) int {
	r.t.Helper()
	req := httptest.NewRequest(http.MethodPost, "/in/"+source, strings.NewReader(fmt.Sprint(rand.Int64())))
	req.RemoteAddr = peer
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Add(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	r.ingest.ServeHTTP(rec, req)
	return rec.Code
}

func TestAllowedAddresses(t *testing.T) {
	r := guardedRig(t)
	const forwarded = "X-Forwarded-For"
	for _, c := range []struct {
		source, peer string
		headers      []string
	}{
		{"office", "203.0.113.1:4711", nil},
		{"office", "203.0.113.255:4711", nil},
		{"office", "[::ffff:203.0.113.9]:4711", nil},
		{"office", "[2001:db8:1:2::3]:4711", nil},
		{"office", "[2001:db8:1:2::3%eth0]:4711", nil},
		{"office", "198.51.100.7:4711", nil},
		{"office", "10.1.2.3:4711", []string{forwarded, "203.0.113.9"}},
		{"office", "10.1.2.3:4711", []string{forwarded, "203.0.113.9:50123"}},
		{"office", "10.1.2.3:4711", []string{forwarded, "[2001:db8:1::9]:50123"}},
		{"office", "10.1.2.3:4711", []string{forwarded, "::ffff:203.0.113.9"}},
		{"office", "[fd00::1]:4711", []string{forwarded, "1.2.3.4, 203.0.113.9 , 10.9.9.9"}},
		{"office", "10.1.2.3:4711", []string{forwarded, "garbage, 203.0.113.9", forwarded, "10.9.9.9"}},
		{"inside", "10.1.2.3:4711", nil},
		{"inside", "10.1.2.3:4711", []string{forwarded, "10.4.5.6"}},
	} {
		if got := r.from(c.peer, c.source, c.headers...); got != http.StatusAccepted {
			t.Errorf("%s from %s %v: %d, want 202", c.source, c.peer, c.headers, got)
		}
	}
}

// TestAddressesThatAreNotAllowed tries what strangers claim: headers that nobody trustworthy wrote, chains that end in
// nonsense, other spellings of an address.
func TestAddressesThatAreNotAllowed(t *testing.T) {
	r := guardedRig(t)
	tried, in := 0, 0
	try := func(source, peer string, headers ...string) {
		tried++
		if got := r.from(peer, source, headers...); got != http.StatusUnauthorized {
			in++
			t.Errorf("%s from %s %q: %d, want 401", source, peer, headers, got)
		}
	}
	strangers := []string{
		"192.0.2.1:1", "203.0.114.1:1", "198.51.100.8:1", "[::1]:1", "[2001:db8:2::1]:1", "[::ffff:192.0.2.1]:1", "[64:ff9b::cb00:7109]:1",
		"[2002:cb00:7109::1]:1", "[::203.0.113.9]:1", "[fe80::1%eth0]:1", "11.0.0.1:1", "127.0.0.1:1", "0.0.0.0:1", "", "@", "203.0.113.9",
	}
	claims := []string{
		"203.0.113.9", "::ffff:203.0.113.9", "203.0.113.9, 203.0.113.9", "10.0.0.1", "10.0.0.1, 203.0.113.9", "2001:db8:1::1", "203.0.113.9:80",
		"203.0.113.9%eth0", " ,203.0.113.9", "for=203.0.113.9", "unknown", "",
	}
	names := []string{
		"X-Forwarded-For", "Forwarded", "X-Real-Ip", "X_Forwarded_For", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "X-Original-Forwarded-For",
	}
	for _, peer := range strangers {
		for _, claim := range claims {
			for _, name := range names {
				try("office", peer, name, claim)
			}
			try("inside", peer, names[0], claim)
		}
	}
	// Behind a proxy that is believed: what the sender itself wrote stands further left, and is not.
	for _, proxy := range []string{"10.1.2.3:1", "[::ffff:10.1.2.3]:1", "[fd00::1]:1"} {
		for _, claim := range claims {
			try("office", proxy, names[0], claim+", 192.0.2.1")
			try("office", proxy, names[0], claim, names[0], "192.0.2.1, 10.9.9.9")
			try("inside", proxy, names[0], claim+", 192.0.2.1")
		}
		for _, name := range names[1:] {
			try("office", proxy, name, "203.0.113.9")
		}
		// A proxy that cannot say who called is not taken for the caller.
		for _, odd := range []string{"unknown", "_hidden", "10.0.0.1.", "010.0.0.1", "10.0.0.1/8", "10.0.0.1%eth0", "[10.0.0.1]", "167772161", "\"10.0.0.1\"", ","} {
			try("inside", proxy, names[0], odd)
			try("inside", proxy, names[0], "10.0.0.1, "+odd)
		}
	}
	t.Logf("%d tries, %d came in", tried, in)
	if tried < 500 {
		t.Error("that is too few")
	}
}

// TestAddressAndSignature: both are needed where both are said, and the answer to either fault is the same.
func TestAddressAndSignature(t *testing.T) {
	r := guardedRig(t)
	sign := func(peer string) *http.Request {
		req := httptestCopy(r.request("both", `{}`), `{}`)
		req.RemoteAddr = peer
		return req
	}
	forged := sign("203.0.113.7:1")
	forged.Header.Set("X-Hub-Signature-256", flip(forged.Header.Get("X-Hub-Signature-256")))
	answers := map[string]string{}
	for cause, req := range map[string]*http.Request{"address": sign("203.0.113.8:1"), "signature": forged, "neither": sign("203.0.113.7:1")} {
		rec := httptest.NewRecorder()
		r.ingest.ServeHTTP(rec, req)
		answers[cause] = fmt.Sprint(rec.Code, rec.Header(), rec.Body)
	}
	if !strings.HasPrefix(answers["neither"], "202 ") || !strings.HasPrefix(answers["address"], "401 ") || answers["address"] != answers["signature"] {
		t.Errorf("%q", answers)
	}
	x := r.ingest.Refusals("both")
	if len(x) != 2 || !strings.Contains(x[0].Reason+x[1].Reason, "address 203.0.113.8 is not in allow_ip") {
		t.Errorf("for the operator: %+v", x)
	}
}

// TestBarredLooksLikeForged: byte for byte, whatever the framing; and what a barred sender uploads is not held.
func TestBarredLooksLikeForged(t *testing.T) {
	r := newRig(t)
	r.rules.Store(parse(t, "version: 1\nsources:\n"+
		"  barred: { preset: github, secret: "+secret+", max_body: 64KiB, allow_ip: 203.0.113.7, limit: { concurrency: 1, rate: 1/h } }\n"+
		"  forged: { preset: github, secret: "+secret+", max_body: 64KiB }\n"))
	for name, text := range map[string]string{
		"small":        head("SOURCE", "Connection: close\r\nContent-Length: 2") + "{}",
		"empty":        head("SOURCE", "Connection: close\r\nContent-Length: 0"),
		"none":         head("SOURCE", "Connection: close"),
		"large":        head("SOURCE", "Connection: close\r\nContent-Length: 60000") + strings.Repeat("x", 60000),
		"chunked":      head("SOURCE", "Connection: close\r\nTransfer-Encoding: chunked") + "2\r\n{}\r\n0\r\n\r\n",
		"too large":    head("SOURCE", "Content-Length: 70000"),
		"two requests": strings.Repeat(head("SOURCE", "Content-Length: 20000")+strings.Repeat("x", 20000), 2) + head("SOURCE", "Connection: close"),
	} {
		var got [2]string
		for i, source := range []string{"barred", "forged"} {
			all, err := io.ReadAll(r.write(strings.ReplaceAll(text, "SOURCE", source)))
			if err != nil {
				t.Fatal(err)
			}
			got[i] = dateLine.ReplaceAllString(string(all), "")
		}
		if got[0] != got[1] || got[0] == "" {
			t.Errorf("%s: barred %q, forged %q", name, got[0], got[1])
		}
	}
	for range 3 { // more than the places of the source
		r.write(head("barred", "Content-Length: 60000") + strings.Repeat("x", 50000))
	}
	r.write(head("forged", "Content-Length: 60000") + strings.Repeat("x", 10))
	eventually(t, "only the other's body is held", func() bool { n := r.ingest.BytesInFlight(); return n > 0 && n < 33_000 })
	if n := r.ingest.Stats("barred").Results; len(n) != 2 || n["bad_address"] != 8 || n["body_too_large"] != 1 {
		t.Errorf("counted %v", n)
	}
}
