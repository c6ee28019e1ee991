package deliver

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"syscall"

	"code.dny.dev/ssrf"
)

// Egress says to which addresses attempts may connect. It is asked at the moment of each connect, about the very
// address that is used, so that no name, redirect or answer of a DNS server leads around it. The zero value is what
// NewEgress makes of "any". It is safe for concurrent use.
type Egress struct {
	mode  string
	allow []netip.Prefix
}

// The policies that NewEgress knows.
const (
	egressAny     = "any"
	egressPrivate = "private"
	egressPublic  = "public"
)

// NewEgress makes a policy. Its mode is any (everything), private (loopback, RFC 1918, RFC 6598, IPv6 unique local) or
// public (what is routed on the internet); "" is any. allow are exceptions from private and public. Link-local and
// metadata addresses are refused whatever it says; an exception for nothing but those is an error.
func NewEgress(mode string, allow []netip.Prefix) (Egress, error) {
	switch mode {
	case "", egressAny, egressPrivate, egressPublic:
	default:
		return Egress{}, fmt.Errorf("policy %q: use any, private or public", mode)
	}
	e := Egress{mode: mode}
	for _, p := range allow {
		if p.Addr().Is4In6() {
			return Egress{}, fmt.Errorf("exception %s: write it as an IPv4 prefix", p)
		}
		if never := neverPrefix(p); never.IsValid() {
			return Egress{}, fmt.Errorf("exception %s: %s is never connected to", p, never)
		}
		e.allow = append(e.allow, p.Masked())
	}
	return e, nil
}

// EgressError is why an attempt made no connection: the policy refuses the address.
type EgressError struct {
	Addr netip.Addr
	Why  string
}

// Error names address and reason.
func (e *EgressError) Error() string { return fmt.Sprintf("egress policy: %s %s", e.Addr, e.Why) }

// Control is for net.Dialer: it is called with the address of each connect, after names were resolved.
func (e Egress) Control(network, address string, _ syscall.RawConn) error {
	if !strings.HasPrefix(network, "tcp") {
		return fmt.Errorf("egress policy: network %q", network)
	}
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("egress policy: address %q", address)
	}
	return e.check(to.Addr())
}

func (e Egress) check(ip netip.Addr) error {
	ip = ip.Unmap().WithZone("")
	for _, inner := range append(embedded(ip), ip) {
		if why := never(inner); why != "" {
			return &EgressError{ip, why}
		}
	}
	if slices.ContainsFunc(e.allow, func(p netip.Prefix) bool { return p.Contains(ip) }) {
		return nil
	}
	switch {
	case e.mode == egressPrivate && !isPrivate(ip):
		return &EgressError{ip, "is not private"}
	case e.mode == egressPublic && !isPublic(ip):
		return &EgressError{ip, "is not public"}
	}
	return nil
}

// isPrivate says whether an address is of this machine or of a network of one's own.
func isPrivate(ip netip.Addr) bool { return ip.IsLoopback() || ip.IsPrivate() || shared.Contains(ip) }

// isPublic says whether an address is routed on the internet: in no special-purpose registry of IANA.
func isPublic(ip netip.Addr) bool { return ssrf.New(ssrf.WithAnyPort()).SafeAddr(ip) == nil }
