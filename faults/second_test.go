package faults_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// TestSecondProcess: a second process on a data directory ends at once, says why, and has changed not a byte there,
// although it has other rules. The first goes on; what it leaves when it is killed is no lock.
func TestSecondProcess(t *testing.T) {
	t.Parallel()
	l := rig.NewLedger()
	to := rig.Listen(t, sink.New(sink.Options{Keep: -1, Seen: l.Receive}))
	s := rig.NewServer(t, rig.Binary(t), fmt.Sprintf(crashRules, to))
	s.Start()
	s.WaitReady(10 * time.Second)
	load := rig.StartSenders(t, l, s.Listen, 8, 1000)
	rig.Eventually(t, 10*time.Second, "events are accepted", func() bool { return l.Accepted.Load() > 200 })
	load.End()
	rig.Settle(t, s.API(), time.Minute)

	second := rig.NewServer(t, s.Bin, fmt.Sprintf(crashRules, to)+"# others\n")
	before := ""
	rig.Eventually(t, 10*time.Second, "nothing is written any more", func() bool {
		last := before
		before = contents(t, s.Data())
		return before == last
	})
	second.Start("--data", s.Data())
	select {
	case <-second.Ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the second process goes on")
	}
	if code := second.Wait(); code != 1 {
		t.Errorf("exit code %d, want 1", code)
	}
	if said := second.LogTail(); !strings.Contains(said, "in use by another process") || !strings.Contains(said, s.Data()) {
		t.Errorf("it said\n%s", said)
	}
	if contents(t, s.Data()) != before {
		t.Error("the directory has changed")
	}
	s.Kill()
	s.Start()
	s.WaitReady(10 * time.Second)
	for _, fault := range l.Faults(rig.Settle(t, s.API(), time.Minute)) {
		t.Error(fault)
	}
}

// contents is a checksum of all names and bytes below dir.
func contents(t *testing.T, dir string) string {
	t.Helper()
	sum := sha256.New()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		_, _ = fmt.Fprintf(sum, "%s %d\n", name, len(data))
		_, _ = sum.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}
