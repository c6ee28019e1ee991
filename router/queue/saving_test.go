package queue

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/hookrouter/hookrouter/event"
)

// slowSnapshot is one that is written a little at a time, while records come.
type slowSnapshot struct {
	file bytes.Buffer
	want [32]byte // hash of the state when it began
	rows rowBlock
	keys keyBlock
	more bool // rows
}

// save begins a snapshot, goes on with it, or ends it and looks whether it is what was there when it began.
func (h *life) save() {
	w := h.slow
	if w == nil {
		w = &slowSnapshot{want: h.s.hash(0), more: true}
		h.slow = w
		head := h.s.save()
		w.file.WriteString(snapshotMagic)
		h.must(writeBlock(&w.file, append(binary.AppendUvarint(newBlock(nil, blockHead), 9), head...)))
		return
	}
	look := rapid.IntRange(1, 8).Draw(h.t, "look")
	if w.more {
		w.more = h.s.saveRows(&w.rows, look)
		h.must(w.rows.writeFull(&w.file, !w.more))
		return
	}
	more := h.s.saveKeys(&w.keys, look)
	h.must(w.keys.writeFull(&w.file, !more))
	if more {
		return
	}
	h.must(writeBlock(&w.file, newBlock(nil, blockEnd)))
	h.s.saved()
	h.slow = nil
	back := thawedFrom(h.t, func(to io.Writer) error { _, err := w.file.WriteTo(to); return err })
	if back.hash(0) != w.want {
		h.t.Fatalf("the snapshot is not what was there when it began:\n%s", dump(back))
	}
}

func (h *life) must(err error) {
	if err != nil {
		h.t.Fatal(err)
	}
}

// TestLargeSnapshot: more rows and keys than a block holds, some with keys of their own, with holes, and changed while
// they are written.
func TestLargeSnapshot(t *testing.T) {
	const n = 5*chunkLen + 100
	s := newState()
	add := func(i int) {
		r := record{kind: kindEvent, time: at(i), event: event.Event{
			ID: keyOf(i), Source: "cms", ReceivedAt: at(i), DedupeKey: fmt.Sprint(i), DedupeFor: time.Hour,
		}}
		d := rowData{Delivery: event.Delivery{
			ID: keyOf(-i - 1), Event: r.event.ID, Route: "r", Destination: "d", Created: at(i), Due: at(-i), State: event.Pending,
		}}
		if i%10 == 0 {
			d.Coalesce = event.Coalesce{Key: fmt.Sprint(i), Wait: time.Minute}
		}
		r.rows = []rowData{d}
		s.apply(&r, Pos(i+1))
	}
	end := func(i int) {
		if r := s.table.find(keyOf(-i - 1)); r != 0 {
			d := s.data(r, s.table.row(r), s.keys[r])
			s.apply(&record{kind: kindChange, time: at(n + i), verb: verbCancel, rows: []rowData{d}}, Pos(n+i+1))
		}
	}
	for i := range n {
		add(i)
	}
	for i := 0; i < n; i += 3 {
		end(i)
	}
	want := s.hash(0)
	head := s.save()
	turn := 0
	name := filepath.Join(t.TempDir(), "snapshot")
	err := writeSnapshot(name, func(w io.Writer) error {
		return s.write(w, head, 9, func(f func()) {
			for i := turn; i < n; i += 7 {
				end(i)
				add(2*n + i*7 + turn)
			}
			turn++
			f()
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	s.saved()
	back, _, err := readSnapshot(name)
	if err != nil {
		t.Fatal(err)
	}
	if back.hash(0) != want {
		t.Error("the snapshot is not what was there when it began")
	}
	for i := 1; i < len(back.lane(back.name("d")).heap); i++ {
		if l := back.lane(back.name("d")); back.before(l.heap[i], l.heap[(i-1)/2]) {
			t.Fatal("heap is out of order")
		}
	}
}

// TestCutSnapshotIsRefused: wherever a file ends too early, or goes on with its own blocks, it is no snapshot.
func TestCutSnapshotIsRefused(t *testing.T) {
	s := newState()
	for i, rec := range manyRecords(chunkLen + 10) {
		var r record
		if err := r.decode(rec, false); err != nil {
			t.Fatal(err)
		}
		s.apply(&r, Pos(i+1))
	}
	var whole bytes.Buffer
	head := s.save()
	if err := s.write(&whole, head, 9, func(f func()) { f() }); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "snapshot")
	refused := func(what string, b []byte) {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := readSnapshot(name); err == nil {
			t.Errorf("%s is taken", what)
		}
	}
	blocks := []int{len(snapshotMagic)}
	for at := blocks[0]; at < whole.Len(); {
		at += blockHeader + int(binary.LittleEndian.Uint32(whole.Bytes()[at:]))
		blocks = append(blocks, at)
	}
	for i, at := range blocks[:len(blocks)-1] {
		b := whole.Bytes()
		refused(fmt.Sprint("cut before block ", i), b[:at])
		refused(fmt.Sprint("cut in block ", i), b[:at+blockHeader])
		refused(fmt.Sprint("block twice ", i), slices.Concat(b[:blocks[i+1]], b[at:]))
		refused(fmt.Sprint("without block ", i), slices.Concat(b[:at], b[blocks[i+1]:]))
	}
}

// TestShortRecordsMakeASnapshotDue: a start applies no more records than so many, however few bytes they have.
func TestShortRecordsMakeASnapshotDue(t *testing.T) {
	var s snapshots
	s.set(1, at(0), amount{bytes: 10, records: 5})
	due := func(applied amount) bool { return s.due(1<<20, time.Hour, at(1), 2, applied) }
	if due(amount{bytes: 1 << 19, records: snapshotRecords}) {
		t.Error("due before there is much")
	}
	if !due(amount{bytes: 1 << 19, records: snapshotRecords + 5}) || !due(amount{bytes: 1<<20 + 10, records: 9}) {
		t.Error("not due when there is")
	}
}
