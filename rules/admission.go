package rules

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Allows reports whether a request from ip may be one of this source. An address that is not known may not, where the
// source has a list.
func (src *Source) Allows(ip netip.Addr) bool {
	ip = ip.Unmap()
	return src.AllowIP == nil || slices.ContainsFunc(src.AllowIP, func(r Range) bool { return r.Prefix.Contains(ip) })
}

func (p *parser) sourceLimit(n *yaml.Node) (l SourceLimit) {
	b, _ := p.block(n, "limit", limitKeys)
	if n := b.get("concurrency"); n != nil {
		p.setInt(&l.Concurrency, n, "concurrency", 1, 1_000_000)
	}
	if n := b.get("rate"); n != nil {
		l.Rate, l.Burst = p.rate(n, "rate")
	}
	return l
}

// ranges reads addresses and CIDRs. What it returns is never nil: a list that is wrong lets nobody in.
func (p *parser) ranges(n *yaml.Node) []Range {
	list := []Range{}
	for _, x := range p.list(n, "allow_ip") {
		if prefix, ok := p.prefix(x); ok {
			list = append(list, Range{prefix, x.Value})
		}
	}
	return list
}

const prefixHint = "write 203.0.113.7, 203.0.113.0/24 or 2001:db8::/32"

func (p *parser) prefix(n *yaml.Node) (_ netip.Prefix, ok bool) {
	s, ok := p.value(n, "allow_ip")
	if !ok {
		return netip.Prefix{}, false
	}
	prefix, ok := parsePrefix(s)
	switch {
	case strings.Contains(s, "%"):
		p.fault(n, fmt.Sprintf("allow_ip %q has a zone", clip(n.Value)), "leave out % and what follows: a zone says nothing about who calls")
	case !ok:
		p.fault(n, fmt.Sprintf("allow_ip %q is not an address or a range", clip(n.Value)), prefixHint)
	case prefix.Bits() == 0:
		p.fault(n, fmt.Sprintf("allow_ip %q is everybody", clip(n.Value)), "leave `allow_ip` out, or say who")
	default:
		if prefix != prefix.Masked() && s == n.Value {
			p.warn(n, codeAddresses, fmt.Sprintf("allow_ip %q is more than one address: all of %s", clip(n.Value), prefix.Masked()), fmt.Sprintf("write %s, or the one address that is meant", prefix.Masked()))
		}
		return prefix.Masked(), true
	}
	return netip.Prefix{}, false
}

// parsePrefix reads an address or a CIDR; what is written as IPv4 in IPv6 is IPv4.
func parsePrefix(s string) (netip.Prefix, bool) {
	if ip, err := netip.ParseAddr(s); err == nil {
		ip = ip.Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), ip.Zone() == ""
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil || !prefix.Addr().Is4In6() {
		return prefix, err == nil
	}
	const mapped = 96 // bits before the IPv4 address
	return netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mapped), prefix.Bits() >= mapped
}

// likePaths warns of paths that a person or a proxy takes for those of another source.
func (p *parser) likePaths(sources []field) {
	folded := map[string]*Source{}
	for _, f := range sources {
		src := p.set.sources[f.key.Value]
		if src == nil || p.set.byPath[src.Path] != src {
			continue // already reported
		}
		if other, taken := folded[strings.ToLower(src.Path)]; taken {
			p.warn(f.key, codePaths, fmt.Sprintf("the paths of sources %q and %q differ in case only", other.Name, src.Name),
				"what is meant for one and written otherwise reaches the other")
		}
		folded[strings.ToLower(src.Path)] = src
		if other, ok := p.set.sources[strings.TrimPrefix(src.Path, defaultPath)]; ok && other != src {
			p.warn(f.key, codePaths, fmt.Sprintf("source %q has the path that source %q would have by its name", src.Name, other.Name), "give it another `path`")
		}
	}
}
