package ingest

import (
	"net/netip"
	"slices"
	"strings"
)

// remoteIP is who called: the peer, or, when that is a trusted proxy, the nearest one in X-Forwarded-For that is not.
func (c *call) remoteIP() string {
	peer, err := netip.ParseAddrPort(c.r.RemoteAddr)
	if err != nil {
		return ""
	}
	ip := peer.Addr().Unmap().WithZone("")
	if !c.in.trusts(ip) {
		return ip.String()
	}
	hops := strings.Split(strings.Join(c.r.Header["X-Forwarded-For"], ","), ",")
	for _, hop := range slices.Backward(hops) {
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break // what lies behind a hop that cannot be read is not to be believed
		}
		ip = next.Unmap().WithZone("")
		if !c.in.trusts(ip) {
			break
		}
	}
	return ip.String()
}

func (in *Ingest) trusts(ip netip.Addr) bool {
	return slices.ContainsFunc(in.opts.TrustedProxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}
