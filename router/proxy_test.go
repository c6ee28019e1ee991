package router_test

import (
	"bufio"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/router"
)

const proxiedRules = `version: 1
sources:
  open: { verify: none }
  office: { verify: none, allow_ip: 203.0.113.0/24 }
  inside: { verify: none, allow_ip: 127.0.0.0/8 }
destinations: { d: http://SINK/ }
routes: [{ name: r, from: "*", to: d }]
`

// The proxy has the first address, strangers the second.
const (
	proxyIP    = "127.0.0.1"
	strangerIP = "127.0.0.2"
)

func behindProxy(t *testing.T, change ...func(*router.Options)) (*house, *router.Router) {
	t.Helper()
	h := prepare(t)
	h.write(h.rules(proxiedRules))
	o := h.options()
	o.ProxyProtocol, o.TrustedProxies = true, []netip.Prefix{netip.MustParsePrefix(proxyIP + "/32")}
	for _, f := range change {
		f(&o)
	}
	r, _ := h.start(o)
	h.api = client.New("http://"+r.AdminAddr(), "")
	return h, r
}

// speak connects from an address of this machine, says text and gives the status of the first answer; 0 when the
// connection ends without one.
func speak(t *testing.T, from, addr, text string) int {
	t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	conn, err := d.DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(conn, text) // it may be closed already
	return firstStatus(t, conn, text)
}

