package deliver

import (
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/hookrouter/hookrouter/rules"
)

// bubble runs f with a clock that stands still until it is slept on.
func bubble(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	synctest.Test(t, f)
}

func testGate(failures, probes, concurrency int, perSecond float64) *gate {
	return newGate(&rules.Destination{
		Breaker: rules.Breaker{Failures: failures, Probes: probes, Cooldown: time.Second},
		Limit:   rules.Limit{Concurrency: concurrency, Rate: perSecond},
	}, nil)
}

// fill starts as many attempts as the gate lets start now.
func fill(g *gate) (started []permit) {
	now := time.Now()
	for {
		n, _ := g.room(now)
		g.lease(now, n)
		for {
			p, ok := g.enter(now)
			if !ok {
				break
			}
			started = append(started, p)
		}
		if n == 0 {
			return started
		}
	}
}

// finish ends attempts that took 50 ms.
func finish(g *gate, v verdict, ps ...permit) {
	for _, p := range ps {
		g.report(time.Now(), p, v)
		g.leave(50 * time.Millisecond)
	}
}

// warm brings a gate to its full concurrency.
func warm(g *gate) *gate {
	for g.ramp != full {
		finish(g, healthy, fill(g)...)
		time.Sleep(time.Second) // for a rate
	}
	return g
}

func wantStarts(t *testing.T, what string, g *gate, want int) []permit {
	t.Helper()
	ps := fill(g)
	if len(ps) != want {
		t.Fatalf("%s: %d attempts started, want %d", what, len(ps), want)
	}
	return ps
}

// climbs holds that a gate lets one attempt run at first, and at most twice as many each second, up to 32, however fast
// the answers are.
func climbs(t *testing.T, g *gate) {
	t.Helper()
	began, before := time.Now(), 1
	for n := 1; n < 32; {
		ps := fill(g)
		n = len(ps)
		if most := math.Exp2(time.Since(began).Seconds()); float64(n) > most || n < before {
			t.Fatalf("%d at once after %v, %d before", n, time.Since(began), before)
		}
		if time.Since(began) > 8*time.Second {
			t.Fatalf("only %d at once after %v", n, time.Since(began))
		}
		before = n
		time.Sleep(10 * time.Millisecond)
		finish(g, healthy, ps...)
	}
}

func TestGateBeginsGently(t *testing.T) {
	bubble(t, func(t *testing.T) { climbs(t, testGate(5, 1, 32, 0)) })
}

func TestRampAfterTrouble(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := warm(testGate(2, 1, 32, 0))
		finish(g, unwell, fill(g)...)
		time.Sleep(time.Second)
		finish(g, healthy, wantStarts(t, "probe", g, 1)...)
		climbs(t, g)
	})
}

func TestRampAfterAHold(t *testing.T) {
	for _, early := range []bool{false, true} {
		bubble(t, func(t *testing.T) {
			g := warm(testGate(2, 1, 32, 0))
			ps := fill(g)
			g.holdUntil(time.Now().Add(time.Hour))
			finish(g, healthy, ps...)
			wantStarts(t, "held", g, 0)
			time.Sleep(time.Minute)
			if g.endHold(time.Now()); !early {
				g.holdUntil(time.Now().Add(time.Minute))
				time.Sleep(time.Minute)
			}
			climbs(t, g)
		})
	}
}

// TestRampStepsBack: what is too much for a destination is found once a step, not once for each attempt.
func TestRampStepsBack(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := testGate(50, 1, 32, 0)
		round := func(want int, vs ...verdict) {
			t.Helper()
			time.Sleep(2 * time.Second)
			for i, p := range wantStarts(t, "round", g, want) {
				finish(g, vs[min(i, len(vs)-1)], p)
			}
		}
		round(1, unrelated)
		round(1, unwell)
		round(1, healthy)
		round(2, healthy)
		round(4, healthy, unwell)
		round(2, healthy)
		round(4, unwell)
		round(2, unwell, healthy)
		round(1, healthy)
		round(2, healthy)
		wantStarts(t, "after good rounds", g, 4)
	})
}

