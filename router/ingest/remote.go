package ingest

import (
	"net/netip"
	"slices"
	"strings"
)

// remote is who called: the peer, or, when that is a trusted proxy, the nearest one in X-Forwarded-For that is not.
// Where the chain cannot be read on, ip is the last that could be, and it is not known who called.
func (c *call) remote() (ip netip.Addr, known bool) {
	peer, err := netip.ParseAddrPort(c.r.RemoteAddr)
	if err != nil {
		return netip.Addr{}, false
	}
	ip = peer.Addr().Unmap().WithZone("")
	if !c.in.trusts(ip) {
		return ip, true
	}
	hops := strings.Split(strings.Join(c.r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		next, ok := readHop(hop)
		if !ok {
			return ip, len(hops) == 1 && hop == "" // no header: the proxy itself called
		}
		if ip = next; !c.in.trusts(ip) {
			break
		}
	}
	return ip, true
}

// readHop reads an address as proxies write it: some add the port.
func readHop(hop string) (netip.Addr, bool) {
	hop = strings.TrimSpace(hop)
	ip, err := netip.ParseAddr(hop)
	if err != nil {
		var at netip.AddrPort
		at, err = netip.ParseAddrPort(hop)
		ip = at.Addr()
	}
	return ip.Unmap().WithZone(""), err == nil
}

func (c *call) remoteIP() string {
	if ip, _ := c.remote(); ip.IsValid() {
		return ip.String()
	}
	return ""
}

func (in *Ingest) trusts(ip netip.Addr) bool {
	return slices.ContainsFunc(in.opts.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}
