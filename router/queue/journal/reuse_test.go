package journal

import (
	"bytes"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/hookrouter/hookrouter/router/queue"
)

// TestReusedFilesHoldNoGhosts: freed segments are used again, and what they held before is never read, whether the
// journal was closed or crashed.
func TestReusedFilesHoldNoGhosts(t *testing.T) {
	dir := t.TempDir()
	l := openTest(t, dir)
	var all []queue.Entry
	for n := 0; l.Health().First < position(12, 0); n++ {
		r := childRecord("w", n)
		p, err := l.Append(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, queue.Entry{Pos: p, Record: r})
		if segmentOf(p) > 2 {
			if err := l.Trim(t.Context(), position(segmentOf(p)-1, 0)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for len(all) > 0 && all[0].Pos < l.Health().First {
		all = all[1:]
	}
	crashed := t.TempDir()
	copySegments(t, dir, crashed)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(dir + "/*")
	if err != nil || len(files) > 3+maxSpares+2 {
		t.Errorf("%d files for 2 segments: freed ones are not used again (%v)", len(files), err)
	}
	for _, d := range []string{dir, crashed} {
		l = openTest(t, d)
		checkEntries(t, l, all)
		if n := l.Health().Damaged; n != 0 {
			t.Errorf("%d records counted as damaged", n)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestFreedWhileRead: the file of a trimmed segment is not written to while somebody still reads it.
func TestFreedWhileRead(t *testing.T) {
	dir := t.TempDir()
	l, err := Open(dir, Options{SegmentSize: 1 << 20}) // more than a reader takes at once
	if err != nil {
		t.Fatal(err)
	}
	appendMuch := func() {
		for i := range 40 {
			appendTest(t, l, string(bytes.Repeat([]byte{byte('a' + i%26)}, 100<<10)))
		}
	}
	appendMuch()
	if err := l.Close(); err != nil { // nothing is in memory after this
		t.Fatal(err)
	}
	if l, err = Open(dir, Options{SegmentSize: 1 << 20}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	seen := 0
	for e, err := range l.Read(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if segmentOf(e.Pos) > 1 {
			break
		}
		if seen++; seen == 1 {
			if err := l.Trim(t.Context(), l.Health().Last); err != nil {
				t.Fatal(err)
			}
			appendMuch()
		}
	}
	if d := l.Health().Damaged; seen < 5 || d != 0 {
		t.Errorf("%d records of the first segment, %d damaged; want all of them and none", seen, d)
	}
}

// TestPayloadThatLooksLikeItems: whole items of another segment and headers made up in a payload are not taken for
// items, although a search goes through all of them.
func TestPayloadThatLooksLikeItems(t *testing.T) {
	im := newImage(itemsStart + 32<<10)
	rnd := rand.New(rand.NewPCG(5, 6))
	payload := bytes.Clone(im.data[itemsStart:])
	for len(payload) < 128<<10 {
		fake := appendItemHeader(nil, rnd.Uint32(), 1<<40, kindRecord, make([]byte, 60<<10))
		payload = append(payload, fake...)
	}
	dir := t.TempDir()
	l := openTest(t, dir)
	want := []queue.Entry{appendTest(t, l, "before")}
	hostile := appendTest(t, l, string(payload))
	want = append(want, appendTest(t, l, "after"))
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	garble(t, dir, 1, offsetOf(hostile.Pos))
	l = openTest(t, dir)
	defer func() { _ = l.Close() }()
	checkEntries(t, l, want)
	if d := l.Health().Damaged; d != 1 {
		t.Errorf("%d records counted as damaged, want 1", d)
	}
}

// TestReaderThatLags: what left the memory is read from files, and the reader comes back to memory at the end.
func TestReaderThatLags(t *testing.T) {
	l, err := Open(t.TempDir(), Options{SegmentSize: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	const n = 200
	size := 2 * tailBytes / n
	appendTest(t, l, string(bytes.Repeat([]byte{0}, size)))
	seen := 0
	for e, err := range l.Read(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if want := bytes.Repeat([]byte{byte(seen)}, size); !bytes.Equal(e.Record, want) {
			t.Fatalf("record %d is another", seen)
		}
		if seen++; seen == n {
			break
		}
		for i := seen; seen == 1 && i < n; i++ { // all the others while it stands at the first
			appendTest(t, l, string(bytes.Repeat([]byte{byte(i)}, size)))
		}
	}
}
