package deliver

import (
	"slices"
	"testing"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/hookrouter/hookrouter/rules"
)

// door is what callers of a destination that was down stand before.
type door interface {
	enter() (leave func(verdict), in bool)
	halfOpen() bool
	opened() int // how often
}

type ourDoor struct {
	gate *gate
	open int
}

func (d *ourDoor) enter() (func(verdict), bool) {
	n, _ := d.gate.room(time.Now())
	if n > 0 {
		d.gate.lease(time.Now(), 1)
	}
	p, ok := d.gate.enter(time.Now())
	return func(v verdict) { finish(d.gate, v, p) }, ok
}
func (d *ourDoor) halfOpen() bool { return d.gate.breaker.state == gobreaker.StateHalfOpen }
func (d *ourDoor) opened() int    { return d.open }

// newOurDoor is the gate of this package, newBareDoor gobreaker alone with the same numbers.
func newOurDoor(b rules.Breaker, concurrency int) door {
	d := &ourDoor{}
	d.gate = newGate(&rules.Destination{Breaker: b, Limit: rules.Limit{Concurrency: concurrency}}, func(_, to string) {
		if to == "open" {
			d.open++
		}
	})
	return d
}

type bareDoor struct {
	*gobreaker.TwoStepCircuitBreaker[struct{}]
	open int
}

func (d *bareDoor) enter() (func(verdict), bool) {
	done, err := d.Allow()
	return func(v verdict) {
		if v == unwell {
			done(errUnwell)
		} else {
			done(nil)
		}
	}, err == nil
}
func (d *bareDoor) halfOpen() bool { return d.State() == gobreaker.StateHalfOpen }
func (d *bareDoor) opened() int    { return d.open }

func newBareDoor(b rules.Breaker, _ int) door {
	d := &bareDoor{}
	d.TwoStepCircuitBreaker = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		MaxRequests: uint32(b.Probes), Timeout: b.Cooldown,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= b.Failures },
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				d.open++
			}
		},
	})
	return d
}

const (
	crowd    = 1000                  // callers before a door
	capacity = crowd / 5             // how many at once their destination takes after its minute of being down
	took     = 50 * time.Millisecond // what it takes for one
)

// herd is what comes of the crowd.
type herd struct {
	halfOpen int   // most at once while half-open
	second   []int // most at once in each second after it came back
	reopened int

	door    door
	running []call
	began   time.Time
}

type call struct {
	leave func(verdict)
	ends  time.Time
}

// newHerd lets a crowd stand before a door for a minute in which the destination is down, and 20 seconds more.
func newHerd(d door) herd {
	h := herd{door: d, began: time.Now()}
	for h.back() < 20*time.Second {
		if h.back() < 0 {
			h.reopened = d.opened()
		}
		h.end()
		h.start()
		time.Sleep(10 * time.Millisecond)
	}
	h.reopened = d.opened() - h.reopened
	return h
}

// back is how long the destination is there again.
func (h *herd) back() time.Duration { return time.Since(h.began) - time.Minute }

func (h *herd) end() {
	h.running = slices.DeleteFunc(h.running, func(c call) bool {
		over := !time.Now().Before(c.ends)
		if over {
			c.leave(healthy)
		}
		return over
	})
}

// start lets in whom the door lets in. Whoever finds no place is refused at once.
func (h *herd) start() {
	var refused []func(verdict)
	for range crowd - len(h.running) {
		leave, in := h.door.enter()
		if !in {
			break
		}
		if h.back() < 0 || len(h.running) >= capacity {
			refused = append(refused, leave)
		} else {
			h.running = append(h.running, call{leave, time.Now().Add(took)})
		}
		h.note(len(h.running) + len(refused))
	}
	for _, leave := range refused {
		leave(unwell)
	}
}

func (h *herd) note(atOnce int) {
	if h.door.halfOpen() {
		h.halfOpen = max(h.halfOpen, atOnce)
	}
	if h.back() < 0 {
		return
	}
	for len(h.second) <= int(h.back()/time.Second) {
		h.second = append(h.second, 0)
	}
	last := &h.second[len(h.second)-1]
	*last = max(*last, atOnce)
}

// TestHerdOnClose: a destination comes back with a fifth of what waits for it. Only probes are let through, then at most
// twice as many each second, and it is not knocked down again. gobreaker alone lets everybody in at once.
func TestHerdOnClose(t *testing.T) {
	numbers := rules.Breaker{Failures: 5, Cooldown: 5 * time.Second, Probes: 2}
	reopened := 0
	for range 10 {
		bubble(t, func(t *testing.T) {
			h := newHerd(newOurDoor(numbers, crowd))
			reopened += h.reopened
			if h.halfOpen != numbers.Probes {
				t.Errorf("%d at once while half-open, want %d", h.halfOpen, numbers.Probes)
			}
			for i := 1; i < len(h.second); i++ {
				if h.second[i] > 2*h.second[i-1]+1 {
					t.Errorf("more than twice as many in a second: %v", h.second)
				}
			}
			if last := h.second[len(h.second)-1]; last < capacity/2 {
				t.Errorf("it does not get what it can take: %v", h.second)
			}
		})
	}
	if reopened > 1 {
		t.Errorf("opened again %d times in 10 trials", reopened)
	}
	bubble(t, func(t *testing.T) {
		h := newHerd(newBareDoor(numbers, crowd))
		if h.reopened == 0 || slices.Max(h.second) < crowd {
			t.Errorf("gobreaker alone passes: %v, opened again %d times", h.second, h.reopened)
		}
		t.Logf("gobreaker alone: %v, opened again %d times", h.second, h.reopened)
	})
}

// TestBareBreakerHangs: why attempts have deadlines. gobreaker alone waits for ever for a probe that says nothing.
func TestBareBreakerHangs(t *testing.T) {
	bubble(t, func(t *testing.T) {
		d := newBareDoor(rules.Breaker{Failures: 1, Cooldown: time.Second, Probes: 1}, 0)
		leave, _ := d.enter()
		leave(unwell)
		time.Sleep(2 * time.Second)
		_, in := d.enter()
		for range 20 {
			time.Sleep(time.Hour)
			if _, another := d.enter(); !in || another || !d.halfOpen() {
				t.Fatal("gobreaker alone leaves half-open")
			}
		}
	})
}
