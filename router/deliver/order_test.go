package deliver

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	faults "github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// TestOrderedDestination: twenty lines whose destination fails every third time, beside one that it never takes. Each
// keeps its order, the stuck one holds nobody else up, and a dead letter of it that is replayed stands at its end.
func TestOrderedDestination(t *testing.T) {
	const keys, each = 20, 25
	l := faults.NewLines()
	s, url := newSink(t, sink.Options{Keep: 1})
	s.Choose(func(r sink.Request) sink.Behavior {
		body := string(r.Body)
		ok := r.Number%3 > 0 && !strings.HasPrefix(body, "stuck")
		l.Arrive(body, ok)
		if strings.HasSuffix(body, "refused") {
			return sink.Behavior{Status: 422}
		}
		return map[bool]sink.Behavior{true: {}, false: {Status: 500}}[ok]
	})
	r := newRig(t, oneRoute("a", url+", retry: { backoff: 1ms, max_backoff: 20ms }, breaker: { failures: 100000 }"), nil)
	first := r.sendKeyed("a", "stuck 1 refused", "stuck")
	r.final(first)
	l.Over("stuck", 1)
	for n := 2; n < 5; n++ {
		r.sendKeyed("a", fmt.Sprint("stuck ", n), "stuck")
	}
	var all sync.WaitGroup
	for k := range keys {
		all.Go(func() {
			for n := range each {
				key := fmt.Sprint("key", k)
				r.sendKeyed("a", fmt.Sprint(key, " ", n+1), key)
			}
		})
	}
	all.Wait()
	r.until("all but the stuck ones are delivered", func() bool { return r.queueStats("a").Pending == 3 })
	if all := l.Faults(); len(all) > 0 {
		t.Errorf("%d faults, the first: %s", len(all), all[0])
	}
	now := time.Now()
	if err := r.queue.ReplayDelivery(t.Context(), first, now, now.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	var arrived []string
	s.Choose(func(q sink.Request) sink.Behavior {
		arrived = append(arrived, string(q.Body))
		return sink.Behavior{}
	})
	r.until("the replayed one is delivered", func() bool { d, _ := r.delivery(first); return d.State == event.Delivered })
	s.Choose(nil)
	if got := strings.Join(arrived, ", "); got != "stuck 2, stuck 3, stuck 4, stuck 1 refused" {
		t.Errorf("the stuck line arrived as %s", got)
	}
}
