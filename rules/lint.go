package rules

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"
)

// Lint asks Parse for warnings beyond those that it always looks for: what is no fault, and hardly meant.
type Lint struct {
	// Listen is the address that the server would listen on; "" is none.
	Listen string
	// Recorded gives bodies of events that a source sent; nil knows none.
	Recorded func(source string) [][]byte
}

// stands is where something of a name is declared.
type stands struct {
	key *yaml.Node
	block
}

func (p *parser) lint() {
	if p.o.Lint == nil || len(p.faults) > 0 {
		return
	}
	p.unknownAllows()
	p.unused()
	p.loops()
	p.rates()
	p.breakers()
	p.verdicts()
	p.order()
	p.unseen()
}

func (p *parser) unused() {
	used := map[string]bool{}
	for _, r := range p.set.routeList {
		for _, d := range r.To {
			used["destination "+d] = true
		}
		for _, s := range p.set.sourceList {
			used["source "+s.Name] = used["source "+s.Name] || r.spec.everywhere || slices.Contains(r.From, s.Name)
		}
	}
	for _, s := range p.set.sourceList {
		used["preset "+s.Preset] = true
		if !used["source "+s.Name] {
			p.warn(p.declared["source "+s.Name].key, codeUnused, fmt.Sprintf("no route reads source %q: its events are kept and go nowhere", s.Name),
				"add a route, or remove the source")
		}
	}
	for _, d := range p.set.destList {
		if !used["destination "+d.Name] {
			p.warn(p.declared["destination "+d.Name].key, codeUnused, fmt.Sprintf("no route leads to destination %q", d.Name),
				"name it in the `to` of a route, or remove it")
		}
	}
	for _, pre := range p.presets {
		used["preset "+pre.Like] = true
	}
	for name := range p.presets {
		if !used["preset "+name] {
			p.warn(p.declared["preset "+name].key, codeUnused, fmt.Sprintf("no source has the preset %q", name), "name it in a source, or remove it")
		}
	}
}

// loops finds destinations that are this server.
func (p *parser) loops() {
	for _, d := range p.set.destList {
		full, _ := d.out.url.sketch()
		u, err := url.Parse(full)
		if err != nil {
			continue
		}
		at := p.declared["destination "+d.Name]
		n := at.get("url")
		if n == nil {
			n = at.node
		}
		if own := p.own(u); own != "" {
			p.warn(n, codeLoop, fmt.Sprintf("destination %q is this server itself: %s", d.Name, own), "write the address of the service behind")
		}
	}
}

// own says why an address is ours, "" when it is not.
func (p *parser) own(u *url.URL) string {
	for _, public := range p.publicHosts {
		if u.Host == public {
			return "a source has it as its public_url"
		}
	}
	host, port, err := net.SplitHostPort(p.o.Lint.Listen)
	if err != nil || portOf(u) != port || port == "0" {
		return ""
	}
	anywhere, local := host == "" || isUnspecified(host), isLocal(u.Hostname())
	if u.Hostname() == host || local && (anywhere || isLocal(host)) {
		return "it listens on " + p.o.Lint.Listen
	}
	return ""
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

func isUnspecified(host string) bool {
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsUnspecified()
}

func isLocal(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && (ip.IsLoopback() || ip.IsUnspecified())
}

// rates finds destinations that get more than their rate lets through.
func (p *parser) rates() {
	for _, d := range p.set.destList {
		if d.Limit.Rate == 0 {
			continue
		}
		n := p.within(d.Name, "limit", "rate")
		if n == nil {
			continue
		}
		if d.Limit.Rate*d.Retry.MaxAge.Seconds() < 1 {
			p.warn(n, codeRate, fmt.Sprintf("destination %q: what waits for its turn expires before: one attempt in %s, and max_age is %s",
				d.Name, spell(time.Duration(float64(time.Second)/d.Limit.Rate)), spell(d.Retry.MaxAge)), "raise rate or max_age")
			continue
		}
		if sent := p.sentTo(d); sent > d.Limit.Rate {
			p.warn(n, codeRate, fmt.Sprintf("destination %q must queue: its sources may send %.3g events a second, and it takes %.3g",
				d.Name, sent, d.Limit.Rate), "raise it, lower the `limit` of the sources, or `coalesce`")
		}
	}
}

// breakers finds those that never see as many answers as they wait for.
func (p *parser) breakers() {
	for _, d := range p.set.destList {
		b := d.Breaker
		most := d.Limit.Rate*b.Window.Seconds() + max(1, d.Limit.Rate) // what comes at once included
		if b.Ratio == 0 || b.Failures > 0 || d.Limit.Rate == 0 || float64(b.Min) <= most {
			continue
		}
		n := p.within(d.Name, "breaker", "min")
		if n == nil {
			n = p.within(d.Name, "breaker", "ratio")
		}
		p.warn(n, codeBreaker, fmt.Sprintf("destination %q: the breaker never opens: at most %.0f attempts are made in %s, and it waits for %d",
			d.Name, most, spell(b.Window), b.Min), "lower `min`, or make `window` longer")
	}
}

// within is where something of a destination stands, in its own block or in defaults.
func (p *parser) within(name, block, key string) *yaml.Node {
	for _, at := range []stands{p.declared["destination "+name], p.declared["defaults"]} {
		if n := at.get(block); n != nil && child(n, key) != nil {
			return child(n, key)
		}
	}
	return nil
}

// sentTo is how many events a second the sources may send that routes lead to a destination whatever they are.
func (p *parser) sentTo(d *Destination) (perSecond float64) {
	for _, s := range p.set.sourceList {
		all := func(r *Route) bool {
			return r.spec.when == nil && r.spec.coalesce == nil && slices.Contains(r.To, d.Name)
		}
		if i := slices.IndexFunc(s.routes, all); i >= 0 && !slices.ContainsFunc(s.routes[:i], func(r *Route) bool { return r.Stop }) {
			perSecond += s.Limit.Rate
		}
	}
	return perSecond
}
