package faults_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// TestSlowDisk: on a disk that takes 100 ms for a sync, what waits for one shares the next: 64 senders get 400 events
// acknowledged within 4 s, at least 20 by each sync, and none refused.
func TestSlowDisk(t *testing.T) {
	rig.NeedsRoot(t, "strace")
	t.Parallel()
	l := rig.NewLedger()
	s := rig.NewServer(t, rig.Binary(t), fmt.Sprintf(crashRules, rig.Listen(t, sink.New(sink.Options{Keep: -1, Seen: l.Receive}))))
	s.Start()
	s.WaitReady(10 * time.Second)
	if _, err := s.API().Pause(t.Context(), "all"); err != nil { // the syncs are those of events
		t.Fatal(err)
	}
	trace := rig.TraceNow(s, "fdatasync:delay_enter=100000")
	load := rig.StartSenders(t, l, s.Listen, 64, 1e6)
	rig.Eventually(t, 20*time.Second, "it is under way", func() bool { return l.Accepted.Load() >= 64 })
	before, synced := l.Accepted.Load(), segmentSyncs(trace)
	rig.Eventually(t, 4*time.Second, "400 events are acknowledged", func() bool { return l.Accepted.Load() >= before+400 })
	events, syncs := l.Accepted.Load()-before, segmentSyncs(trace)-synced
	load.End()
	trace.End()
	t.Logf("%d events acknowledged by %d syncs", events, syncs)
	if events < int64(20*syncs) {
		t.Error("fewer than 20 by each")
	}
	if _, err := s.API().Resume(t.Context(), "all"); err != nil {
		t.Fatal(err)
	}
	for _, fault := range l.Faults(rig.Settle(t, s.API(), time.Minute)) {
		t.Error(fault)
	}
	if n := l.Refused(503); n > 0 {
		t.Errorf("%d events were refused", n)
	}
}

// segmentSyncs counts the syncs of the log so far.
func segmentSyncs(trace *rig.Trace) (n int) {
	for _, name := range trace.Synced() {
		if strings.HasSuffix(name, ".seg") {
			n++
		}
	}
	return n
}
