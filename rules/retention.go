package rules

import (
	"time"

	"gopkg.in/yaml.v3"
)

// Retention says how long what is over is kept for people. Pending deliveries are kept until they expire, whatever it
// says.
type Retention struct {
	History time.Duration // events and final deliveries
	Dead    time.Duration // dead deliveries
	Size    int64         // bytes of records; the oldest go first
}

const (
	minKept = 1 << 20
	maxKept = 1 << 44
)

// Retention is what `retention:` says, with the defaults of 72 hours, 30 days and 10 GiB.
func (s *Set) Retention() Retention { return s.retention }

func (p *parser) readRetention(n *yaml.Node) Retention {
	r := Retention{History: 3 * day, Dead: 30 * day, Size: 10 << 30}
	if n == nil || isNull(n) {
		return r
	}
	b, _ := p.block(n, "retention", keepKeys)
	if n := b.get("history"); n != nil {
		p.setDuration(&r.History, n, "history", 3650*day)
	}
	if n := b.get("dead"); n != nil {
		p.setDuration(&r.Dead, n, "dead", 3650*day)
	}
	if n := b.get("size"); n != nil {
		r.Size = p.size(n, "size", minKept, maxKept)
	}
	return r
}