func firstStatus(t *testing.T, conn net.Conn, text string) int {
	t.Helper()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if ne, ok := err.(net.Error); ok && ne.Timeout() { //nolint:errorlint // as net gives it
		t.Fatalf("neither answered nor closed: %q", text)
	}
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

func to(source string, headers ...string) string {
	return "POST /in/" + source + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n" + strings.Join(headers, "") + "\r\n{}"
}

// version2 is a binary header; the family decides about the length of the addresses.
func version2(command, family byte, from, to string, more ...byte) string {
	b := []byte("\r\n\r\n\x00\r\nQUIT\n")
	b = append(b, 0x20|command, family)
	var addresses []byte
	if from != "" {
		addresses = append(addresses, netip.MustParseAddr(from).AsSlice()...)
		addresses = append(addresses, netip.MustParseAddr(to).AsSlice()...)
		addresses = append(addresses, 0x12, 0x34, 0, 80)
	}
	addresses = append(addresses, more...)
	b = binary.BigEndian.AppendUint16(b, uint16(len(addresses)))
	return string(append(b, addresses...))
}

func TestProxyProtocol(t *testing.T) {
	_, r := behindProxy(t)
	const one = "PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\r\n"
	const forwarded = "X-Forwarded-For: 203.0.113.9\r\n"
	for _, c := range []struct {
		name, text string
		want       int
	}{
		{"version 1", one + to("office"), 202},
		{"version 1, IPv6", "PROXY TCP6 2001:db8::1 2001:db8::2 50000 443\r\n" + to("open"), 202},
		{"version 2", version2(1, 0x11, "203.0.113.9", "192.0.2.1") + to("office"), 202},
		{"version 2, more behind it", version2(1, 0x11, "203.0.113.9", "192.0.2.1", 4, 0, 1, 0) + to("office"), 202},
		{"version 2, IPv4 in IPv6", version2(1, 0x21, "::ffff:203.0.113.9", "::ffff:192.0.2.1") + to("office"), 202},
		{"the proxy itself", version2(0, 0, "", "") + to("inside"), 202},
		{"another caller", "PROXY TCP4 192.0.2.9 192.0.2.1 50000 443\r\n" + to("office"), 401},
		{"a caller who claims", "PROXY TCP4 192.0.2.9 192.0.2.1 50000 443\r\n" + to("office", forwarded), 401},
		{"a caller who claims to be inside", "PROXY TCP4 192.0.2.9 192.0.2.1 50000 443\r\n" + to("inside", "X-Forwarded-For: 127.0.0.1\r\n"), 401},
		{"a caller whom the proxy does not know", "PROXY UNKNOWN\r\n" + to("open"), 202},
		{"the same, where it matters", "PROXY UNKNOWN\r\n" + to("inside"), 401},
		{"the same, with a claim", "PROXY UNKNOWN\r\n" + to("office", forwarded), 401},
		{"the same, with addresses", "PROXY UNKNOWN 203.0.113.9 192.0.2.1 50000 443\r\n" + to("office"), 401},
		{"a caller's own header behind the proxy's", "PROXY TCP4 192.0.2.9 192.0.2.1 50000 443\r\n" + one + to("office"), 400},
	} {
		if got := speak(t, proxyIP, r.Addr(), c.text); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}

// TestProxyProtocolFromStrangers: nothing is answered to who is no proxy, or does not say who called as it should.
func TestProxyProtocolFromStrangers(t *testing.T) {
	h, r := behindProxy(t)
	const two = "\r\n\r\n\x00\r\nQUIT\n"
	for _, from := range []string{strangerIP, "127.1.2.3"} {
		for _, header := range []string{
			"", "PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\r\n", "PROXY UNKNOWN\r\n", version2(1, 0x11, "203.0.113.9", "192.0.2.1"),
			"PROXY TCP4 127.0.0.1 127.0.0.1 50000 443\r\n", version2(0, 0, "", ""),
		} {
			if got := speak(t, from, r.Addr(), header+to("open")); got != 0 {
				t.Errorf("from %s with %q: answered %d", from, header, got)
			}
		}
	}
	for _, header := range []string{
		"", "proxy tcp4 203.0.113.9 192.0.2.1 50000 443\r\n", "PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\n", "PROXY TCP4\r\n", "PROXY\r\n",
		"PROXY TCP4 203.0.113.9 192.0.2.1 50000 443 1\r\n", "PROXY TCP4 203.0.113.9 192.0.2.1 50000\r\n", "PROXY TCP4 203.0.113.9 192.0.2.1 50000 70000\r\n",
		"PROXY TCP4 203.0.113.9 192.0.2.1 -1 443\r\n", "PROXY TCP4 203.0.113.256 192.0.2.1 50000 443\r\n", "PROXY TCP4 0xCB.0.113.9 192.0.2.1 50000 443\r\n",
		"PROXY TCP4 2001:db8::1 2001:db8::2 50000 443\r\n", "PROXY TCP6 fe80::1%eth0 fe80::2 50000 443\r\n", "PROXY UDP4 203.0.113.9 192.0.2.1 50000 443\r\n",
		"PROXY  TCP4 203.0.113.9 192.0.2.1 50000 443\r\n", "PROXYTCP4 203.0.113.9 192.0.2.1 50000 443\r\n", "PROXY " + strings.Repeat("x", 200) + "\r\n",
		two + "\x11\x11\x00\x0c" + strings.Repeat("\x01", 12), two + "\x22\x11\x00\x0c" + strings.Repeat("\x01", 12), two + "\x21\x11\x00\x04\x01\x01\x01\x01",
		two + "\x21\x00\x00\x00", two + "\x21\x13\x00\x0c" + strings.Repeat("\x01", 12), two + "\x21\x41\x00\x0c" + strings.Repeat("\x01", 12),
	} {
		if got := speak(t, proxyIP, r.Addr(), header+to("open")); got != 0 {
			t.Errorf("from the proxy with %q: answered %d", header, got)
		}
	}
	if open, err := h.api.Source(t.Context(), "open"); err != nil || len(open.Results) > 0 {
		t.Errorf("somebody came in: %+v, %v", open, err)
	}
	if log := h.logs.text(); !strings.Contains(log, "not from one of --trusted-proxies") || strings.Count(log, "not from one of") > 5 {
		t.Errorf("log:\n%s", log)
	}
}

// TestProxyProtocolIsAwaitedForFiveSeconds: a proxy that says nothing, or half of it, holds no connection.
func TestProxyProtocolIsAwaitedForFiveSeconds(t *testing.T) {
	t.Parallel()
	_, r := behindProxy(t)
	var conns []net.Conn
	for _, text := range []string{"", "PROX", version2(1, 0x11, "203.0.113.9", "192.0.2.1")[:20]} {
		conn, err := net.Dial("tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		_ = conn.SetDeadline(time.Now().Add(8 * time.Second)) // 5 s, and what a busy machine takes
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		conns = append(conns, conn)
	}
	for i, conn := range conns {
		if got := firstStatus(t, conn, fmt.Sprint("the one of number ", i)); got != 0 {
			t.Errorf("number %d is answered %d", i, got)
		}
	}
}

// TestProxyProtocolBeforeTLS: the header comes before the handshake, and both count.
func TestProxyProtocolBeforeTLS(t *testing.T) {
	p := newPairs(t)
	p.write(p.make("one"))
	_, r := behindProxy(t, func(o *router.Options) { o.TLSCert, o.TLSKey = p.cert, p.key })
	for caller, want := range map[string]int{"203.0.113.9": 202, "192.0.2.9": 401} {
		conn, err := net.Dial("tcp", r.Addr())
		if err != nil {
			t.Fatal(err)
		}
		_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
		if _, err := io.WriteString(conn, version2(1, 0x11, caller, "192.0.2.1")); err != nil {
			t.Fatal(err)
		}
		secure := tls.Client(conn, &tls.Config{InsecureSkipVerify: true})
		if _, err := io.WriteString(secure, to("office")); err != nil {
			t.Fatal(err)
		}
		if got := firstStatus(t, secure, caller); got != want {
			t.Errorf("%s: %d, want %d", caller, got, want)
		}
		_ = secure.Close()
	}
}

// TestNoProxyProtocolUnlessSaid: without the flag its header is no HTTP, whoever sends it.
func TestNoProxyProtocolUnlessSaid(t *testing.T) {
	_, r := behindProxy(t, func(o *router.Options) { o.ProxyProtocol = false })
	for _, from := range []string{proxyIP, strangerIP} {
		for _, header := range []string{"PROXY TCP4 203.0.113.9 192.0.2.1 50000 443\r\n", version2(1, 0x11, "203.0.113.9", "192.0.2.1")} {
			if got := speak(t, from, r.Addr(), header+to("office")); got != 400 {
				t.Errorf("from %s with %q: %d", from, header, got)
			}
		}
	}
	h := prepare(t)
	h.write(h.rules(proxiedRules))
	o := h.options()
	o.ProxyProtocol = true
	if _, err := router.New(t.Context(), o); err == nil || !strings.Contains(err.Error(), "--trusted-proxies") {
		t.Errorf("nobody to trust: %v", err)
	}
}
