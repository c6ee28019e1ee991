package deliver

import (
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/sink"
)

// TestOverdueHerd: what waited over a restart falls upon nobody: it comes at the destination's rate, and few at a time.
func TestOverdueHerd(t *testing.T) {
	const perSecond, atOnce, burst = 100, 4, 5
	waiting := 200
	if os.Getenv("HOOKROUTER_LONG") == "1" {
		waiting = 10_000
	}
	dir := t.TempDir()
	s, url := newSink(t, sink.Options{Keep: waiting, Delay: 5 * time.Millisecond})
	log, end := openJournal(t, dir)
	r := newRig(t, oneRoute("other", url), log)
	r.sendMany("a", waiting)
	r.stop()
	end()

	log, end = openJournal(t, dir)
	t.Cleanup(end)
	newRig(t, oneRoute("a", url+", limit: { rate: 100/s, concurrency: 4 }"), log)
	for s.Count() < waiting {
		if err := s.Wait(min(s.Count()+perSecond, waiting), within); err != nil {
			t.Fatal(err)
		}
	}
	var at []time.Time
	for _, req := range s.Received() {
		at = append(at, req.Time)
	}
	slices.SortFunc(at, time.Time.Compare)
	for i := range at {
		most := perSecond + burst + 1
		if j := i + most; j < len(at) && at[j].Sub(at[i]) < time.Second-100*time.Millisecond {
			t.Fatalf("%d requests within %v, want at most %d a second", most, at[j].Sub(at[i]), perSecond)
		}
	}
	if _, most := s.InFlight(); most > atOnce {
		t.Errorf("%d at once, want %d", most, atOnce)
	}
}

// TestExpiry: whatever a delivery waits for, when its time is over it is a dead letter that says so; also when no process
// was there to see it.
func TestExpiry(t *testing.T) {
	const each, life = 5, 1500 * time.Millisecond
	dir := t.TempDir()
	_, bad := newSink(t, sink.Options{Status: 500})
	s, silent := newSink(t, sink.Options{})
	s.Set("", sink.Behavior{Fault: sink.Hang})
	opened := ", retry: { backoff: 1h }, breaker: { failures: 1, cooldown: 1h }"
	rules := oneRoute("open", bad+opened, "paused", bad, "hung", silent+", timeout: 30s, limit: { concurrency: 1 }")
	log, end := openJournal(t, dir)
	r := newRig(t, rules, log)
	if err := r.Pause(t.Context(), "paused"); err != nil {
		t.Fatal(err)
	}
	all := []string{"open", "paused", "hung", "parked"}
	var ids []event.DeliveryID
	sendAll := func() {
		var mu sync.Mutex
		var wg sync.WaitGroup
		for _, name := range all {
			for range each {
				wg.Go(func() {
					id := r.sendFor(name, "x", life)
					mu.Lock()
					defer mu.Unlock()
					ids = append(ids, id)
				})
			}
		}
		wg.Wait()
	}
	expired := func() (n int) {
		for _, id := range ids {
			d, err := r.queue.Delivery(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			if d.Delivery.State == event.Dead && d.Delivery.Reason == event.ReasonExpired {
				n++
			}
		}
		return n
	}
	sendAll()
	hung := 1 // its attempt runs; what it comes to decides
	r.until("all have expired", func() bool { return expired() >= len(ids)-hung })
	sendAll()
	over := time.After(life)
	r.stop()
	end()
	<-over

	log, end = openJournal(t, dir)
	t.Cleanup(end)
	r = newRig(t, rules, log)
	r.until("all have expired while nobody was there", func() bool { return expired() >= len(ids)-hung })
	for _, name := range all {
		if st := r.status(name); st.Pending+st.Dead != 2*each {
			t.Errorf("%s has %d pending and %d dead ones of %d", name, st.Pending, st.Dead, 2*each)
		}
	}
}
