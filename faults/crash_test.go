package faults_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

const crashSenders = 64

// crashRules has one source whose events carry their id, and one destination that gets their bytes untouched.
const crashRules = `
version: 1
sources:
  stripe: { preset: stripe, secret: "` + rig.Secret + `", max_body: 4MiB }
destinations:
  all: { url: "http://%s/all", retry: { backoff: 50ms, max_backoff: 200ms, max_age: 1h } }
routes:
  - { name: all, from: stripe, to: all }
`

// refuseOneInAHundred is a disk that now and then says no. The promise must hold with it.
var refuseOneInAHundred = rig.Bug{
	File: "router/queue/journal/commit.go",
	Old:  "func (l *Log) Append(ctx context.Context, recs ...queue.Record) (queue.Pos, error) {\n",
	New: "func (l *Log) Append(ctx context.Context, recs ...queue.Record) (queue.Pos, error) {\n" +
		"\tif time.Now().UnixNano()/1000%100 == 7 {\n\t\treturn 0, queue.ErrNotFound\n\t}\n",
}

// TestCrash kills the server at random moments under load. What was acknowledged must arrive, as it was sent.
func TestCrash(t *testing.T) {
	cycles := 50
	if rig.Long() {
		cycles = 500
	}
	for _, fault := range crash(t, rig.Binary(t), plan{cycles: cycles, perSecond: 1500, late: cycles / 10}) {
		t.Error(fault)
	}
}

// TestCrashWithRefusedWrites: the same while one write in a hundred is refused. Senders come again with the same id.
func TestCrashWithRefusedWrites(t *testing.T) {
	for _, fault := range crash(t, rig.Binary(t, refuseOneInAHundred), plan{cycles: 10, perSecond: 1500, late: 10}) {
		t.Error(fault)
	}
}

// plan is how a server is crashed.
type plan struct {
	cycles    int
	perSecond float64 // new events at most
	pad       int     // bytes of the largest bodies; 0 means small ones
	late      int     // how often it may take longer than backWithin to accept again: the machine is shared

	end func(*rig.Server) (end func()) // prepares another way to end the process than kill -9
}

const (
	backWithin = time.Second      // from the start of the process to the next acknowledged event
	backAtAll  = 20 * time.Second // longer than that is a failure however often it happens
)

// crash runs cycles of load, kill -9 and restart, and gives what went wrong with the promise.
func crash(t *testing.T, bin string, p plan) []string {
	t.Helper()
	l := rig.NewLedger()
	if p.pad > 0 {
		l.Pad = p.pad
	}
	s := rig.NewServer(t, bin, fmt.Sprintf(crashRules, rig.Listen(t, sink.New(sink.Options{Keep: -1, Seen: l.Receive}))))
	end := s.Kill
	if p.end != nil {
		end = p.end(s)
	}
	s.Start()
	s.WaitReady(10 * time.Second)
	load := rig.StartSenders(t, l, s.Listen, crashSenders, p.perSecond)
	var back []time.Duration
	for cycle := range p.cycles {
		if !rig.Wait(t.Context(), time.Duration(5+rand.IntN(395))*time.Millisecond) {
			t.FailNow()
		}
		end()
		spoilProjections(t, s.Data(), cycle)
		before, started := l.Accepted.Load(), time.Now()
		s.Start()
		rig.Eventually(t, backAtAll, fmt.Sprintf("accepting again after end %d", cycle+1), func() bool {
			return l.Accepted.Load() > before
		})
		back = append(back, time.Since(started))
	}
	load.End()
	lost := rig.Settle(t, s.API(), time.Minute)
	sent, acked, arrived := l.Count()
	slices.Sort(back)
	t.Logf("%d times ended: %d sent, %d acknowledged, %d arrived, %d attempts cut off; accepting again after %v (median), %v (longest)",
		p.cycles, sent, acked, arrived, lost, back[len(back)/2], back[len(back)-1])
	faults := l.Faults(lost)
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
	l := rig.NewLedger()
	s := rig.NewServer(t, rig.Binary(t), fmt.Sprintf(crashRules, rig.Listen(t, sink.New(sink.Options{Keep: -1, Seen: l.Receive}))))
	s.Start()
	s.WaitReady(10 * time.Second)
	load := rig.StartSenders(t, l, s.Listen, 16, 500)
	for range 3 {
		before := l.Accepted.Load()
		rig.Eventually(t, 10*time.Second, "events are accepted", func() bool { return l.Accepted.Load() > before+100 })
		if code := s.Stop(); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
		s.Start()
	}
	load.End()
	s.WaitReady(10 * time.Second)
	lost := rig.Settle(t, s.API(), time.Minute)
	if lost > 0 {
		t.Errorf("%d attempts were cut off by a stop", lost)
	}
	for _, fault := range l.Faults(0) {
		t.Error(fault)
	}
}
