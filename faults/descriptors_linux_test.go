package faults_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// TestFewDescriptors: a process that may open few files, and a thousand connections that would take them all. Senders who
// come after them are served, and what was acknowledged arrives.
func TestFewDescriptors(t *testing.T) {
	for _, files := range []int{64, 128, 256} {
		t.Run(fmt.Sprint(files), func(t *testing.T) {
			t.Parallel()
			s, l := poor(t, files)
			crowdIn(t, s)
			load := rig.StartSenders(t, l, s.Listen, 8, 200)
			// Those that say nothing end after 5 s: it is not they who make room.
			rig.Eventually(t, 4*time.Second, "events are accepted beside them", func() bool { return l.Accepted.Load() > 50 })
			settled(t, s, l, load)
		})
	}
}

// TestNoDescriptors: the same where --max-connections allows more than there are files. Nobody new gets in, and when they
// are gone everybody does, without a restart.
func TestNoDescriptors(t *testing.T) {
	t.Parallel()
	s, l := poor(t, 64, "--max-connections", "5000")
	load := rig.StartSenders(t, l, s.Listen, 4, 100)
	rig.Eventually(t, 10*time.Second, "events are accepted", func() bool { return l.Accepted.Load() > 50 })
	gone := crowdIn(t, s)
	rig.Wait(t.Context(), time.Second) // they stay for a while
	gone()
	before := l.Accepted.Load()
	rig.Eventually(t, 10*time.Second, "events are accepted again", func() bool { return l.Accepted.Load() > before+50 })
	settled(t, s, l, load)
}

func poor(t *testing.T, files int, flags ...string) (*rig.Server, *rig.Ledger) {
	t.Helper()
	l := rig.NewLedger()
	s := rig.NewServer(t, rig.Binary(t), fmt.Sprintf(crashRules, rig.Listen(t, sink.New(sink.Options{Keep: -1, Seen: l.Receive}))))
	s.Wrap = []string{"prlimit", fmt.Sprintf("--nofile=%d", files)}
	s.Start(flags...)
	s.WaitReady(10 * time.Second)
	return s, l
}

// crowdIn opens a thousand connections that say nothing, and gives what closes them.
func crowdIn(t *testing.T, s *rig.Server) (gone func()) {
	t.Helper()
	var all []net.Conn
	gone = func() {
		for _, conn := range all {
			_ = conn.Close()
		}
	}
	t.Cleanup(gone)
	for range 1000 {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Listen)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, conn)
	}
	return gone
}

// settled ends the load and holds what arrived to what was acknowledged.
func settled(t *testing.T, s *rig.Server, l *rig.Ledger, load *rig.Senders) {
	t.Helper()
	load.End()
	for _, fault := range l.Faults(rig.Settle(t, s.API(), time.Minute)) {
		t.Error(fault)
	}
	sent, acked, arrived := l.Count()
	t.Logf("%d sent, %d acknowledged, %d arrived", sent, acked, arrived)
}
