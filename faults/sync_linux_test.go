package faults_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// TestCrashFailedSync lets the k-th sync of each thread fail, then cuts the power: what the failed syncs were to cover
// is lost, so nothing of it may have been acknowledged. A file that failed is never touched again, and events are
// accepted again without a restart.
func TestCrashFailedSync(t *testing.T) {
	rig.NeedsRoot(t, "strace")
	runs, most := 6, 30
	if rig.Long() {
		runs, most = 200, 200
	}
	l := rig.NewLedger()
	s := rig.NewServer(t, rig.Binary(t), fmt.Sprintf(crashRules, rig.Listen(t, sink.New(sink.Options{Keep: -1, Seen: l.Receive}))))
	disk := rig.NewDisk(s, rig.Mount{Kind: "ext4", MiB: 512})
	s.Start()
	s.WaitReady(10 * time.Second)
	load := rig.StartSenders(t, l, s.Listen, crashSenders, 1500)
	dead := 0
	for run := range runs {
		disk.Cut()
		inject := fmt.Sprintf("fdatasync:error=EIO:when=%d", 1+run*most/runs+rand.IntN(most/runs+1))
		if run%4 == 3 {
			inject = fmt.Sprintf("fsync:error=EIO:when=%d", 1+run/4%2)
		}
		dead += failOnce(t, s, l, inject)
	}
	disk.Cut()
	s.Wrap = nil
	s.Start()
	load.End()
	lost := rig.Settle(t, s.API(), time.Minute)
	_, acked, _ := l.Count()
	t.Logf("%d runs, %d syncs failed, %d events refused, %d acknowledged", runs, dead, l.Refused(503), acked)
	for _, fault := range l.Faults(lost) {
		t.Error(fault)
	}
}

// failOnce starts the server with a sync that fails, and waits until events are accepted after it did. It gives how many
// threads it failed for. Only a server that could not make sure of what it found at the start may end.
func failOnce(t *testing.T, s *rig.Server, l *rig.Ledger, inject string) int {
	t.Helper()
	trace := rig.TraceStart(s, inject)
	s.Start()
	rig.Eventually(t, 30*time.Second, inject, func() bool { failed, _ := trace.Read(".seg"); return len(failed) > 0 })
	before := l.Accepted.Load()
	rig.Eventually(t, 20*time.Second, "events are accepted again", func() bool {
		if closed(s.Ended) {
			if closed(s.Ready) {
				t.Fatal("the server ended")
			}
			s.Kill()
			s.Wrap = nil
			s.Start()
		}
		return l.Accepted.Load() > before+20
	})
	failed, again := trace.Read(".seg")
	if len(again) > 0 {
		t.Errorf("%s: a file was used %d times after it failed: %s", inject, len(again), again[0])
	}
	return len(failed)
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// TestSyncsFailForAWhile: while every sync fails nothing is acknowledged, senders are told when to come again, readiness
// goes off within a second; when the disk is well again all goes on by itself. A power cut then finds what was promised.
func TestSyncsFailForAWhile(t *testing.T) {
	rig.NeedsRoot(t, "strace")
	l := rig.NewLedger()
	s := rig.NewServer(t, rig.Binary(t), fmt.Sprintf(crashRules, rig.Listen(t, sink.New(sink.Options{Keep: -1, Seen: l.Receive}))))
	disk := rig.NewDisk(s, rig.Mount{Kind: "ext4", MiB: 256})
	s.Start()
	s.WaitReady(10 * time.Second)
	load := rig.StartSenders(t, l, s.Listen, crashSenders, 1500)
	rig.Eventually(t, 10*time.Second, "events are accepted", func() bool { return l.Accepted.Load() > 100 })

	trace := rig.TraceNow(s, "fdatasync:error=EIO")
	rig.Eventually(t, 10*time.Second, "an event is refused", func() bool { return l.Refused(503) > 0 })
	rig.Eventually(t, time.Second, "readiness is off", func() bool { return readiness(t, s) == http.StatusServiceUnavailable })
	accepted := l.Accepted.Load()
	for refused := l.Refused(503); l.Refused(503) < refused+500; {
		rig.Wait(t.Context(), 20*time.Millisecond)
		if readiness(t, s) != http.StatusServiceUnavailable {
			t.Fatal("ready while every sync fails")
		}
	}
	if n := l.Accepted.Load() - accepted; n > 0 {
		t.Errorf("%d events were acknowledged while every sync failed", n)
	}
	trace.End()
	rig.Eventually(t, 5*time.Second, "events are accepted again, and it is ready", func() bool {
		return l.Accepted.Load() > accepted+100 && readiness(t, s) == http.StatusOK
	})
	disk.Cut()
	s.Start()
	load.End()
	for _, fault := range l.Faults(rig.Settle(t, s.API(), time.Minute)) {
		t.Error(fault)
	}
}

// readiness is the status of /readyz on the public listener.
func readiness(t *testing.T, s *rig.Server) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Listen+"/readyz", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
