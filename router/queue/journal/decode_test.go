package journal

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
)

// image is a segment in memory: some writes of some records each.
type image struct {
	data  []byte
	head  header
	items []item
}

func newImage(size int) *image {
	rnd := rand.New(rand.NewPCG(1, 2))
	im := &image{head: header{incarnation: 0x0123456789abcdef, number: 1, first: 100, counts: 99}}
	im.data = append(im.data, make([]byte, itemsStart)...)
	seq := im.head.first
	put := func(k kind, body []byte) {
		off := int64(len(im.data))
		im.data = appendItem(im.data, im.head.seed(), seq, k, body)
		im.items = append(im.items, item{off: off, seq: seq, kind: k, body: body})
		seq++
	}
	for len(im.data) < size {
		before := seq - 1
		put(kindBatch, appendBatch(nil, 0, 0, before)[itemHeader:])
		for range 1 + rnd.IntN(12) {
			put(kindRecord, randomBytes(rnd, rnd.IntN(700)))
		}
	}
	return im
}

func randomBytes(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// decode returns the items of data from a place on, the item before which has sequence seq. Their bodies lie in mem
// when data fits in there.
func decode(t testing.TB, data []byte, h header, from int64, seq uint64, mem []byte) (items []item) {
	s := scanner{
		src: bytes.NewReader(data), seed: h.seed(), off: from, end: int64(len(data)), seq: seq, limit: anything,
		ahead: len(data), win: mem[:0],
	}
	for {
		it, err := s.next()
		if errors.Is(err, io.EOF) {
			return items
		}
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, it)
	}
}

func equalItems(got, want []item) bool {
	return slices.EqualFunc(got, want, func(a, b item) bool {
		return a.off == b.off && a.seq == b.seq && a.kind == b.kind && bytes.Equal(a.body, b.body)
	})
}

// TestTornAtEachOffset damages each of the last 65,536 offsets in every way and wants exactly the whole items. Items
// long before the damage, which are read the same each time, are left out.
func TestTornAtEachOffset(t *testing.T) {
	im := newImage(itemsStart + 66<<10)
	rnd := rand.New(rand.NewPCG(3, 4))
	zeroed, garbled := bytes.Clone(im.data), bytes.Clone(im.data)
	mem := make([]byte, len(im.data))
	hit := len(im.items) - 1 // the item that the damage begins in
	for off := len(im.data) - 1; off >= len(im.data)-65536; off-- {
		for im.items[hit].off > int64(off) {
			hit--
		}
		first := max(0, hit-2)
		from, seq := im.items[first].off, im.items[first].seq-1
		want := im.items[first:hit]
		padding := im.items[hit].off+itemHeader+int64(len(im.items[hit].body)) <= int64(off)
		if padding {
			want = im.items[first : hit+1]
		}
		check := func(damage string, data []byte, want []item) {
			t.Helper()
			if got := decode(t, data, im.head, from, seq, mem); !equalItems(got, want) {
				t.Fatalf("%s at %d: %d items, want %d", damage, off, len(got), len(want))
			}
		}
		check("truncated", im.data[:off], want)
		end := len(im.data)
		zeroed[off], garbled[off] = 0, im.data[off]^byte(1+rnd.IntN(255))
		if off%64 != 0 { // the rest of the fill says little: in most cases some of it will do
			end = min(end, int(im.items[hit].end())+256)
		}
		intact := im.items[hit].end() // what is zero anyway is not damaged by zeros
		check("garbled", garbled[:end], want)
		if bytes.Equal(zeroed[off:intact], im.data[off:intact]) {
			check("zeroed", zeroed[:end], im.items[first:hit+1])
		} else {
			check("zeroed", zeroed[:end], want)
		}
		near := im.items[min(hit+4, len(im.items)-1)].end()
		im.data[off] ^= 1 << (off % 8)
		check("flipped", im.data[:near], slices.Concat(want, im.items[hit+1:min(hit+5, len(im.items))]))
		im.data[off] ^= 1 << (off % 8)
	}
}

func TestSectorThatCannotBeRead(t *testing.T) {
	im := newImage(itemsStart + 66<<10)
	bad := int64(itemsStart + 32<<10)
	s := scanner{
		src: badSector{bytes.NewReader(im.data), bad}, seed: im.head.seed(), off: itemsStart, end: int64(len(im.data)),
		seq: im.head.first - 1, limit: anything, ahead: window,
	}
	var got, want []item
	for it, err := s.next(); !errors.Is(err, io.EOF); it, err = s.next() {
		if err != nil {
			t.Fatal(err)
		}
		it.body = bytes.Clone(it.body)
		got = append(got, it)
	}
	for _, it := range im.items {
		if it.end() <= bad || it.off >= bad+sector {
			want = append(want, it)
		}
	}
	if !equalItems(got, want) || !s.lost {
		t.Errorf("%d items, lost %t; want the %d outside of the sector", len(got), s.lost, len(want))
	}
}

// badSector cannot read what overlaps one sector.
type badSector struct {
	io.ReaderAt
	at int64
}

func (b badSector) ReadAt(p []byte, off int64) (int, error) {
	if off < b.at+sector && off+int64(len(p)) > b.at {
		return 0, errors.New("input/output error")
	}
	return b.ReaderAt.ReadAt(p, off)
}

func TestFileOutOfReach(t *testing.T) {
	cause := errors.New("input/output error")
	s := scanner{src: outOfReach{cause}, end: 1 << 20, off: itemsStart, limit: anything, ahead: window}
	if _, err := s.next(); !errors.Is(err, cause) {
		t.Errorf("next = %v, want %v: a file that cannot be read at all is not damage", err, cause)
	}
}

type outOfReach struct{ error }

func (o outOfReach) ReadAt([]byte, int64) (int, error) { return 0, o.error }

// FuzzDecode feeds the decoder with anything: what it accepts must be in the data, in order, and encode to the
// same bytes.
func FuzzDecode(f *testing.F) {
	im := newImage(itemsStart + 2<<10)
	f.Add(im.data[itemsStart:])
	f.Add(im.data[itemsStart+8:])
	f.Add(append(bytes.Clone(im.data[itemsStart:itemsStart+200]), make([]byte, 300)...))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		data := append(make([]byte, itemsStart), b...)
		end, seq := int64(itemsStart), im.head.first-1
		for _, it := range decode(t, data, im.head, itemsStart, im.head.first-1, nil) {
			if it.off < end || it.seq <= seq || it.gap != 0 && it.gap != it.seq-seq-1 {
				t.Fatalf("item %d at %d after %d, %d", it.seq, it.off, seq, end)
			}
			again := appendItem(nil, im.head.seed(), it.seq, it.kind, it.body)
			if n := itemHeader + len(it.body); !bytes.Equal(again[:n], data[it.off:it.off+int64(n)]) {
				t.Fatalf("item at %d is not what it was read from", it.off)
			}
			end, seq = it.end(), it.seq
		}
		if _, err := decodeHeader(b); err == nil && len(b) < headerSize {
			t.Fatal("a header out of too few bytes")
		}
	})
}

// TestOlderItemsDoNotCount: an item whose sequence is not higher than the last is what an earlier write left.
func TestOlderItemsDoNotCount(t *testing.T) {
	im := newImage(itemsStart + 4<<10)
	old := im.items[2]
	data := append(bytes.Clone(im.data), im.data[old.off:old.end()]...)
	if got := decode(t, data, im.head, itemsStart, im.head.first-1, nil); !equalItems(got, im.items) {
		t.Errorf("%d items, want %d", len(got), len(im.items))
	}
}
