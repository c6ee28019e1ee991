package journal

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
)

const childDir = "JOURNAL_TEST_CHILD_DIR"

// TestMain lets the test binary be the process that a test kills.
func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		if err := appendForEver(dir, os.Getenv("JOURNAL_TEST_CHILD_CYCLE")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// appendForEver appends from several goroutines and prints a line for each record that is durable.
func appendForEver(dir, cycle string) error {
	l, err := Open(dir, Options{SegmentSize: testSegment})
	if err != nil {
		return err
	}
	var failed error
	var once sync.Once
	var todo sync.WaitGroup
	for w := range 8 {
		todo.Go(func() {
			writer := fmt.Sprintf("%s-%d", cycle, w)
			for n := 0; ; n++ {
				p, err := l.Append(context.Background(), childRecord(writer, n))
				if err != nil {
					once.Do(func() { failed = err })
					return
				}
				fmt.Printf("%s %d %d\n", writer, n, p)
			}
		})
	}
	todo.Wait()
	return failed
}

func childRecord(writer string, n int) queue.Record {
	r := fmt.Appendf(nil, "%s %d ", writer, n)
	return append(r, bytes.Repeat([]byte{byte('a' + n%26)}, (n*7919)%5000)...)
}

func child(t *testing.T, dir string, cycle int) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self)
	c.Env = append(os.Environ(), childDir+"="+dir, fmt.Sprintf("JOURNAL_TEST_CHILD_CYCLE=%d", cycle))
	return c
}

// ack is a line that a child printed.
type ack struct {
	writer string
	n      int
	pos    queue.Pos
}

// runAndKill runs a child until it has printed so many lines, kills it with SIGKILL, and returns all its lines.
func runAndKill(t *testing.T, dir string, cycle, lines int) (acked []ack) {
	t.Helper()
	c := child(t, dir, cycle)
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	c.Stderr = &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for s := bufio.NewScanner(out); s.Scan(); {
		var a ack
		if _, err := fmt.Sscanf(s.Text(), "%s %d %d", &a.writer, &a.n, &a.pos); err != nil {
			t.Fatalf("line %q: %v", s.Text(), err)
		}
		if acked = append(acked, a); len(acked) == lines {
			if err := c.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	var exit *exec.ExitError
	if err := c.Wait(); !errors.As(err, &exit) || len(acked) < lines {
		t.Fatalf("child ended with %v after %d lines: %s", err, len(acked), stderr.String())
	}
	return acked
}

// TestKill kills a process that appends, several times over one journal. What was acknowledged is there, unchanged
// and at its place; of what was not, no writer has a record whose predecessor is missing.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	var acked []ack
	for cycle := range 6 {
		acked = append(acked, runAndKill(t, dir, cycle, 50+cycle*cycle*40)...)
		l := openTest(t, dir)
		for _, a := range acked {
			e, err := l.At(t.Context(), a.pos)
			if err != nil || !bytes.Equal(e.Record, childRecord(a.writer, a.n)) {
				t.Fatalf("record %d of %s at %d: %v, %d bytes", a.n, a.writer, a.pos, err, len(e.Record))
			}
		}
		checkPrefixes(t, l, len(acked), 8*(cycle+1))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func checkPrefixes(t *testing.T, l *Log, atLeast, unacked int) {
	t.Helper()
	next := map[string]int{}
	total := 0
	for e, err := range l.Read(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		var writer string
		var n int
		if _, err := fmt.Sscanf(string(e.Record), "%s %d ", &writer, &n); err != nil || n != next[writer] {
			t.Fatalf("at %d: record %d of %q, want %d (%v)", e.Pos, n, writer, next[writer], err)
		}
		if !bytes.Equal(e.Record, childRecord(writer, n)) {
			t.Fatalf("record %d of %s is garbled", n, writer)
		}
		next[writer]++
		if total++; e.Pos == l.Health().Last {
			break
		}
	}
	if total < atLeast || total > atLeast+unacked {
		t.Errorf("%d records, want from %d to %d", total, atLeast, atLeast+unacked)
	}
	if d := l.Health().Damaged; d != 0 {
		t.Errorf("%d records counted as damaged after a kill", d)
	}
}

func TestSecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	defer func() { _ = l.Close() }()
	second := child(t, dir, 0)
	defer time.AfterFunc(20*time.Second, func() { _ = second.Process.Kill() }).Stop()
	out, err := second.CombinedOutput()
	out = out[:min(len(out), 500)]
	want := fmt.Sprintf("data directory %s is in use by another process", dir)
	if err == nil || !strings.Contains(string(out), want) {
		t.Errorf("second process: %v, %q; want %q", err, out, want)
	}
	if _, err := Open(dir, Options{}); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("second Open: %v; want %q", err, want)
	}
}
