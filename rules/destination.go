package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/rules/lang"
)

// policy is what destinations inherit from `defaults:`.
type policy struct {
	timeout time.Duration
	retry   Retry
	breaker Breaker
	limit   Limit
	pass    passHeaders
}

func basePolicy() policy {
	return policy{
		timeout: 10 * time.Second,
		retry:   Retry{Backoff: time.Second, MaxBackoff: time.Hour, MaxAge: day, On: retriedByDefault()},
		breaker: Breaker{Failures: 5, Min: 20, Window: time.Minute, Cooldown: 30 * time.Second, Probes: 1},
		limit:   Limit{Concurrency: 32},
	}
}

func (p *parser) readDefaults(n *yaml.Node) policy {
	base := basePolicy()
	if n == nil || isNull(n) {
		return base
	}
	if b, ok := p.block(n, "defaults", defaultKeys); ok {
		p.declared["defaults"] = stands{n, b}
		return p.policy(b, base)
	}
	return base
}

// policy reads the keys that defaults and destinations share, over what is inherited.
func (p *parser) policy(b block, o policy) policy {
	if n := b.get("timeout"); n != nil {
		p.setDuration(&o.timeout, n, "timeout", time.Hour)
	}
	if n := b.get("retry"); n != nil {
		p.retry(n, &o.retry)
	}
	if n := b.get("breaker"); n != nil {
		p.breaker(n, &o.breaker)
	}
	if n := b.get("limit"); n != nil {
		p.limit(n, &o.limit)
	}
	if n := b.get("pass_headers"); n != nil {
		o.pass = p.passHeaders(n)
	}
	return o
}

func (p *parser) setDuration(d *time.Duration, n *yaml.Node, what string, most time.Duration) {
	if v, ok := p.duration(n, what, most); ok {
		*d = v
	}
}

func (p *parser) setInt(i *int, n *yaml.Node, what string, low, high int) {
	if v, ok := p.integer(n, what, low, high); ok {
		*i = v
	}
}

func (p *parser) retry(n *yaml.Node, r *Retry) {
	b, _ := p.block(n, "retry", retryKeys)
	p.pauses(b, r)
	if n := b.get("on"); n != nil {
		r.On = p.answers(n, "on", retriedByDefault(), true)
	}
	if n := b.get("max_age"); n != nil {
		p.setDuration(&r.MaxAge, n, "max_age", 365*day)
	}
	if n := b.get("attempts"); n != nil {
		p.setInt(&r.Attempts, n, "attempts", 0, 1_000_000)
	}
	if r.MaxBackoff < r.Backoff {
		p.fault(n, fmt.Sprintf("max_backoff %s is below backoff %s", spell(r.MaxBackoff), spell(r.Backoff)), "raise one, or lower the other")
	}
	if all := sum(r.Schedule); all >= r.MaxAge {
		p.fault(n, fmt.Sprintf("schedule takes %s, max_age %s ends it before", spell(all), spell(r.MaxAge)), "raise max_age")
	}
}

// pauses reads how long is waited between attempts. A block that names one way takes the place of the other, inherited
// one.
func (p *parser) pauses(b block, r *Retry) {
	backoff, most, schedule := b.get("backoff"), b.get("max_backoff"), b.get("schedule")
	if schedule != nil {
		r.Schedule = p.durations(schedule, "schedule", 7*day)
		for _, n := range [...]*yaml.Node{backoff, most} {
			if n != nil {
				p.fault(n, "backoff says nothing beside schedule", "remove one of the two")
			}
		}
		return
	}
	if backoff != nil {
		p.setDuration(&r.Backoff, backoff, "backoff", day)
	}
	if most != nil {
		p.setDuration(&r.MaxBackoff, most, "max_backoff", 7*day)
	} else {
		r.MaxBackoff = max(r.MaxBackoff, r.Backoff)
	}
	if backoff != nil || most != nil {
		r.Schedule = nil
	}
}

// maxPauses bounds a schedule.
const maxPauses = 1000

func (p *parser) durations(n *yaml.Node, what string, most time.Duration) (list []time.Duration) {
	nodes := p.list(n, what)
	if len(nodes) > maxPauses {
		p.fault(n, fmt.Sprintf("%s has more than %d pauses", what, maxPauses), "after the last of a shorter list the pause stays the same")
		return nil
	}
	for _, n := range nodes {
		if d, ok := p.duration(n, what, most); ok {
			list = append(list, d)
		}
	}
	return list
}

func sum(list []time.Duration) (all time.Duration) {
	for _, d := range list {
		all += d
	}
	return all
}

func (p *parser) breaker(n *yaml.Node, r *Breaker) {
	b, _ := p.block(n, "breaker", breakerKeys)
	p.trip(b, r)
	if n := b.get("cooldown"); n != nil {
		p.setDuration(&r.Cooldown, n, "cooldown", day)
	}
	if n := b.get("probes"); n != nil {
		p.setInt(&r.Probes, n, "probes", 1, 1000)
	}
}

