package deliver

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
)

// addresses are an address and what it is, from testdata/addresses.txt.
func addresses(t *testing.T) map[string]string {
	t.Helper()
	data, err := os.ReadFile("testdata/addresses.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(data)) {
		class, addr, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok || class == "#" {
			continue
		}
		if _, twice := all[addr]; twice {
			t.Errorf("%s stands there twice", addr)
		}
		all[addr] = class
	}
	if len(all) < 120 {
		t.Fatalf("%d addresses are too few", len(all))
	}
	return all
}

// allowed are the policies that connect to a class.
var allowed = map[string]string{"never": "", "special": "any", "private": "any private", "public": "any public"}

func TestEgressByAddress(t *testing.T) {
	for addr, class := range addresses(t) {
		policies, known := allowed[class]
		if !known {
			t.Fatalf("%s: no class %q", addr, class)
		}
		for _, mode := range []string{"any", "private", "public"} {
			err := policy(t, mode).Control("tcp", net.JoinHostPort(addr, "80"), nil)
			want := strings.Contains(policies, mode)
			var refused *EgressError
			if want != (err == nil) || err != nil && !errors.As(err, &refused) {
				t.Errorf("%s %s under %s: %v", class, addr, mode, err)
			}
		}
	}
}

// TestEgressBeforeTheConnect: a real dial asks the policy about the address in use. Only addresses of this machine are
// dialed, so that a policy with a hole lets nothing out of it.
func TestEgressBeforeTheConnect(t *testing.T) {
	tried := 0
	for addr, class := range addresses(t) {
		ip, err := netip.ParseAddr(addr)
		if err != nil || !ip.Unmap().IsLoopback() || ip.Is6() && !ip.Is4In6() || strings.Contains(allowed[class], "public") {
			continue
		}
		tried++
		tr := dialer(t, Options{Egress: policy(t, "public")})
		a := post(t, tr, "http://"+net.JoinHostPort(addr, "80")+"/", resultTimeout) // for its short deadline
		if a.result != resultEgress {
			t.Errorf("%s: %s %s", addr, a.result, a.err)
		}
	}
	if tried == 0 {
		t.Error("nothing was dialed")
	}
}

func TestEgressExceptions(t *testing.T) {
	e := policy(t, "public", "10.1.0.0/16", "127.0.0.1/32", "fd00::/8", "0.0.0.0/0")
	for _, addr := range []string{"10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1", "fd00::1", "192.168.0.1"} {
		if err := e.check(netip.MustParseAddr(addr)); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
	}
	for _, addr := range []string{"169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "100.100.100.200", "::1"} {
		if e.check(netip.MustParseAddr(addr)) == nil {
			t.Errorf("%s is let through", addr)
		}
	}
	for _, bad := range []string{"169.254.169.254/32", "169.254.0.0/16", "fe80::/64", "fd00:ec2::254/128", "::ffff:10.0.0.0/104"} {
		if _, err := NewEgress("public", []netip.Prefix{netip.MustParsePrefix(bad)}); err == nil {
			t.Errorf("an exception for %s has no effect, and nobody is told", bad)
		}
	}
	if _, err := NewEgress("publik", nil); err == nil {
		t.Error("a policy that does not exist")
	}
}

func TestEgressKnowsOnlyTCP(t *testing.T) {
	for network, address := range map[string]string{"unix": "/run/x", "udp4": "1.1.1.1:80", "tcp": "localhost:80"} {
		if policy(t, "any").Control(network, address, nil) == nil {
			t.Errorf("%s %s is let through", network, address)
		}
	}
}

func policy(t *testing.T, mode string, allow ...string) Egress {
	t.Helper()
	var prefixes []netip.Prefix
	for _, p := range allow {
		prefixes = append(prefixes, netip.MustParsePrefix(p))
	}
	e, err := NewEgress(mode, prefixes)
	if err != nil {
		t.Fatal(err)
	}
	return e
}
