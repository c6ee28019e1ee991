package deliver

import "net/netip"

// shared is the address space between a provider and its customers (RFC 6598), also used by overlay networks.
var shared = netip.MustParsePrefix("100.64.0.0/10")

// nevers are addresses that no destination has: what answers there hands out credentials of the machine.
var nevers = []struct {
	prefix netip.Prefix
	why    string
}{
	{netip.MustParsePrefix("169.254.0.0/16"), linkLocal},        // RFC 3927; 169.254.169.254 on most clouds, .170.2 and .170.23 on AWS
	{netip.MustParsePrefix("fe80::/10"), linkLocal},             // RFC 4291
	{netip.MustParsePrefix("fd00:ec2::254/128"), metadata},      // AWS: instance metadata
	{netip.MustParsePrefix("fd00:ec2::23/128"), metadata},       // AWS: EKS pod identity
	{netip.MustParsePrefix("fd20:ce::254/128"), metadata},       // Google Cloud
	{netip.MustParsePrefix("fd00:c1::a9fe:a9fe/128"), metadata}, // Oracle Cloud
	{netip.MustParsePrefix("192.0.0.192/32"), metadata},         // Oracle Cloud, classic
	{netip.MustParsePrefix("100.100.100.200/32"), metadata},     // Alibaba Cloud
	{netip.MustParsePrefix("168.63.129.16/32"), metadata},       // Azure: wire server
}

const (
	linkLocal = "is link-local"
	metadata  = "is a metadata service"
)

// never says why an address is refused under every policy, or "".
func never(ip netip.Addr) string {
	for _, n := range nevers {
		if n.prefix.Contains(ip) {
			return n.why
		}
	}
	return ""
}

// neverPrefix is the refused range that holds all of p; it is not valid when p reaches beyond.
func neverPrefix(p netip.Prefix) netip.Prefix {
	for _, n := range nevers {
		if n.prefix.Bits() <= p.Bits() && n.prefix.Contains(p.Addr()) {
			return n.prefix
		}
	}
	return netip.Prefix{}
}

// carriers are the IPv6 ranges in which an IPv4 address is written, and where in the 16 bytes it stands.
var carriers = []struct {
	prefix netip.Prefix
	at     [4]int
	flip   byte // with which each byte is XORed
}{
	{prefix: netip.MustParsePrefix("::/96"), at: [4]int{12, 13, 14, 15}},                // IPv4-compatible, RFC 4291
	{prefix: netip.MustParsePrefix("::ffff:0:0:0/96"), at: [4]int{12, 13, 14, 15}},      // IPv4-translated, RFC 2765
	{prefix: netip.MustParsePrefix("64:ff9b::/96"), at: [4]int{12, 13, 14, 15}},         // NAT64, RFC 6052
	{prefix: netip.MustParsePrefix("64:ff9b:1::/48"), at: [4]int{6, 7, 9, 10}},          // local NAT64 as /48, RFC 8215
	{prefix: netip.MustParsePrefix("64:ff9b:1::/48"), at: [4]int{7, 9, 10, 11}},         // the same as /56
	{prefix: netip.MustParsePrefix("64:ff9b:1::/48"), at: [4]int{9, 10, 11, 12}},        // the same as /64
	{prefix: netip.MustParsePrefix("64:ff9b:1::/48"), at: [4]int{12, 13, 14, 15}},       // the same as /96
	{prefix: netip.MustParsePrefix("2002::/16"), at: [4]int{2, 3, 4, 5}},                // 6to4, RFC 3056
	{prefix: netip.MustParsePrefix("2001::/32"), at: [4]int{4, 5, 6, 7}},                // Teredo's server, RFC 4380
	{prefix: netip.MustParsePrefix("2001::/32"), at: [4]int{12, 13, 14, 15}, flip: 255}, // Teredo's client
}

// embedded are the IPv4 addresses that an IPv6 address may lead to.
func embedded(ip netip.Addr) (inner []netip.Addr) {
	if !ip.Is6() {
		return nil
	}
	b := ip.As16()
	for _, c := range carriers {
		if c.prefix.Contains(ip) {
			inner = append(inner, netip.AddrFrom4([4]byte{
				b[c.at[0]] ^ c.flip, b[c.at[1]] ^ c.flip, b[c.at[2]] ^ c.flip, b[c.at[3]] ^ c.flip,
			}))
		}
	}
	if (b[8] == 0 || b[8] == 2) && b[9] == 0 && b[10] == 0x5e && b[11] == 0xfe { // ISATAP, RFC 5214
		inner = append(inner, netip.AddrFrom4([4]byte(b[12:])))
	}
	return inner
}