func TestBreakerTripsAndProbes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := warm(testGate(5, 1, 32, 0))
		ps := wantStarts(t, "warm", g, 32)
		opened := time.Now()
		finish(g, unwell, ps[:4]...)
		if more := fill(g); len(more) != 4 || g.breaker.state != gobreaker.StateClosed {
			t.Fatalf("after 4 failures: %v, %d more", g.breaker.state, len(more))
		}
		finish(g, unwell, ps[4:]...)
		for probe := range 3 {
			if n, again := g.room(time.Now()); n != 0 || !again.Equal(opened.Add(time.Second)) {
				t.Fatalf("open: room for %d, ask again at +%v", n, again.Sub(opened))
			}
			time.Sleep(time.Second - time.Nanosecond)
			wantStarts(t, "just before the cooldown ends", g, 0)
			time.Sleep(time.Nanosecond)
			hung := wantStarts(t, "half-open", g, 1)
			if !hung[0].probe {
				t.Error("the attempt of a half-open breaker must be a probe")
			}
			time.Sleep(time.Duration(probe) * time.Minute) // a probe that hangs holds only its own slot
			wantStarts(t, "while the probe runs", g, 0)
			opened = time.Now()
			finish(g, unwell, hung...)
		}
	})
}

func TestProbeWithoutVerdictIsReplaced(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := testGate(1, 1, 8, 0)
		finish(g, unwell, wantStarts(t, "first", g, 1)...)
		time.Sleep(time.Second)
		finish(g, unrelated, wantStarts(t, "probe", g, 1)...) // say its delivery was canceled
		finish(g, healthy, wantStarts(t, "next probe", g, 1)...)
		if g.breaker.state != gobreaker.StateClosed {
			t.Errorf("after a good probe: %v", g.breaker.state)
		}
	})
}

func TestHalfOpenLetsInOnlyItsProbes(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := warm(testGate(2, 3, 32, 0))
		finish(g, unwell, fill(g)...)
		time.Sleep(time.Second)
		ps := wantStarts(t, "half-open", g, 3)
		finish(g, healthy, ps[:2]...)
		wantStarts(t, "after two of three", g, 0)
		finish(g, healthy, ps[2])
		wantStarts(t, "closed again", g, 1)
	})
}

// TestLateResultsAreNoNews: what started before the trip neither closes the breaker nor prolongs its time.
func TestLateResultsAreNoNews(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := warm(testGate(2, 1, 32, 0))
		ps := fill(g)
		finish(g, unwell, ps[:2]...)
		until := g.breaker.until
		time.Sleep(900 * time.Millisecond)
		finish(g, healthy, ps[2:20]...)
		finish(g, unwell, ps[20:25]...)
		if g.breaker.state != gobreaker.StateOpen || !g.breaker.until.Equal(until) {
			t.Fatalf("late results moved it to %v until +%v", g.breaker.state, g.breaker.until.Sub(until))
		}
		time.Sleep(200 * time.Millisecond)
		probe := wantStarts(t, "half-open", g, 1)
		finish(g, unwell, ps[25:]...)
		finish(g, healthy, probe...)
		if g.breaker.state != gobreaker.StateClosed {
			t.Errorf("after the probe: %v", g.breaker.state)
		}
	})
}

