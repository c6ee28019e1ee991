package faults_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// throughThePageCache is the journal on a file system without direct writes.
var throughThePageCache = rig.Bug{
	File: "router/queue/journal/os_linux.go", Old: "const directFlag = unix.O_DIRECT\n", New: "const directFlag = 0\n",
}

// TestCrashLostWrites: the device turns out to be full below the file system, so that writes are lost that the kernel
// took. Through the page cache one sync says so, and the next succeeds for the same bytes. What a power cut then leaves
// must hold everything that was acknowledged.
func TestCrashLostWrites(t *testing.T) {
	rig.NeedsRoot(t, "filefrag")
	runs := 1
	if rig.Long() {
		runs = 50
	}
	for run := range runs {
		t.Run(fmt.Sprint("direct ", run), func(t *testing.T) { lostWrites(t, rig.Binary(t)) })
		t.Run(fmt.Sprint("page cache ", run), func(t *testing.T) { lostWrites(t, rig.Binary(t, throughThePageCache)) })
	}
}

func lostWrites(t *testing.T, bin string) {
	l := rig.NewLedger()
	s := rig.NewServer(t, bin, fmt.Sprintf(crashRules, rig.Listen(t, sink.New(sink.Options{Keep: -1, Seen: l.Receive}))))
	disk := rig.NewThin(s, 120) // segments of 2 MiB
	s.Start()
	s.WaitReady(10 * time.Second)
	journal := filepath.Join(s.Data(), "journal")
	spare := filepath.Join(journal, "spare-fresh")
	rig.Eventually(t, 20*time.Second, "the spare segment", func() bool { return exists(spare) })
	if _, err := s.API().Pause(t.Context(), "all"); err != nil { // nothing is delivered before the power is cut
		t.Fatal(err)
	}
	disk.FillUp(1<<20, filepath.Join(journal, "00000001.seg"), spare)
	load := rig.StartSenders(t, l, s.Listen, crashSenders, 2000)
	rig.Eventually(t, 20*time.Second, "writes are lost", func() bool { return l.Refused(503) > 0 })
	before := l.Accepted.Load()
	rig.Eventually(t, 20*time.Second, "events are accepted in another segment", func() bool { return l.Accepted.Load() > before+100 })
	disk.Grow()
	disk.Cut()
	s.Start()
	s.WaitReady(10 * time.Second)
	load.End()
	if _, err := s.API().Resume(t.Context(), "all"); err != nil {
		t.Fatal(err)
	}
	lost := rig.Settle(t, s.API(), time.Minute)
	_, acked, _ := l.Count()
	t.Logf("%d events refused, %d acknowledged", l.Refused(503), acked)
	for _, fault := range l.Faults(lost) {
		t.Error(fault)
	}
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
