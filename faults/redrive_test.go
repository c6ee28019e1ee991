package faults_test

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// arrivals counts what a destination took, by the sender's id.
type arrivals struct {
	mu  sync.Mutex
	by  map[string]int
	all int
}

func (a *arrivals) see(r sink.Request) {
	if r.Status != 200 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.by[gjson.GetBytes(r.Body, "id").String()]++
	a.all++
}

// TestReplayInterrupted: dead letters that are sent again while the server is killed again and again. Asking again does
// the rest; each arrives, and more than once only where a kill cut an attempt off.
func TestReplayInterrupted(t *testing.T) {
	t.Parallel()
	events, kills := 400, 3
	if rig.Long() {
		events, kills = 100_000, 20
	}
	got := &arrivals{by: map[string]int{}}
	at := sink.New(sink.Options{Keep: -1, Seen: got.see})
	at.Set("/all", sink.Behavior{Status: 422})
	s := rig.NewServer(t, rig.Binary(t), fmt.Sprintf(crashRules, rig.Listen(t, at)))
	s.Start()
	s.WaitReady(10 * time.Second)
	l := rig.NewLedger()
	load := rig.StartSenders(t, l, s.Listen, 16, 1e6)
	rig.Eventually(t, 5*time.Minute, "enough is accepted", func() bool { return l.Accepted.Load() >= int64(events) })
	load.End()
	dead := deadOf(t, s)
	at.Set("/all", sink.Behavior{})

	rate := fmt.Sprint(events / kills)
	for range kills {
		asked := make(chan int, 1)
		go func() {
			code, _, _ := s.Command("dead", "replay", "--all", "--rate", rate, "--admin", s.Admin)
			asked <- code
		}()
		before := got.count()
		rig.Eventually(t, 20*time.Second, "something arrives", func() bool { return got.count() > before })
		rig.Wait(t.Context(), time.Duration(rand.IntN(300))*time.Millisecond)
		s.Kill()
		<-asked
		s.Start()
		s.WaitReady(20 * time.Second)
	}
	s.Says(0, `^\d+ sent again, 0 left as they were, 0 failed\n$`, "dead", "replay", "--all", "--rate", "0", "--admin", s.Admin)
	lost := rig.Settle(t, s.API(), 5*time.Minute)
	if extra := got.count() - len(got.by); len(got.by) != dead || extra > lost {
		t.Errorf("%d dead letters: %d arrived, %d of them once too often, %d attempts were cut off", dead, len(got.by), extra, lost)
	}
	t.Logf("%d dead letters, %d kills, %d attempts cut off, %d arrived twice", dead, kills, lost, got.count()-len(got.by))
}

func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.all
}

// deadOf waits until nothing is pending, and gives how many are dead.
func deadOf(t *testing.T, s *rig.Server) (n int) {
	t.Helper()
	rig.Eventually(t, 5*time.Minute, "all are dead", func() bool {
		status, err := s.API().Status(t.Context())
		if err != nil || status.Queue.Pending > 0 {
			return false
		}
		n = status.Queue.Dead
		return true
	})
	return n
}