func TestChangedNumbersKeepTheState(t *testing.T) {
	change := func(g *gate, failures, probes int, cooldown time.Duration) {
		g.apply(&rules.Destination{
			Breaker: rules.Breaker{Failures: failures, Probes: probes, Cooldown: cooldown}, Limit: g.limit,
		}, time.Now())
	}
	bubble(t, func(t *testing.T) {
		g := warm(testGate(5, 1, 32, 0))
		finish(g, unwell, fill(g)[:3]...)
		change(g, 4, 1, time.Second)
		finish(g, unwell, fill(g)[:1]...)
		if g.breaker.state != gobreaker.StateOpen {
			t.Fatalf("3 failures before, 1 after, 4 allowed: %v", g.breaker.state)
		}
		since := g.breaker.since
		time.Sleep(300 * time.Millisecond)
		change(g, 7, 2, 400*time.Millisecond)
		if g.breaker.state != gobreaker.StateOpen || !g.breaker.since.Equal(since) || g.breaker.until.Sub(since) != 400*time.Millisecond {
			t.Fatalf("changed while open: %v until +%v", g.breaker.state, g.breaker.until.Sub(since))
		}
		time.Sleep(100 * time.Millisecond)
		old := wantStarts(t, "half-open", g, 2)
		change(g, 7, 1, 400*time.Millisecond)
		finish(g, healthy, old...)
		if g.breaker.state == gobreaker.StateClosed {
			t.Fatal("probes of the old numbers closed the new breaker")
		}
		time.Sleep(time.Millisecond)
		finish(g, healthy, wantStarts(t, "half-open anew", g, 1)...)
		if g.breaker.state != gobreaker.StateClosed {
			t.Errorf("after the probe: %v", g.breaker.state)
		}
	})
	bubble(t, func(t *testing.T) { // fewer allowed than there were already: not open by the change alone
		g := warm(testGate(9, 1, 32, 0))
		finish(g, unwell, fill(g)[:8]...)
		change(g, 2, 1, time.Second)
		if g.breaker.state != gobreaker.StateClosed {
			t.Fatalf("a change opened it")
		}
		finish(g, unwell, fill(g)[:1]...)
		if g.breaker.state != gobreaker.StateOpen {
			t.Errorf("the next failure left it %v", g.breaker.state)
		}
	})
}

func TestRateIsKeptAndUsed(t *testing.T) {
	for _, perSecond := range []float64{0.5, 1, 10, 333, 5000} {
		bubble(t, func(t *testing.T) {
			g := warm(testGate(5, 1, 64, perSecond))
			started, begin := 0, time.Now()
			for time.Since(begin) < 20*time.Second {
				for ps := fill(g); len(ps) > 0; ps = fill(g) {
					started += len(ps)
					finish(g, healthy, ps...)
				}
				_, again := g.room(time.Now())
				if !again.After(time.Now()) {
					t.Fatalf("%g/s: would spin", perSecond)
				}
				time.Sleep(time.Until(again))
			}
			most, least := 20*perSecond+max(1, perSecond/20)+1, 0.97*20*perSecond-1
			if float64(started) > most || float64(started) < least {
				t.Errorf("%g/s: %d in 20 s, want %g to %g", perSecond, started, least, most)
			}
		})
	}
}

func TestHoldAndPause(t *testing.T) {
	bubble(t, func(t *testing.T) {
		g := warm(testGate(5, 1, 8, 0))
		ps := wantStarts(t, "warm", g, 8)
		g.holdUntil(time.Now().Add(time.Minute))
		g.holdUntil(time.Now().Add(time.Second)) // a shorter one changes nothing
		finish(g, healthy, ps...)
		if n, again := g.room(time.Now()); n != 0 || time.Until(again) != time.Minute {
			t.Errorf("held: room for %d, again in %v", n, time.Until(again))
		}
		time.Sleep(time.Minute)
		g.paused = true
		if n, again := g.room(time.Now()); n != 0 || !again.IsZero() {
			t.Errorf("paused: room for %d, again %v", n, again)
		}
		g.paused = false
		wantStarts(t, "after a hold it begins gently", g, 1)
	})
}

// TestLeasingAhead: only a fast destination without a rate has leases beyond its slots, and never more attempts.
func TestLeasingAhead(t *testing.T) {
	for _, c := range []struct {
		name        string
		concurrency int
		rate        float64
		took        time.Duration
		want        int
	}{
		{"fast", 32, 0, time.Millisecond, 64},
		{"slow", 32, 0, time.Second, 32},
		{"rated", 32, 100_000, time.Millisecond, 32},
		{"narrow", 1, 0, time.Millisecond, 1},
	} {
		bubble(t, func(t *testing.T) {
			g := warm(testGate(5, 1, c.concurrency, c.rate))
			for range 200 {
				g.running++
				g.leave(c.took)
			}
			fill(g)
			if g.running != c.concurrency || g.running+g.ready != c.want {
				t.Errorf("%s: %d run and %d are ready, want %d in all", c.name, g.running, g.ready, c.want)
			}
		})
	}
}
