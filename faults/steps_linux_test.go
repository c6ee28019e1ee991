package faults_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/faults/steps"
	"github.com/hookrouter/hookrouter/sink"
)

// stepsRules keep little, so that old events go while the test runs: those that are over, but neither what waits for a
// paused destination nor dead letters.
const stepsRules = `
version: 1
retention: { size: 2MiB }
sources:
  stripe: { preset: stripe, secret: "` + rig.Secret + `" }
  large: { preset: stripe, secret: "` + rig.Secret + `", max_body: 4MiB }
  kept: { preset: stripe, secret: "` + rig.Secret + `" }
  bad: { preset: stripe, secret: "` + rig.Secret + `" }
destinations:
  all: { url: "http://%[1]s/all", retry: { backoff: 50ms, max_backoff: 200ms, max_age: 1h } }
  large: "http://%[1]s/large"
  later: "http://%[1]s/later"
  refuses: "http://%[1]s/refuses"
routes:
  - { name: all, from: stripe, to: all }
  - { name: large, from: large, to: large }
  - { name: kept, from: kept, to: later }
  - { name: bad, from: bad, to: refuses }
`

// hurried lets snapshots, and old files of the history, come and go soon.
var hurried = []rig.Bug{
	{File: "router/queue/history/history.go", Old: "o.FileRows = 6_000 * rowsPerBlock", New: "o.FileRows = 4 * rowsPerBlock"},
	{File: "router/queue/run.go", Old: "sweepEvery = time.Second", New: "sweepEvery = 50 * time.Millisecond"},
}

// stepped is a server of which each step on the disk is known, and its load.
type stepped struct {
	t                  *testing.T
	s                  *rig.Server
	end                func() // of the process, in the way that is tested
	seen               string
	events, kept, dead *rig.Senders
	large              *rig.Senders // of bodies in files of their own
	ends               int
	bare               bool // the next start finds neither snapshots nor history nor the room that is kept back
}

func newStepped(t *testing.T, prepare func(*rig.Server) (end func())) *stepped {
	events, kept, dead, large := rig.NewLedger(), rig.NewLedger(), rig.NewLedger(), rig.NewLedger()
	large.Pad = 3 << 20
	dest := sink.New(sink.Options{Keep: -1, Seen: func(r sink.Request) {
		switch r.Path {
		case "/all":
			events.Receive(r)
		case "/large":
			large.Receive(r)
		case "/later":
			kept.Receive(r)
		}
	}})
	dest.Set("/refuses", sink.Behavior{Status: 400})
	bin := rig.Build{OS: "faults/steps", Bugs: hurried}.Binary(t)
	w := &stepped{t: t, s: rig.NewServer(t, bin, fmt.Sprintf(stepsRules, rig.Listen(t, dest)))}
	w.seen = filepath.Join(w.s.Dir, "steps")
	w.end = prepare(w.s)
	w.start("", 0)
	w.s.WaitReady(10 * time.Second)
	if _, err := w.s.API().Pause(t.Context(), "later"); err != nil {
		t.Fatal(err)
	}
	url := "http://" + w.s.Listen + "/in/"
	w.events = rig.StartSendersTo(t, events, url+"stripe", 32, 1000)
	w.kept = rig.StartSendersTo(t, kept, url+"kept", 1, 2)
	w.dead = rig.StartSendersTo(t, dead, url+"bad", 1, 1)
	w.large = rig.StartSendersTo(t, large, url+"large", 2, 4)
	return w
}

// start starts a process that stops right before it takes a step, when it took it so many times before. Its rules are
// new ones, which are kept in the data directory.
func (w *stepped) start(step string, times int) {
	w.s.Env = []string{steps.Seen + "=" + w.seen, fmt.Sprintf("%s=%s %d", steps.StopAt, step, times)}
	rules, err := os.ReadFile(filepath.Join(w.s.Dir, "rules.yaml"))
	if err != nil {
		w.t.Fatal(err)
	}
	w.s.WriteRules(string(rules) + "#\n")
	w.s.Start()
}

