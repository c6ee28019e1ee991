package journal

import (
	"bytes"
	"os"
	"testing"

	"github.com/hookrouter/hookrouter/router/queue"
	"github.com/hookrouter/hookrouter/router/queue/logtest"
)

const testSegment = 256 << 10

func openTest(t *testing.T, dir string) *Log {
	t.Helper()
	l, err := Open(dir, Options{SegmentSize: testSegment})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestConformance(t *testing.T) {
	logtest.Run(t, func(t *testing.T, dir string) queue.Log { return openTest(t, dir) })
}

func TestCrash(t *testing.T) {
	logtest.Crash(t, logtest.Engine{
		Open:   func(t *testing.T, dir string) queue.Log { return openTest(t, dir) },
		Copy:   copySegments,
		Newest: newest,
	}, 50)
}

// copySegments copies oldest first: what a newer one says of an older is true of the copy then, or was not yet.
func copySegments(t *testing.T, from, to string) {
	t.Helper()
	numbers, _, err := list(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range numbers {
		b, err := os.ReadFile(segmentPath(from, n))
		if err == nil {
			err = os.WriteFile(segmentPath(to, n), b, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func newest(t *testing.T, dir string) (file string, first, end int64) {
	t.Helper()
	numbers, _, err := list(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := openSegment(dir, numbers[len(numbers)-1])
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.file.Close() }()
	f, err := s.examine()
	if err != nil {
		t.Fatal(err)
	}
	return s.path, itemsStart, f.end
}

func appendTest(t *testing.T, l *Log, text string) queue.Entry {
	t.Helper()
	p, err := l.Append(t.Context(), queue.Record(text))
	if err != nil {
		t.Fatal(err)
	}
	return queue.Entry{Pos: p, Record: queue.Record(text)}
}

func checkEntries(t *testing.T, l *Log, want []queue.Entry) {
	t.Helper()
	i := 0
	for e, err := range l.Read(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if i >= len(want) || e.Pos != want[i].Pos || !bytes.Equal(e.Record, want[i].Record) {
			t.Fatalf("record %d is %.20q at %d", i, e.Record, e.Pos)
		}
		if i++; e.Pos == l.Health().Last {
			break
		}
	}
	if i != len(want) {
		t.Fatalf("%d records, want %d", i, len(want))
	}
}
