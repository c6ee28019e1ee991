package faults_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// house is a server with a ledger, whose rules are crashRules.
func house(t *testing.T) (*rig.Server, *rig.Ledger) {
	l := rig.NewLedger()
	to := rig.Listen(t, sink.New(sink.Options{Keep: -1, Seen: l.Receive}))
	return rig.NewServer(t, rig.Binary(t), fmt.Sprintf(crashRules, to)), l
}

// TestDiskFull fills a disk of 64 MiB, others make half of it free, and it is filled again. Before it is really full
// events are refused; room made is used within five seconds; and while it is full all that was acknowledged is delivered
// and the results are recorded: a kill then repeats nothing.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	s, l := house(t)
	rig.MemoryDisk(s, "size=64m")
	leave := rig.Occupy(t, s.Data(), 32<<20)
	s.Start()
	s.WaitReady(10 * time.Second)
	if _, err := s.API().Pause(t.Context(), "all"); err != nil { // what is delivered could go
		t.Fatal(err)
	}
	load := rig.StartSenders(t, l, s.Listen, crashSenders, 10_000)
	untilFull(t, s, l)
	accepted := l.Accepted.Load()
	leave()
	rig.Eventually(t, 5*time.Second, "events are accepted again", func() bool {
		return l.Accepted.Load() > accepted+100 && readiness(t, s) == http.StatusOK
	})
	untilFull(t, s, l)
	load.End()
	if _, err := s.API().Resume(t.Context(), "all"); err != nil {
		t.Fatal(err)
	}
	_, acked, _ := l.Count()
	rig.Eventually(t, time.Minute, "everything is delivered on a full disk", func() bool {
		status, err := s.API().Status(t.Context())
		return err == nil && status.Queue.Pending == 0
	})
	s.Kill()
	s.Start()
	s.WaitReady(10 * time.Second)
	lost := rig.Settle(t, s.API(), time.Minute)
	t.Logf("%d acknowledged, %d refused", acked, l.Refused(503))
	for _, fault := range l.Faults(lost) {
		t.Error(fault)
	}
}

// untilFull waits until events are refused because the disk is full, and asks all who should know of it.
func untilFull(t *testing.T, s *rig.Server, l *rig.Ledger) {
	t.Helper()
	refused := l.Refused(503)
	rig.Eventually(t, time.Minute, "the disk is full", func() bool {
		return l.Refused(503) > refused+100 && metric(t, s, "hookrouter_log_full") == 1
	})
	status, err := s.API().Status(t.Context())
	if err != nil || !strings.Contains(status.NotReady, "the disk is full") {
		t.Errorf("status: %+v, %v", status, err)
	}
	if code := readiness(t, s); code != http.StatusServiceUnavailable {
		t.Errorf("readiness: %d", code)
	}
	var fs unix.Statfs_t
	if err := unix.Statfs(s.Data(), &fs); err != nil || fs.Bavail == 0 {
		t.Errorf("nothing is left of the disk for what must be written: %+v, %v", fs, err)
	}
}

// TestDiskWithoutInodes: no file can be made, though there is room in bytes. What was made ahead is used up, then events
// are refused; when files can be made again it goes on by itself, without anybody who sends.
func TestDiskWithoutInodes(t *testing.T) {
	t.Parallel()
	s, l := house(t)
	rig.MemoryDisk(s, "size=64m,nr_inodes=60")
	s.Start()
	s.WaitReady(10 * time.Second)
	if _, err := s.API().Pause(t.Context(), "all"); err != nil { // results would try the disk, too
		t.Fatal(err)
	}
	var made []string
	for {
		name := filepath.Join(s.Data(), "others-"+strconv.Itoa(len(made)))
		if os.WriteFile(name, nil, 0o600) != nil {
			break
		}
		made = append(made, name)
	}
	load := rig.StartSenders(t, l, s.Listen, crashSenders, 10_000)
	rig.Eventually(t, time.Minute, "events are refused", func() bool {
		return l.Refused(503) > 100 && readiness(t, s) == http.StatusServiceUnavailable
	})
	load.End()
	for _, name := range made {
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
	}
	rig.Eventually(t, 5*time.Second, "it is ready again", func() bool { return readiness(t, s) == http.StatusOK })
	if _, err := s.API().Resume(t.Context(), "all"); err != nil {
		t.Fatal(err)
	}
	for _, fault := range l.Faults(rig.Settle(t, s.API(), time.Minute)) {
		t.Error(fault)
	}
}

