package deliver

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hookrouter/hookrouter/rules"
)

// dialer is a transport under a policy, which keeps no connection: each attempt dials.
func dialer(t *testing.T, o Options) *transport {
	t.Helper()
	tr := newTransport(&rules.Destination{Timeout: within, Limit: rules.Limit{Concurrency: 16}}, &o)
	tr.http.DisableKeepAlives = true
	t.Cleanup(tr.close)
	return tr
}

// counted is an HTTP server that counts connections, not requests.
func counted(t *testing.T, addr string) (port string, connects *atomic.Int64) {
	t.Helper()
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	connects = new(atomic.Int64)
	srv := &http.Server{Handler: http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})}
	srv.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			connects.Add(1)
		}
	}
	go func() { _ = srv.Serve(ln) }()
	t.Cleanup(func() { _ = srv.Close() })
	_, port, _ = net.SplitHostPort(ln.Addr().String())
	return port, connects
}

// names is a DNS server on loopback; answer gives the IPv4 addresses of a name, which it is asked for each time.
func names(t *testing.T, answer func(name string) []string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			_, _ = conn.WriteTo(reply(b[:n], answer), from)
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}

// reply answers a question of type A with a time to live of 0, and any other with nothing (RFC 1035, section 4).
func reply(query []byte, answer func(name string) []string) []byte {
	var labels []string
	at := 12
	for query[at] != 0 {
		labels = append(labels, string(query[at+1:at+1+int(query[at])]))
		at += 1 + int(query[at])
	}
	end := at + 5 // the root, type and class
	var ips []string
	if binary.BigEndian.Uint16(query[at+1:]) == 1 {
		ips = answer(strings.Join(labels, "."))
	}
	out := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, byte(len(ips)), 0, 0, 0, 0}, query[12:end]...)
	for _, ip := range ips {
		out = append(out, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		out = append(out, net.ParseIP(ip).To4()...)
	}
	return out
}

// spellings are ways to write a host that some resolver reads as 127.0.0.1.
func spellings() []string {
	return []string{
		"127.0.0.1", "127.0.0.1.", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0x7F.0x0.0x0.0x1",
		"0177.0.0.1", "017700000001", "00000177.0.0.1", "127.000.000.001", "localhost", "localhost.", "LOCALHOST", "LocalHost.",
		"①②⑦.⓪.⓪.①", "127。0。0。1", "１２７.０.０.１", "a.example", "A.EXAMPLE.", "127.0.0.1.a.example", "[::ffff:127.0.0.1]",
		"[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]", "%31%32%37.0.0.1", "0", "0.0.0.0", "xn--a.example",
	}
}

// TestEgressBySpelling: the policy is about the address in the end, however the host was written. The resolver takes
// every name for 127.0.0.1, as the most obliging one would.
func TestEgressBySpelling(t *testing.T) {
	port, connects := counted(t, "127.0.0.1:0")
	resolver := names(t, func(string) []string { return []string{"127.0.0.1"} })
	for _, host := range spellings() {
		url := "http://" + host + ":" + port + "/"
		a := post(t, dialer(t, Options{Egress: policy(t, "public"), Resolver: resolver}), url, "")
		if a.result != resultEgress && a.result != resultRule && a.result != resultDNS {
			t.Errorf("%s: %s %s", host, a.result, a.err)
		}
	}
	if n := connects.Load(); n != 0 {
		t.Fatalf("%d connects under public", n)
	}
	for _, host := range spellings() {
		post(t, dialer(t, Options{Resolver: resolver}), "http://"+host+":"+port+"/", "")
	}
	if n := connects.Load(); n < 15 {
		t.Errorf("%d connects under any: the spellings lead nowhere, so nothing was tested", n)
	}
}

// TestRebindingLong: a name that changes its address with each question, and one that has a good and a bad one at once.
func TestRebindingLong(t *testing.T) {
	attempts := 2_000
	if os.Getenv("HOOKROUTER_LONG") != "" {
		attempts = 10_000
	}
	port, bad := counted(t, "127.0.0.1:0")
	_, good := counted(t, "127.0.0.2:"+port)
	var asked atomic.Int64
	resolver := names(t, func(name string) []string {
		turn := asked.Add(1)
		switch {
		case strings.HasPrefix(name, "mixed"):
			return [][]string{{"127.0.0.2", "127.0.0.1"}, {"127.0.0.1", "127.0.0.2"}}[turn%2]
		default:
			return []string{[]string{"127.0.0.2", "127.0.0.1"}[turn%2]}
		}
	})
	tr := dialer(t, Options{Egress: policy(t, "public", "127.0.0.2/32"), Resolver: resolver})
	var refused atomic.Int64
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range attempts / 8 {
				url := fmt.Sprintf("http://%s.example:%s/", []string{"turn", "mixed"}[(w+i)%2], port)
				switch a := post(t, tr, url, ""); a.result {
				case resultOK:
				case resultEgress:
					refused.Add(1)
				default:
					t.Errorf("%s: %s %s", url, a.result, a.err)
				}
			}
		})
	}
	wg.Wait()
	if n := bad.Load(); n != 0 {
		t.Errorf("%d connects to the address that is refused", n)
	}
	if good.Load() == 0 || refused.Load() == 0 {
		t.Errorf("%d connects to the good address, %d attempts refused: want both", good.Load(), refused.Load())
	}
}

// TestEnvironmentHasNoSay: a proxy would connect for us, to addresses that no policy sees.
func TestEnvironmentHasNoSay(t *testing.T) {
	proxy, proxied := counted(t, "127.0.0.1:0")
	port, direct := counted(t, "127.0.0.1:0")
	for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"} {
		t.Setenv(name, "http://127.0.0.1:"+proxy)
	}
	t.Setenv("NO_PROXY", "")
	resolver := names(t, func(string) []string { return []string{"127.0.0.1"} })
	for mode, want := range map[string]string{"any": resultOK, "public": resultEgress} {
		tr := dialer(t, Options{Egress: policy(t, mode), Resolver: resolver})
		if a := post(t, tr, "http://not-loopback.example:"+port+"/", ""); a.result != want {
			t.Errorf("%s: %s %s", mode, a.result, a.err)
		}
	}
	if proxied.Load() != 0 || direct.Load() != 1 {
		t.Errorf("%d connects to the proxy, %d direct", proxied.Load(), direct.Load())
	}
}

// TestEgressIsRetried: the policy is the operator's to mend, so nothing is lost over it, and the breaker opens.
func TestEgressIsRetried(t *testing.T) {
	r := newRig(t, oneRoute("meta", `url: "http://169.254.169.254/", breaker: { failures: 2, cooldown: 1h }, retry: { backoff: 1ms, max_backoff: 1ms }`), nil)
	id := r.send("meta", "x")
	d, tried := r.attempted(id, 2)
	if d.State.Final() || tried[0].Result != resultEgress || !strings.Contains(tried[0].Error, "link-local") {
		t.Errorf("delivery %s, attempt %+v", d.State, tried[0])
	}
	r.until("the breaker opens", func() bool { return r.status("meta").Breaker == "open" })
}