// taken are the steps that were taken since the last call, and nothing else.
func (w *stepped) taken() (all []string) {
	w.t.Helper()
	data, err := os.ReadFile(w.seen)
	if err == nil {
		err = os.Truncate(w.seen, 0)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	all = strings.Fields(string(data))
	slices.Sort(all)
	return slices.Compact(all)
}

// explore takes the steps that there are: those of a first start alone, and those that come again.
func (w *stepped) explore() (first, again []string) {
	w.t.Helper()
	first = w.taken()
	for began := time.Now(); time.Since(began) < 10*time.Second && (again == nil || w.unknown(append(first, again...)) != nil); {
		w.settleFor(700 * time.Millisecond)
		if w.s.Stop() != 0 {
			w.t.Error("a stop failed")
		}
		w.start("", 0)
		w.settleFor(300 * time.Millisecond)
		w.end()
		w.start("", 0)
		again = append(again, w.taken()...)
	}
	slices.Sort(again)
	return slices.DeleteFunc(first, func(step string) bool { return slices.Contains(again, step) }), slices.Compact(again)
}

// settleFor lets the load go on.
func (w *stepped) settleFor(d time.Duration) {
	if !rig.Wait(w.t.Context(), d) {
		w.t.FailNow()
	}
}

// stopAt ends the process right before it takes a step once more, and starts another. It reports whether it was taken.
func (w *stepped) stopAt(step string, times int) (stood bool) {
	w.t.Helper()
	w.restart(step, times)
	for began := time.Now(); !stood && time.Since(began) < 2*time.Second; stood = w.s.Stands() {
		if closed(w.s.Ended) {
			w.t.Fatalf("the server ended before %s:\n%s", step, w.s.LogTail())
		}
		w.settleFor(5 * time.Millisecond)
	}
	w.ends++
	w.end()
	w.start("", 0)
	before := w.events.Accepted.Load()
	rig.Eventually(w.t, backAtAll, "accepting again after "+step, func() bool { return w.events.Accepted.Load() > before })
	return stood
}

// restart ends the process and starts another; a bare one finds nothing that can be made anew.
func (w *stepped) restart(step string, times int) {
	w.t.Helper()
	w.end()
	if w.bare {
		data := w.s.Data()
		if err := errors.Join(os.RemoveAll(filepath.Join(data, "state")), os.RemoveAll(filepath.Join(data, "journal", "ballast"))); err != nil {
			w.t.Fatal(err)
		}
	}
	w.start(step, times)
}

// faults stops the load and compares what there is with what was acknowledged.
func (w *stepped) faults() (faults []string) {
	w.t.Helper()
	for _, s := range []*rig.Senders{w.events, w.kept, w.dead, w.large} {
		s.End()
	}
	w.bare = true // all is in the log
	w.restart("", 0)
	w.s.WaitReady(10 * time.Second)
	if !w.paused() {
		faults = append(faults, "the destination is no longer paused")
	}
	_, kept, early := w.kept.Count()
	_, dead, _ := w.dead.Count()
	last := ""
	defer func() {
		if w.t.Failed() {
			w.t.Log(last)
		}
	}()
	rig.Eventually(w.t, time.Minute, "only what is paused is pending, and old events left", func() bool {
		status, err := w.s.API().Status(w.t.Context())
		if err == nil {
			last = fmt.Sprintf("%+v %+v, %d kept, %d ends, %d dead", status.Queue, status.Log, kept, w.ends, dead)
		}
		return err == nil && status.Queue.Pending >= kept && status.Queue.Pending <= kept+w.ends+1 && status.Queue.Dead >= dead &&
			status.Log.Damaged == 0 && status.Log.Bytes < 12<<20
	})
	if early > 0 {
		faults = append(faults, fmt.Sprintf("%d deliveries were made to a paused destination", early))
	}
	if _, err := w.s.API().Resume(w.t.Context(), "later"); err != nil {
		w.t.Fatal(err)
	}
	rig.Eventually(w.t, time.Minute, "nothing pending", func() bool {
		status, err := w.s.API().Status(w.t.Context())
		return err == nil && status.Queue.Pending == 0
	})
	// Attempts whose results were not durable are made again: at most twice as many as run at a time, for each end.
	faults = append(faults, w.events.Faults(w.ends*2*32)...)
	faults = append(faults, w.kept.Faults(0)...)
	faults = append(faults, w.large.Faults(w.ends*2)...)
	return append(faults, w.orphans()...)
}

// paused reports whether the destination is still that was paused at the beginning.
func (w *stepped) paused() bool {
	w.t.Helper()
	all, err := w.s.API().Destinations(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return slices.ContainsFunc(all.Items, func(d client.Destination) bool { return d.Name == "later" && d.Paused })
}

var known = regexp.MustCompile(`^(lost\+found|rehearsal|bodies/evt_[0-9a-z]+|journal/(lock|ballast|[0-9a-f]{8}\.seg|spare-(fresh|[0-9a-f]{8}))|` +
	`state/(snapshot-[0-9a-f]{16}|history/(watermark|(events|carried)-\d{8}))|rules/(current|[0-9a-f]{64}/(rules\.yaml|files\.json)(\.new)?))$`)

// orphans are files that nobody will use or remove, after a clean stop.
func (w *stepped) orphans() (found []string) {
	w.t.Helper()
	if w.s.Stop() != 0 {
		found = append(found, "the last stop failed")
	}
	err := filepath.WalkDir(w.s.Data(), func(name string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && !known.MatchString(strings.TrimPrefix(name, w.s.Data()+"/")) {
			found = append(found, "an orphan: "+name)
		}
		return err
	})
	if err != nil {
		w.t.Error(err)
	}
	return found
}

// TestCrashAtEachStep cuts the power right before a step on the disk, for each place in the code that takes one.
func TestCrashAtEachStep(t *testing.T) {
	rig.NeedsRoot(t)
	t.Parallel()
	w := newStepped(t, func(s *rig.Server) func() {
		return rig.NewDisk(s, rig.Mount{Kind: "ext4", MiB: 60, Options: "commit=1000"}).Cut
	})
	endAtSteps(t, w)
}

// TestCrashKilledAtEachStep ends the process there with kill -9.
func TestCrashKilledAtEachStep(t *testing.T) {
	rig.NeedsRoot(t)
	t.Parallel()
	w := newStepped(t, func(s *rig.Server) func() {
		rig.NewDisk(s, rig.Mount{Kind: "ext4", MiB: 60})
		return s.Kill
	})
	endAtSteps(t, w)
}

// endAtSteps ends the process at some steps once each, or at each of them 20 times, after so many times that it was
// taken, and demands that nothing is lost, that no step is unknown to it, and that the old leaves.
func endAtSteps(t *testing.T, w *stepped) {
	first, again := w.explore()
	rounds, some := 1, 10
	if rig.Long() {
		rounds, some = 20, len(first)+len(again)
	}
	stood := 0
	for round := range rounds {
		for _, step := range order(t, append(slices.Clone(again), first...))[:some] {
			w.bare = slices.Contains(first, step)
			if w.stopAt(step, round*rand.IntN(10)) {
				stood++
			}
		}
	}
	_, kept, _ := w.kept.Count()
	_, dead, _ := w.dead.Count()
	acked := w.events.Accepted.Load()
	t.Logf("%d steps, ended at one %d times of %d; %d events acknowledged, %d kept, %d dead", len(first)+len(again), stood, w.ends, acked, kept, dead)
	if stood < w.ends/2 {
		t.Errorf("the process stood still in %d of %d times only", stood, w.ends)
	}
	for _, fault := range append(w.faults(), w.unknown(slices.Concat(first, again, w.taken()))...) {
		t.Error(fault)
	}
}

// telling are the calls before which an end leaves most behind.
var telling = []string{"writeDurably Sync", "writeSnapshot Sync", "begin Rename", "drop Rename", "writeWatermark Rename"}

// order is any, but for the steps that tell most.
func order(t *testing.T, steps []string) []string {
	rand.Shuffle(len(steps), func(i, j int) { steps[i], steps[j] = steps[j], steps[i] })
	changes := rig.Changes(t)
	tells := func(step string) bool {
		return slices.ContainsFunc(changes, func(c rig.Change) bool {
			return strings.HasPrefix(step, c.Place+"<") && slices.Contains(telling, c.Call)
		})
	}
	slices.SortStableFunc(steps, func(a, b string) int {
		switch x, y := tells(a), tells(b); {
		case x == y:
			return 0
		case x:
			return -1
		default:
			return 1
		}
	})
	return steps
}

// elsewhere are changes of the disk that these tests cannot reach, by function and call.
var elsewhere = map[string]string{
	"dropEmpty Remove":     "after a sync that failed: D7",
	"discard Remove":       "after a write that failed",
	"take Remove":          "on a full disk",
	"drop Remove":          "on a full disk",
	"dropSpares Remove":    "on a full disk",
	"writeSnapshot Remove": "after a write that failed",
	"writeDurably Remove":  "after a write that failed",
	"load Remove":          "cut snapshots: after an end while one is written",
	"sweep RemoveAll":      "what an end left of a history",
	"adoptSpares Remove":   "what an end left of a spare file",
	"prune RemoveAll":      "after ten changes of the rules",
	"set Remove":           "after a write that failed",
}

// unknown are places in the code that change the disk and were not seen to do so.
func (w *stepped) unknown(seen []string) (missing []string) {
	for _, c := range rig.Changes(w.t) {
		taken := slices.ContainsFunc(seen, func(step string) bool { return strings.HasPrefix(step, c.Place+"<") })
		if !taken && elsewhere[c.Call] == "" {
			missing = append(missing, "a step that was never taken: "+c.Place+" "+c.Call)
		}
	}
	return missing
}
