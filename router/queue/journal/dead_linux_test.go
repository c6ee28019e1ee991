package journal

import (
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hookrouter/hookrouter/router/queue"
)

// breakSync lets the file accept writes that go nowhere and fail each sync with EINVAL: its descriptor becomes that
// of /dev/null. What was written before stays on disk.
func breakSync(t *testing.T, f *os.File) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = null.Close() }()
	if err := unix.Dup3(int(null.Fd()), int(f.Fd()), 0); err != nil {
		t.Fatal(err)
	}
}

func newestSegment(l *Log) *segment {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.segments[len(l.segments)-1]
}

// TestFailedSync: the append that met the failed sync gets the error, the segment is left for a new one, and what
// was written without an ack does not count, even when it turns up on disk.
func TestFailedSync(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	want := []queue.Entry{appendTest(t, l, "first"), appendTest(t, l, "second")}
	dead, end, seq, synced := newestSegment(l), l.out.off, l.seq, l.synced
	breakSync(t, l.out.file)
	if _, err := l.Append(t.Context(), queue.Record("lost")); err == nil || !strings.Contains(err.Error(), "sync") {
		t.Fatalf("append with a failed sync: %v", err)
	}
	want = append(want, appendTest(t, l, "third"))
	if s := newestSegment(l); s.number != 2 || l.Health().Refusing != nil {
		t.Errorf("segment %d, health %+v; want the second, not refusing", s.number, l.Health())
	}
	checkEntries(t, l, want)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	writeGhost(t, dead, end, seq, synced)
	l = openTest(t, dir)
	defer func() { _ = l.Close() }()
	checkEntries(t, l, want)
	if d := l.Health().Damaged; d != 0 {
		t.Errorf("%d records counted as damaged", d)
	}
}

// writeGhost puts the write whose sync failed into the file after all.
func writeGhost(t *testing.T, s *segment, at int64, seq, synced uint64) {
	t.Helper()
	f, err := os.OpenFile(s.path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	b := appendBatch(nil, s.seed, seq+1, synced)
	b = appendItem(b, s.seed, seq+2, kindRecord, []byte("lost"))
	if _, err := f.WriteAt(b, at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestNoNewSegment: when a sync fails and no new segment can be made, because the directory is out of reach, appends
// fail at once and what is stored can be read; they go on when the directory is back.
func TestNoNewSegment(t *testing.T) {
	dir := t.TempDir() + "/journal"
	l := openTest(t, dir)
	defer func() { _ = l.Close() }()
	want := []queue.Entry{appendTest(t, l, "first")}
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	breakSync(t, l.out.file)
	for i := range 3 {
		if _, err := l.Append(t.Context(), queue.Record("lost")); err == nil {
			t.Fatalf("append %d is acknowledged", i)
		}
		if l.Health().Refusing == nil {
			t.Fatal("health does not say that appends are refused")
		}
	}
	checkEntries(t, l, want)
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	p, err := l.Append(t.Context(), queue.Record("second"))
	for deadline := time.Now().Add(20 * time.Second); err != nil; p, err = l.Append(t.Context(), queue.Record("second")) {
		if time.Now().After(deadline) {
			t.Fatalf("still refusing: %v", err)
		}
		time.Sleep(10 * time.Millisecond) // a new segment is tried once a second
	}
	checkEntries(t, l, append(want, queue.Entry{Pos: p, Record: queue.Record("second")}))
	if h := l.Health(); h.Refusing != nil {
		t.Errorf("health %+v, want not refusing", h)
	}
}
