package journal

import (
	"bytes"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
)

// threeSegments makes a journal that is closed and has at least three segments.
func threeSegments(t *testing.T) (dir string, all []queue.Entry) {
	t.Helper()
	dir = t.TempDir()
	l := openTest(t, dir)
	for n := 0; l.number < 3; n++ {
		r := childRecord("w", n)
		p, err := l.Append(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, queue.Entry{Pos: p, Record: r})
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir, all
}

// garble changes one byte of a segment.
func garble(t *testing.T, dir string, segment uint32, offsets ...int64) {
	t.Helper()
	path := segmentPath(dir, segment)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, off := range offsets {
		b[off] ^= 1
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func without(all []queue.Entry, gone ...int) (left []queue.Entry) {
	for i, e := range all {
		if !slices.Contains(gone, i) {
			left = append(left, e)
		}
	}
	return left
}

// TestDamageInTheMiddle: a garbled record that was synced is skipped, counted once, and left where it is.
func TestDamageInTheMiddle(t *testing.T) {
	dir, all := threeSegments(t)
	hit := all[10]
	garble(t, dir, segmentOf(hit.Pos), offsetOf(hit.Pos)+itemHeader)
	before, _ := os.ReadFile(segmentPath(dir, 1))
	l := openTest(t, dir)
	for range 2 {
		checkEntries(t, l, without(all, 10))
		if d := l.Health().Damaged; d != 1 {
			t.Errorf("%d records counted as damaged, want 1", d)
		}
	}
	_, err := l.At(t.Context(), hit.Pos)
	if !errors.Is(err, queue.ErrNotFound) || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("At of the damaged record: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.ReadFile(segmentPath(dir, 1)); !bytes.Equal(before, after) {
		t.Error("the damaged segment was written to")
	}
}

// TestDamageAtTheEnds: the last record of a full segment, and the last of the journal once it is known to be synced.
func TestDamageAtTheEnds(t *testing.T) {
	dir, all := threeSegments(t)
	end := slices.IndexFunc(all, func(e queue.Entry) bool { return segmentOf(e.Pos) == 2 }) - 1
	last := len(all) - 1
	garble(t, dir, 1, offsetOf(all[end].Pos)+3)
	garble(t, dir, 3, offsetOf(all[last].Pos)+3)
	l := openTest(t, dir)
	defer func() { _ = l.Close() }()
	left := append(without(all, end, last), appendTest(t, l, "more"))
	checkEntries(t, l, left)
	if d := l.Health().Damaged; d != 2 {
		t.Errorf("%d records counted as damaged, want 2", d)
	}
}

// TestHeaderDamage: one copy of a header is enough; without both nothing in the segment can be trusted, and the
// others are read all the same, whichever segment it is.
func TestHeaderDamage(t *testing.T) {
	for segment := range uint32(3) {
		segment++
		dir, all := threeSegments(t)
		garble(t, dir, segment, 20)
		l := openTest(t, dir)
		checkEntries(t, l, all)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		garble(t, dir, segment, headerCopy+20)
		l = openTest(t, dir)
		left := slices.DeleteFunc(all, func(e queue.Entry) bool { return segmentOf(e.Pos) == segment })
		left = append(left, appendTest(t, l, "more"))
		checkEntries(t, l, left)
		if d := l.Health().Damaged; d != 1 {
			t.Errorf("segment %d: %d counted as damaged, want 1", segment, d)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = openTest(t, dir)
		checkEntries(t, l, append(left, appendTest(t, l, "and more")))
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMissingSegment(t *testing.T) {
	dir, all := threeSegments(t)
	if err := os.Remove(segmentPath(dir, 2)); err != nil {
		t.Fatal(err)
	}
	l := openTest(t, dir)
	defer func() { _ = l.Close() }()
	checkEntries(t, l, slices.DeleteFunc(all, func(e queue.Entry) bool { return segmentOf(e.Pos) == 2 }))
	if d := l.Health().Damaged; d != 1 {
		t.Errorf("%d counted as damaged, want 1", d)
	}
}

// TestHoleInTheLastWrite: of a write whose sync nobody saw, a middle part may be missing. That is no damage, not
// even later when more was appended, and what is whole stays.
func TestHoleInTheLastWrite(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	first := appendTest(t, l, "first")
	last, err := l.Append(t.Context(), queue.Record("one"), queue.Record("two"), queue.Record("three"))
	if err != nil {
		t.Fatal(err)
	}
	crashed := t.TempDir() // without the mark that Close writes
	copySegments(t, dir, crashed)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	size := queue.Pos(itemSize(3))
	garble(t, crashed, 1, offsetOf(last-size)+itemHeader, offsetOf(last-size))
	want := []queue.Entry{
		first, {Pos: last - 2*size, Record: queue.Record("one")}, {Pos: last, Record: queue.Record("three")},
	}
	for range 3 {
		l := openTest(t, crashed)
		want = append(want, appendTest(t, l, "more"))
		checkEntries(t, l, want)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		l = openTest(t, crashed)
		checkEntries(t, l, want)
		if d := l.Health().Damaged; d != 0 {
			t.Errorf("%d records counted as damaged", d)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNewerVersionIsLeftAlone: no byte of the directory changes.
func TestNewerVersionIsLeftAlone(t *testing.T) {
	dir, _ := threeSegments(t)
	path := segmentPath(dir, 3)
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	b[8] = version + 1
	sealHeader(b)
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	before := snapshot(t, dir)
	_, err = Open(dir, Options{SegmentSize: testSegment})
	want := "format version 2, this program reads version 1: written by a newer version"
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Fatalf("Open: %v; want %q", err, want)
	}
	if after := snapshot(t, dir); !slices.Equal(before, after) {
		t.Errorf("files before %q, after %q", before, after)
	}
}

// snapshot is the names, sizes, times and contents of the files in dir.
func snapshot(t *testing.T, dir string) (files []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			t.Fatal(err)
		}
		b, err := os.ReadFile(dir + "/" + e.Name())
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, e.Name(), info.ModTime().Format(time.RFC3339Nano), string(b))
	}
	return files
}
