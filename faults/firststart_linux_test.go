package faults_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/faults/steps"
	"github.com/hookrouter/hookrouter/sink"
)

// TestCrashInFirstStart cuts the power at each step of a first start, on an empty disk. The next start begins anew, and
// what it acknowledges outlives a further cut.
func TestCrashInFirstStart(t *testing.T) {
	rig.NeedsRoot(t)
	t.Parallel()
	var l *rig.Ledger
	dest := rig.Listen(t, sink.New(sink.Options{Keep: -1, Seen: func(r sink.Request) { l.Receive(r) }}))
	s := rig.NewServer(t, rig.Build{OS: "faults/steps"}.Binary(t), fmt.Sprintf(crashRules, dest))
	disk := rig.NewDisk(s, rig.Mount{Kind: "ext4", MiB: 60})
	seen := filepath.Join(s.Dir, "steps")
	s.Env = []string{steps.Seen + "=" + seen}
	s.Start()
	s.WaitReady(10 * time.Second)
	data, err := os.ReadFile(seen)
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Fields(string(data))
	if !rig.Long() {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		all = all[:6]
	}
	for _, step := range all {
		s.Kill()
		disk.Empty()
		s.Env = []string{steps.StopAt + "=" + step + " 0"}
		s.Start()
		rig.Eventually(t, 10*time.Second, step, func() bool { return s.Stands() })
		disk.Cut()
		s.Env = nil
		s.Start()
		l = rig.NewLedger()
		load := rig.StartSenders(t, l, s.Listen, 8, 2000)
		rig.Eventually(t, backAtAll, "accepting after "+step, func() bool { return l.Accepted.Load() > 30 })
		disk.Cut()
		s.Start()
		load.End()
		for _, fault := range l.Faults(rig.Settle(t, s.API(), time.Minute)) {
			t.Errorf("%s: %s", step, fault)
		}
		if status, err := s.API().Status(t.Context()); err != nil || status.Log.Damaged > 0 {
			t.Errorf("%s: damage is counted: %+v (%v)", step, status, err)
		}
	}
}

// TestNamesOfAFirstStart: when a first start is ready, every directory that got a new name has been synced. Most file
// systems do that along with the first file below; none has to.
func TestNamesOfAFirstStart(t *testing.T) {
	rig.NeedsRoot(t, "strace")
	t.Parallel()
	s := rig.NewServer(t, rig.Binary(t), fmt.Sprintf(crashRules, "127.0.0.1:1"))
	trace := rig.TraceStart(s, "fsync:error=EIO:when=60000")
	deep := filepath.Join(s.Dir, "deep")
	s.Start("--data", filepath.Join(deep, "data"))
	s.WaitReady(20 * time.Second)
	synced := trace.Synced()
	for _, dir := range []string{s.Dir, deep, filepath.Join(deep, "data"), filepath.Join(deep, "data", "journal")} {
		if !slices.Contains(synced, dir) {
			t.Errorf("the names in %s were not synced; synced were\n%s", dir, strings.Join(synced, "\n"))
		}
	}
}
