package faults_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// TestIdle: a server with 200 routes to 200 destinations, all of which it knows already, takes next to nothing while
// nothing comes.
func TestIdle(t *testing.T) {
	t.Parallel()
	const n = 200
	span := 8 * time.Second
	if rig.Long() {
		span = time.Minute
	}
	dest := sink.New(sink.Options{Keep: -1})
	to := rig.Listen(t, dest)
	var destinations, routes strings.Builder
	for i := range n {
		fmt.Fprintf(&destinations, "  to-%d: http://%s/%d\n", i, to, i)
		fmt.Fprintf(&routes, "  - { name: route-%d, from: in, when: body.n < 1000 or body.n == %d, to: to-%d }\n", i, i, i)
	}
	s := rig.NewServer(t, rig.Binary(t), "version: 1\nsources: { in: { verify: none, body: json } }\ndestinations:\n"+
		destinations.String()+"routes:\n"+routes.String())
	s.Start()
	s.WaitReady(10 * time.Second)
	if status := postText(t, s.Listen, `{"n":1}`); status != http.StatusAccepted {
		t.Fatalf("answered %d", status)
	}
	rig.Eventually(t, 20*time.Second, "each destination has it", func() bool { return dest.Count() == n })
	rig.Settle(t, s.API(), 10*time.Second)
	rig.Wait(t.Context(), 3*time.Second) // history is written behind
	before := cpuTime(t, s.Process.Process.Pid)
	rig.Wait(t.Context(), span)
	used := cpuTime(t, s.Process.Process.Pid) - before
	memory := anonymous(t, s.Process.Process.Pid)
	t.Logf("%v of CPU in %v, which is %.3f %% of a core; %d KiB of memory", used, span, 100*used.Seconds()/span.Seconds(), memory>>10)
	if used > span/200 {
		t.Errorf("%v of CPU in %v, want at most 0.5 %% of a core", used, span)
	}
	if memory > 64<<20 {
		t.Errorf("%d bytes of anonymous memory, want at most 64 MiB", memory)
	}
}

// cpuTime is what all threads of a process have used.
func cpuTime(t *testing.T, pid int) (sum time.Duration) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil || len(threads) == 0 {
		t.Fatal("no threads", err)
	}
	for _, file := range threads {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var ns int64
		if _, err := fmt.Sscan(string(text), &ns); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

// anonymous is the memory of a process that no file stands behind, in bytes.
func anonymous(t *testing.T, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "RssAnon:")
	var kib int
	if _, err := fmt.Sscan(rest, &kib); err != nil {
		t.Fatal(err)
	}
	return kib << 10
}
