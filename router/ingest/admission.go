package ingest

import (
	"fmt"
	"math"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/hookrouter/hookrouter/rules"
)

// admission is what one source has used of its limit. It outlives the Set, so a reload that leaves the numbers alone
// forgives nothing.
type admission struct {
	running atomic.Int64 // requests, from their headers to the answer
	bucket  atomic.Pointer[bucket]
}

// bucket is the rate of one source under the numbers for which it was made.
type bucket struct {
	limit rules.SourceLimit
	*rate.Limiter
}

// rate gives the bucket for these numbers; new numbers begin with a full one.
func (a *admission) rate(limit rules.SourceLimit) *bucket {
	b := a.bucket.Load()
	if b == nil || b.limit != limit {
		b = &bucket{limit, rate.NewLimiter(rate.Limit(limit.Rate), limit.Burst)}
		a.bucket.Store(b)
	}
	return b
}

// admit applies allow_ip and limit before the body is read.
//
// The rate is that of verified requests: it is looked at here and spent in store, so a stranger who knows the path
// cannot use it up. Concurrency counts everybody, because what it bounds (memory, and time until a body has arrived)
// is used by strangers as well; so it is allow_ip that keeps them from it.
func (c *call) admit() *refusal {
	if c.in.running.Load() >= c.in.opts.Requests {
		return &refusal{overloaded, http.StatusServiceUnavailable, fmt.Sprintf("%d requests run already", c.in.opts.Requests)}
	}
	if c.source.AllowIP != nil {
		c.barred = c.whyBarred()
	}
	if c.barred != "" {
		return nil // verify refuses it, as it does a wrong signature
	}
	if most := c.source.Limit.Concurrency; most > 0 && !c.enter(int64(most)) {
		// Not 429: how many run at a time depends on how fast we are.
		return &refusal{overConcurrency, http.StatusServiceUnavailable, fmt.Sprintf("%d requests of the source run already", most)}
	}
	if c.source.Limit.Rate > 0 {
		now := time.Now()
		if b := c.bucket(); b.TokensAt(now) < 1 {
			return c.overRate(b, now)
		}
	}
	return nil
}

// enter takes one of the source's places, which end gives back.
func (c *call) enter(most int64) bool {
	running := &c.in.stats(c.source.Name).running
	if running.Add(1) > most {
		running.Add(-1)
		return false
	}
	c.place = running
	return true
}

// spend takes one of the source's verified requests.
func (c *call) spend() *refusal {
	if c.source.Limit.Rate <= 0 {
		return nil
	}
	if b := c.bucket(); !b.AllowN(c.arrived, 1) {
		return c.overRate(b, c.arrived)
	}
	return nil
}

func (c *call) bucket() *bucket { return c.in.stats(c.source.Name).rate(c.source.Limit) }

func (c *call) overRate(b *bucket, now time.Time) *refusal {
	c.again = max(1, int(math.Ceil((1-b.TokensAt(now))/b.limit.Rate)))
	return &refusal{overRate, http.StatusTooManyRequests, fmt.Sprintf("the source's rate of %.3g/s is used up", b.limit.Rate)}
}

// whyBarred says why the caller's address is not one of the source's; "" when it is.
func (c *call) whyBarred() string {
	switch ip, known := c.remote(); {
	case !known:
		return "it cannot be told from which address it came, and the source has allow_ip"
	case !c.source.Allows(ip):
		return "address " + ip.String() + " is not in allow_ip"
	}
	return ""
}

// Use is how much of its limit a source uses now.
type Use struct {
	Running int64 // requests that count for limit.concurrency
	Left    int   // verified requests that would be taken at once; 0 when the source has no rate
}

// Use of a source of the Set in force.
func (in *Ingest) Use(source *rules.Source) Use {
	a := in.stats(source.Name)
	u := Use{Running: a.running.Load()}
	if source.Limit.Rate > 0 {
		u.Left = max(0, int(a.rate(source.Limit).Tokens()))
	}
	return u
}
