package deliver

import (
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/hookrouter/hookrouter/rules"
)

func ratioGate(b rules.Breaker) *gate {
	b.Probes, b.Cooldown = 1, time.Second
	return newGate(&rules.Destination{Breaker: b, Limit: rules.Limit{Concurrency: 100}}, nil)
}

// answers lets attempts end one after the other, for each letter one: f fails.
func answers(g *gate, results string) {
	for _, r := range results {
		v := healthy
		if r == 'f' {
			v = unwell
		}
		finish(g, v, fill(g)...)
		g.restart(time.Now()) // one at a time
	}
}

func TestBreakerByRatio(t *testing.T) {
	half := rules.Breaker{Ratio: 0.5, Min: 10, Window: 10 * time.Second}
	both := half
	both.Failures = 3
	for _, c := range []struct {
		name    string
		numbers rules.Breaker
		results string // a dot is two seconds
		open    bool
	}{
		{"too few to say", half, "fffffffff", false},
		{"enough", half, "ffffffffff", true},
		{"just half of them", half, "sfsfsfsfsf", true},
		{"less than half", half, "ssfsfsfsfsfsfsf", false},
		{"successes have left the window", half, "ssssssssss......ffffffffff", true},
		{"successes are still there", half, "ssssssssss...fffff", false},
		{"failures have left the window", half, "fffffffff......ffffffffs", false},
		{"failures are still there", half, "ffffff...sssf", true},
		{"in a row, too", both, "fsffsfff", true},
		{"neither", both, "fsfsfsffs", false},
	} {
		bubble(t, func(t *testing.T) {
			g := ratioGate(c.numbers)
			for _, r := range c.results {
				if r == '.' {
					time.Sleep(2 * time.Second)
				} else {
					answers(g, string(r))
				}
			}
			if open := g.breaker.state == gobreaker.StateOpen; open != c.open {
				t.Errorf("%s: open is %v", c.name, open)
			}
		})
	}
}

// TestRatioOfSlowAttempts: those that take longer than the window are results like any other.
func TestRatioOfSlowAttempts(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := warm(ratioGate(rules.Breaker{Ratio: 0.5, Min: 10, Window: time.Second}))
		time.Sleep(time.Minute)
		ps := fill(g)
		time.Sleep(time.Hour)
		finish(g, unwell, ps[:10]...)
		if g.breaker.state != gobreaker.StateOpen {
			t.Errorf("ten that hung for an hour left it %v", g.breaker.state)
		}
	})
}

func TestRatioChangesWhileOpen(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := ratioGate(rules.Breaker{Ratio: 0.5, Min: 2, Window: time.Minute})
		answers(g, "ff")
		until := g.breaker.until
		g.breaker.apply(rules.Breaker{Failures: 9, Cooldown: time.Second}, time.Now())
		if g.breaker.state != gobreaker.StateOpen || !g.breaker.until.Equal(until) {
			t.Fatalf("%v until %v", g.breaker.state, g.breaker.until)
		}
		time.Sleep(time.Second)
		answers(g, "ss")
		if g.breaker.state != gobreaker.StateClosed {
			t.Errorf("after a good probe: %v", g.breaker.state)
		}
	})
}
