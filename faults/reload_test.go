package faults_test

import (
	"bufio"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// reloadRules is the n-th version of rules in which much changes: routes, limits, and a destination of a name of its own.
func reloadRules(to string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nsources: { in: { verify: none, body: text } }\ndestinations:\n")
	fmt.Fprintf(&b, "  there: { url: http://%s/there, limit: { concurrency: %d }, timeout: %ds }\n", to, 32+n%3, 10+n%2)
	fmt.Fprintf(&b, "  only-%d: http://%s/only\nroutes:\n  - { name: on, from: in, to: there }\n", n, to)
	for i := range 20 {
		fmt.Fprintf(&b, "  - { name: route-%d-%d, from: in, when: body contains \"nowhere %d\", to: only-%d, transform: '{n: %d}' }\n", n, i, i, n, n)
	}
	return b.String()
}

// TestReloadUnderLoad: rules that are reloaded by the API again and again cost no request and leave nothing behind.
func TestReloadUnderLoad(t *testing.T) {
	reloads := 100
	if rig.Long() {
		reloads = 1000
	}
	// The sink closes its connections, for those that idle would be descriptors too.
	dest := sink.New(sink.Options{Keep: -1})
	dest.Set("", sink.Behavior{Header: http.Header{"Connection": {"close"}}})
	to := rig.Listen(t, dest)
	s := rig.NewServer(t, rig.Binary(t), reloadRules(to, 0))
	s.Start()
	s.WaitReady(10 * time.Second)
	storm(t, s, to, 1, 20, 4000) // what is made once, and caches that fill up, are there then
	before := residueOf(t, s)
	for range 2 { // the least: what a collection has not come to yet is no measure
		before.heap = min(before.heap, residueOf(t, s).heap)
	}
	storm(t, s, to, 21, reloads, 0)
	var after residue
	defer func() { t.Logf("before %+v, after %+v", before, after) }()
	rig.Eventually(t, 20*time.Second, "nothing stays", func() bool {
		after = residueOf(t, s)
		return math.Abs(after.goroutines-before.goroutines) <= 2 && math.Abs(after.descriptors-before.descriptors) <= 2 &&
			after.heap-before.heap <= max(2<<20, before.heap/20)
	})
}

// storm reloads n times from this version on under 2,000 requests a second, and goes on until there were so many events.
// All are acknowledged, and delivered in the end.
func storm(t *testing.T, s *rig.Server, to string, from, n int, events int64) {
	t.Helper()
	api := s.API()
	defer api.Close()
	v := startVisitors(t, s.Listen, 16, 2000, strings.Repeat("x", 8<<10), &http.Transport{MaxIdleConnsPerHost: 16})
	pace := time.NewTicker(40 * time.Millisecond)
	defer pace.Stop()
	for i := from; i < from+n; i++ {
		s.WriteRules(reloadRules(to, i))
		if _, err := api.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		<-pace.C
	}
	rig.Eventually(t, time.Minute, "enough events", func() bool { return v.acked.Load() >= events })
	v.end()
	if v.failed.Load() > 0 || v.acked.Load() == 0 {
		t.Errorf("%d of %d requests failed", v.failed.Load(), v.acked.Load()+v.failed.Load())
	}
	rig.Settle(t, api, time.Minute)
	t.Logf("%d reloads, %d requests", n, v.acked.Load())
}

// residue is what a server holds when nothing is under way.
type residue struct{ goroutines, descriptors, heap float64 }

// residueOf waits for two collections, which come as this asks.
func residueOf(t *testing.T, s *rig.Server) residue {
	t.Helper()
	began := metricsOf(t, s)
	for {
		m := metricsOf(t, s)
		if m["go_gc_duration_seconds_count"] >= began["go_gc_duration_seconds_count"]+2 {
			return residue{m["go_goroutines"], m["process_open_fds"], m["go_memstats_heap_inuse_bytes"]}
		}
	}
}

// metricsOf are those without labels.
func metricsOf(t *testing.T, s *rig.Server) map[string]float64 {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Admin+"/metrics", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	values := map[string]float64{}
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			values[name] = v
		}
	}
	return values
}

// TestKilledWhileReloading: whenever a server is killed while new rules go live, the next start has these or those
// before, whole; here it has no others, for the file is broken by then.
func TestKilledWhileReloading(t *testing.T) {
	t.Parallel()
	cycles := 15
	if rig.Long() {
		cycles = 200
	}
	to := rig.Listen(t, sink.New(sink.Options{Keep: -1}))
	s := rig.NewServer(t, rig.Binary(t), reloadRules(to, 0))
	s.Start()
	s.WaitReady(10 * time.Second)
	keeps(t, s)
	for n := 1; n <= cycles; n++ {
		s.WriteRules(reloadRules(to, n))
		s.Signal(syscall.SIGHUP)
		rig.Wait(t.Context(), time.Duration(rand.IntN(10_000))*time.Microsecond)
		s.Kill()
		s.WriteRules("version: [\n")
		s.Start()
		s.WaitReady(10 * time.Second)
		status, err := s.API().Status(t.Context())
		if err != nil || status.Rules.OK || !strings.Contains(status.Rules.Error, "running on the rules that were live before the start") {
			t.Fatalf("cycle %d: %+v, %v", n, status, err)
		}
		if live := liveVersion(t, s); live != n && live != n-1 {
			t.Fatalf("cycle %d: version %d is live", n, live)
		}
		if answer := postText(t, s.Listen, "x"); answer != http.StatusAccepted {
			t.Errorf("cycle %d: answered %d", n, answer)
		}
		s.Says(1, `THE FILE IS NOT LIVE`, "status", "--admin", "http://"+s.Admin)
		s.WriteRules(reloadRules(to, n))
		if _, err := s.API().Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		keeps(t, s)
	}
}

// liveVersion is the n of the rules in force; their routes must all be of it.
func liveVersion(t *testing.T, s *rig.Server) int {
	t.Helper()
	routes, err := s.API().Routes(t.Context())
	if err != nil || len(routes.Items) != 21 {
		t.Fatalf("routes %+v, %v", routes, err)
	}
	var n int
	for i, r := range routes.Items[1:] {
		var version, number int
		if _, err := fmt.Sscanf(r.Name, "route-%d-%d", &version, &number); err != nil || number != i || i > 0 && version != n {
			t.Fatalf("route %q as number %d of version %d: %v", r.Name, i, n, err)
		}
		n = version
	}
	return n
}

// keeps waits until the rules in force are kept for a start with a bad file.
func keeps(t *testing.T, s *rig.Server) {
	t.Helper()
	rig.Eventually(t, 10*time.Second, "the rules are kept", func() bool {
		rules, err := s.API().Rules(t.Context())
		kept, readErr := os.ReadFile(filepath.Join(s.Data(), "rules", "current"))
		return err == nil && readErr == nil && rules.OK && strings.TrimSpace(string(kept)) == rules.Hash
	})
}
