package faults_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// TestCrashBitRot flips bits in what a stopped server has stored. Whoever starts it then sees how many records were
// damaged; their events are dead letters, or gone when no snapshot knows them, and every other event arrives as it was
// sent. The damaged bytes stay for whoever wants to look at them.
func TestCrashBitRot(t *testing.T) {
	flips := 40
	if rig.Long() {
		flips = 400
	}
	t.Run("with snapshot", func(t *testing.T) { bitRot(t, flips, false) })
	t.Run("bare", func(t *testing.T) { bitRot(t, flips, true) })
}

func bitRot(t *testing.T, flips int, bare bool) {
	l := rig.NewLedger()
	s := rig.NewServer(t, rig.Binary(t), fmt.Sprintf(crashRules, rig.Listen(t, sink.New(sink.Options{Keep: -1, Seen: l.Receive}))))
	s.Start()
	s.WaitReady(10 * time.Second)
	if _, err := s.API().Pause(t.Context(), "all"); err != nil {
		t.Fatal(err)
	}
	load := rig.StartSenders(t, l, s.Listen, 16, 2000)
	rig.Eventually(t, 20*time.Second, "events are stored", func() bool { return l.Accepted.Load() > int64(10*flips) })
	load.End()
	if s.Stop() != 0 {
		t.Fatal("the stop failed")
	}
	rotten := flipBits(t, filepath.Join(s.Data(), "journal", "00000001.seg"), flips)
	if bare {
		if err := os.RemoveAll(filepath.Join(s.Data(), "state")); err != nil {
			t.Fatal(err)
		}
	}
	s.Start()
	s.WaitReady(10 * time.Second)
	if _, err := s.API().Resume(t.Context(), "all"); err != nil {
		t.Fatal(err)
	}
	dead := 0
	rig.Eventually(t, time.Minute, "nothing pending", func() bool {
		status, err := s.API().Status(t.Context())
		if err == nil {
			dead = status.Queue.Dead
		}
		return err == nil && status.Queue.Pending == 0
	})
	status, err := s.API().Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	damaged, missing := int(status.Log.Damaged), l.Missing()
	t.Logf("%d bits flipped: %d records damaged, %d events missing, %d dead", flips, damaged, missing, dead)
	if damaged == 0 || damaged > flips || missing == 0 || missing > damaged || l.Wrong() > 0 {
		t.Errorf("%d wrong deliveries", l.Wrong())
	}
	if !bare && dead != missing || bare && dead != 0 {
		t.Errorf("%d dead letters, %d events missing", dead, missing)
	}
	if n := metric(t, s, "hookrouter_log_damaged_records"); n != float64(damaged) {
		t.Errorf("the metric says %v, the status %d", n, damaged)
	}
	s.Says(0, fmt.Sprintf("%d damaged records set aside", damaged), "status", "--admin", "http://"+s.Admin)
	rotten(t)
}

// flipBits flips bits of the records in a segment; the function that it returns looks whether they are as they were left.
func flipBits(t *testing.T, name string, flips int) (look func(*testing.T)) {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	end := len(data)
	for data[end-1] == 0 {
		end--
	}
	end -= 16 << 10 // a snapshot that ends with a damaged record is not used
	left := map[int]byte{}
	for range flips {
		at := 8192 + rand.IntN(end-8192)
		data[at] ^= 1 << rand.IntN(8)
		left[at] = data[at]
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return func(t *testing.T) {
		t.Helper()
		now, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for at, b := range left {
			if now[at] != b {
				t.Fatalf("byte %d of the damaged segment was written to", at)
			}
		}
	}
}