// TestDiskReadOnly: the kernel finds the file system faulty and makes it read-only. Events are refused, the process
// lives; after a repair and a start everything acknowledged is there.
func TestDiskReadOnly(t *testing.T) {
	t.Parallel()
	s, l := house(t)
	disk := rig.NewDisk(s, rig.Mount{Kind: "ext4", MiB: 512, Options: "errors=remount-ro"})
	s.Start()
	s.WaitReady(10 * time.Second)
	load := rig.StartSenders(t, l, s.Listen, crashSenders, 1500)
	rig.Eventually(t, 10*time.Second, "events are accepted", func() bool { return l.Accepted.Load() > 1000 })
	disk.Fail()
	rig.Eventually(t, 10*time.Second, "events are refused", func() bool {
		return l.Refused(503) > 100 && readiness(t, s) == http.StatusServiceUnavailable
	})
	accepted := l.Accepted.Load()
	rig.Wait(t.Context(), time.Second)
	if n := l.Accepted.Load() - accepted; n > 0 {
		t.Errorf("%d events were acknowledged on a disk that takes nothing", n)
	}
	load.End()
	if status, err := s.API().Status(t.Context()); err != nil || !strings.Contains(status.NotReady, "read-only") {
		t.Errorf("status %+v, %v", status, err)
	}
	s.Kill()
	disk.Repair()
	s.Start()
	s.WaitReady(10 * time.Second)
	for _, fault := range l.Faults(rig.Settle(t, s.API(), time.Minute)) {
		t.Error(fault)
	}
}

// TestDiskHangs: for 8 s (30 in `make crash`) every write hangs. Those who wait are refused after 5 s, those who come
// later at once; everybody is told in time, memory does not grow, and when the disk is back all goes on. What became
// durable too late is known when its sender comes again.
func TestDiskHangs(t *testing.T) {
	t.Parallel()
	s, l := house(t)
	disk := rig.NewDisk(s, rig.Mount{Kind: "ext4", MiB: 512})
	s.Start()
	s.WaitReady(10 * time.Second)
	load := rig.StartSenders(t, l, s.Listen, crashSenders, 1500)
	rig.Eventually(t, 10*time.Second, "events are accepted", func() bool { return l.Accepted.Load() > 3000 })
	before := s.Resident()
	end := disk.Hang()
	began := time.Now()
	by := func(limit time.Duration) time.Duration { return time.Until(began.Add(limit)) }
	rig.Eventually(t, by(2*time.Second), "the metric tells of it", func() bool { return metric(t, s, "hookrouter_log_stalled_seconds") > 0.5 })
	rig.Eventually(t, by(5*time.Second), "readiness is off", func() bool { return readiness(t, s) == http.StatusServiceUnavailable })
	rig.Eventually(t, by(5500*time.Millisecond), "those who waited are refused", func() bool { return l.Refused(503) >= crashSenders })
	accepted, most, length := l.Accepted.Load(), int64(0), 8*time.Second
	if rig.Long() {
		length = 30 * time.Second
	}
	for rig.Wait(t.Context(), 200*time.Millisecond) && time.Since(began) < length {
		most = max(most, s.Resident())
	}
	if n := l.Accepted.Load() - accepted; n > 0 {
		t.Errorf("%d events were acknowledged while the disk hung", n)
	}
	end()
	rig.Eventually(t, 2*time.Second, "it is ready again", func() bool { return readiness(t, s) == http.StatusOK })
	rig.Eventually(t, 5*time.Second, "events are accepted again", func() bool { return l.Accepted.Load() > accepted+100 })
	load.End()
	t.Logf("%d MiB of memory before, %d at most while the disk hung; %d refused", before>>20, most>>20, l.Refused(503))
	if most-before > 64<<20 {
		t.Error("that is more than 64 MiB more")
	}
	for _, fault := range l.Faults(rig.Settle(t, s.API(), time.Minute)) {
		t.Error(fault)
	}
}

// metric is the value of a metric without labels; -1 when it is not there.
func metric(t *testing.T, s *rig.Server, name string) float64 {
	t.Helper()
	resp, err := http.Get("http://" + s.Admin + "/metrics")
	if err != nil {
		return -1
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return -1
	}
	_, after, _ := strings.Cut("\n"+string(text), "\n"+name+" ")
	line, _, _ := strings.Cut(after, "\n")
	value, err := strconv.ParseFloat(line, 64)
	if err != nil {
		return -1
	}
	return value
}