// trip reads when a breaker opens. A block that names only one way takes the place of the other, inherited one.
func (p *parser) trip(b block, r *Breaker) {
	failures, ratio := b.get("failures"), b.get("ratio")
	if failures != nil {
		r.Ratio = 0
		p.setInt(&r.Failures, failures, "failures", 1, 1_000_000)
	}
	if ratio != nil {
		if failures == nil {
			r.Failures = 0
		}
		r.Ratio = p.ratio(ratio, "ratio")
	}
	if n := b.get("min"); n != nil {
		p.setInt(&r.Min, n, "min", 1, 1_000_000)
	}
	if n := b.get("window"); n != nil {
		p.setDuration(&r.Window, n, "window", day)
	}
	for _, key := range [...]string{"min", "window"} {
		if n := b.get(key); n != nil && r.Ratio == 0 {
			p.fault(n, key+" says nothing without ratio", "add `ratio: 0.5`, or remove it")
		}
	}
}

func (p *parser) limit(n *yaml.Node, l *Limit) {
	b, _ := p.block(n, "limit", limitKeys)
	if n := b.get("concurrency"); n != nil {
		p.setInt(&l.Concurrency, n, "concurrency", 1, 10_000)
	}
	if n := b.get("rate"); n != nil {
		l.Rate, _ = p.rate(n, "rate")
	}
}

// Fingerprint tells one URL from another without saying it: hex digits; of a templated one those of the template.
func (d *Destination) Fingerprint() string {
	sum := sha256.Sum256([]byte(d.out.url.masked() + "\x00" + d.out.url.fixed))
	return hex.EncodeToString(sum[:8])
}

// Longest is more than what any delivery to it has to wait before its next attempt.
func (d *Destination) Longest() time.Duration {
	const asked = time.Hour // by Retry-After
	pause := d.Retry.MaxBackoff
	if len(d.Retry.Schedule) > 0 {
		pause = slices.Max(d.Retry.Schedule)
	}
	return max(pause, asked, d.Delay, d.window) + time.Minute
}

// outgoing is how a destination's requests look.
type outgoing struct {
	url       urlTemplate
	query     []parameter
	headers   []header
	pass      passHeaders
	readsBody bool
}

func (p *parser) readDestinations(nodes []*yaml.Node, defaults policy) {
	for _, f := range p.section(nodes, "destinations") {
		d := &Destination{Name: f.key.Value, Success: deliveredByDefault()}
		p.declared["destination "+d.Name] = stands{f.key, block{node: f.value}}
		if f.value.Kind == yaml.ScalarNode && !isNull(f.value) {
			p.target(d, f.value)
			d.take(defaults)
		} else {
			p.destination(d, f.value, defaults)
		}
		p.set.destinations[d.Name] = d
		p.set.destList = append(p.set.destList, d)
	}
}

func (p *parser) destination(d *Destination, n *yaml.Node, defaults policy) {
	b, ok := p.block(n, fmt.Sprintf("destination %q", d.Name), destKeys)
	if !ok {
		return
	}
	p.declared["destination "+d.Name] = stands{p.declared["destination "+d.Name].key, b}
	if n := b.get("url"); n != nil {
		p.target(d, n)
	} else {
		p.fault(b.node, fmt.Sprintf("destination %q has no url", d.Name), "write `url: http://host:8080/path`")
	}
	if n := b.get("method"); n != nil {
		d.Method = p.method(n, "method")
	}
	if n := b.get("query"); n != nil {
		d.out.query = p.query(n)
	}
	if n := b.get("headers"); n != nil {
		d.out.headers = p.headers(n, true)
	}
	p.trust(d, b)
	if n := b.get("success"); n != nil {
		d.Success = p.answers(n, "success", deliveredByDefault(), false)
	}
	d.take(p.policy(b, defaults))
	if n := b.get("order_by"); n != nil {
		d.order = p.expression(n, "order_by", lang.Text)
	}
	if n := b.get("delay"); n != nil {
		p.delay(d, n)
	}
	d.out.readsBody = d.out.url.readsBody() || d.order != nil && d.order.ReadsBody() ||
		slices.ContainsFunc(d.out.query, func(x parameter) bool { return x.value.readsBody() }) ||
		slices.ContainsFunc(d.out.headers, func(h header) bool { return h.value.readsBody() })
}

func (p *parser) delay(d *Destination, n *yaml.Node) {
	p.setDuration(&d.Delay, n, "delay", 30*day)
	if d.Delay >= d.Retry.MaxAge {
		p.fault(n, fmt.Sprintf("delay %s is not below max_age %s: nothing would be delivered", spell(d.Delay), spell(d.Retry.MaxAge)), "raise max_age")
	}
}

func (d *Destination) take(o policy) {
	d.Timeout, d.Retry, d.Breaker, d.Limit, d.out.pass = o.timeout, o.retry, o.breaker, o.limit, o.pass
}

// trust reads how the destination knows us, and we it.
func (p *parser) trust(d *Destination, b block) {
	if n := b.get("sign"); n != nil {
		d.signers = p.signers(d, n)
	}
	if n := b.get("auth"); n != nil {
		p.auth(d, n)
	}
	if n := b.get("tls"); n != nil {
		d.TLS = p.tls(n)
		if strings.HasPrefix(d.out.url.plain(), "http://") {
			p.fault(n, fmt.Sprintf("destination %q has tls, and its url is not https", d.Name), "write https://, or remove tls")
		}
	}
}
