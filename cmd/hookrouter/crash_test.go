package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/sink"
)

const crashSenders = 64

// crashRules has one source whose events carry their id, and one destination that gets their bytes untouched.
const crashRules = `
version: 1
sources:
  stripe: { preset: stripe, secret: "` + ledgerSecret + `" }
destinations:
  all: { url: "http://%s/all", retry: { backoff: 50ms, max_backoff: 200ms, max_age: 1h } }
routes:
  - { name: all, from: stripe, to: all }
`

// long reports whether the tests run at full size, as `make crash` does.
func long() bool { return os.Getenv("HOOKROUTER_LONG") != "" }

// TestCrash kills the server at random moments under load. What was acknowledged must arrive, as it was sent.
func TestCrash(t *testing.T) {
	cycles := 50
	if long() {
		cycles = 500
	}
	for _, fault := range crash(t, binary(t), plan{cycles: cycles, perSecond: 1500, late: cycles / 10}) {
		t.Error(fault)
	}
}

// TestCrashWithRefusedWrites: the same while one write in a hundred is refused. Senders come again with the same id.
func TestCrashWithRefusedWrites(t *testing.T) {
	for _, fault := range crash(t, binary(t, refuseOneInAHundred), plan{cycles: 10, perSecond: 1500, late: 10}) {
		t.Error(fault)
	}
}

// TestCrashFindsPlantedBugs is the control: the same test must fail for servers that break the promise.
func TestCrashFindsPlantedBugs(t *testing.T) {
	for _, c := range plantedBugs {
		t.Run(c.name, func(t *testing.T) {
			if faults := crash(t, binary(t, c.bugs...), plan{cycles: 15, perSecond: 1e6, late: 15}); len(faults) == 0 {
				t.Error("nothing was found")
			} else {
				t.Log(faults)
			}
		})
	}
}

// plan is how a server is crashed.
type plan struct {
	cycles    int
	perSecond float64 // new events at most
	late      int     // how often it may take longer than backWithin to accept again: the machine is shared
}

const (
	backWithin = time.Second      // from the start of the process to the next acknowledged event
	backAtAll  = 20 * time.Second // longer than that is a failure however often it happens
)

// crash runs cycles of load, kill -9 and restart, and gives what went wrong with the promise.
func crash(t *testing.T, bin string, p plan) []string {
	t.Helper()
	l := newLedger()
	s := newServer(t, bin, fmt.Sprintf(crashRules, listen(t, sink.New(sink.Options{Keep: -1, Seen: l.receive}))))
	s.start()
	s.waitReady(10 * time.Second)
	load := startSenders(t, l, s.listen, crashSenders, p.perSecond)
	var back []time.Duration
	for cycle := range p.cycles {
		if !wait(t.Context(), time.Duration(5+rand.IntN(395))*time.Millisecond) {
			t.FailNow()
		}
		s.kill()
		spoilProjections(t, s.data(), cycle)
		before, started := l.accepted.Load(), time.Now()
		s.start()
		eventually(t, backAtAll, fmt.Sprintf("accepting again after kill %d", cycle+1), func() bool {
			return l.accepted.Load() > before
		})
		back = append(back, time.Since(started))
	}
	load.end()
	lost := settle(t, s.api(), time.Minute)
	sent, acked, arrived := l.count()
	slices.Sort(back)
	t.Logf("%d kills: %d sent, %d acknowledged, %d arrived, %d attempts cut off; accepting again after %v (median), %v (longest)",
		p.cycles, sent, acked, arrived, lost, back[len(back)/2], back[len(back)-1])
	faults := l.faults(lost)
	if i, _ := slices.BinarySearch(back, backWithin); len(back)-i > p.late {
		faults = append(faults, fmt.Sprintf("%d of %d restarts took longer than %v to accept again", len(back)-i, len(back), backWithin))
	}
	return faults
}

// spoilProjections deletes or garbles, now and then, what can be rebuilt from the log.
func spoilProjections(t *testing.T, data string, cycle int) {
	t.Helper()
	dir := filepath.Join(data, "state")
	switch cycle % 5 {
	case 1:
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
	case 3:
		garbleFiles(t, dir)
	}
}

// garbleFiles writes noise into the middle of every file below dir.
func garbleFiles(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(name string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		defer f.Close()
		noise := make([]byte, 64)
		for i := range noise {
			noise[i] = byte(rand.Uint32())
		}
		_, err = f.WriteAt(noise, info.Size()/2)
		return err
	})
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
}

// TestStopUnderLoad: an operator's stop cuts nothing off, and the next start goes on where it ended.
func TestStopUnderLoad(t *testing.T) {
	l := newLedger()
	s := newServer(t, binary(t), fmt.Sprintf(crashRules, listen(t, sink.New(sink.Options{Keep: -1, Seen: l.receive}))))
	s.start()
	s.waitReady(10 * time.Second)
	load := startSenders(t, l, s.listen, 16, 500)
	for range 3 {
		before := l.accepted.Load()
		eventually(t, 10*time.Second, "events are accepted", func() bool { return l.accepted.Load() > before+100 })
		if code := s.stop(); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
		s.start()
	}
	load.end()
	s.waitReady(10 * time.Second)
	lost := settle(t, s.api(), time.Minute)
	if lost > 0 {
		t.Errorf("%d attempts were cut off by a stop", lost)
	}
	for _, fault := range l.faults(0) {
		t.Error(fault)
	}
}
