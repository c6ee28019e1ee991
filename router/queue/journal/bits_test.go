package journal

import (
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestEachBitFlipped flips each bit of a segment's items, one after the other. Only the item with the bit goes, in its
// padding not even that; nothing else is ever read.
func TestEachBitFlipped(t *testing.T) {
	im := newImage(itemsStart + 64<<10)
	mem := make([]byte, len(im.data))
	hit := 0
	for off := itemsStart; off < len(im.data); off++ {
		for im.items[hit].end() <= int64(off) {
			hit++
		}
		for bit := range 8 {
			if underRace && bit != off%8 { // it takes twelve times as long then
				continue
			}
			im.data[off] ^= 1 << bit
			checkAround(t, im, mem, off, off, hit, hit)
			im.data[off] ^= 1 << bit
		}
	}
}

// TestLongBursts flips two to sixteen bits that lie close together, anywhere.
func TestLongBursts(t *testing.T) {
	bursts := 20_000
	if os.Getenv("HOOKROUTER_LONG") != "" {
		bursts = 1_000_000
	}
	im := newImage(itemsStart + 64<<10)
	mem := make([]byte, len(im.data))
	seed := rand.Uint64()
	rnd := rand.New(rand.NewPCG(seed, 7))
	for range bursts {
		width := 2 + rnd.IntN(15)
		burst := uint32(rnd.IntN(1<<width)) | 1 | 1<<(width-1)
		at := rnd.IntN((len(im.data)-itemsStart)*8-width) + itemsStart*8
		flip := func() {
			for i := range bits.Len32(burst) {
				if burst>>i&1 != 0 {
					im.data[(at+i)/8] ^= 1 << ((at + i) % 8)
				}
			}
		}
		from, to := at/8, (at+width-1)/8
		first := im.holding(from)
		flip()
		checkAround(t, im, mem, from, to, first, im.holding(to))
		flip()
		if t.Failed() {
			t.Fatalf("seed %d: burst %b at bit %d", seed, burst, at)
		}
	}
}

// holding is the item that an offset is in.
func (im *image) holding(off int) int {
	return slices.IndexFunc(im.items, func(it item) bool { return it.end() > int64(off) })
}

// checkAround reads the items around a damage from byte from to byte to, in the items first to last, and wants all but
// those of them that are more than padding.
func checkAround(t *testing.T, im *image, mem []byte, from, to, first, last int) {
	t.Helper()
	begin, end := max(0, first-1), min(last+2, len(im.items))
	var want []item
	for i := begin; i < end; i++ {
		it := im.items[i]
		body := it.off + itemHeader + int64(len(it.body))
		if i < first || i > last || int64(from) >= body && i == first || int64(to) < it.off {
			want = append(want, it)
		}
	}
	got := decode(t, im.data[:im.items[end-1].end()], im.head, im.items[begin].off, im.items[begin].seq-1, mem)
	if !equalItems(got, want) {
		t.Errorf("damage from %d to %d: %d items read, want %d", from, to, len(got), len(want))
	}
}

// TestEachHeaderBitFlipped flips each bit of either copy of a segment's header: the other copy is read.
func TestEachHeaderBitFlipped(t *testing.T) {
	im := newImage(itemsStart + 1<<10)
	copy(im.data, im.head.encode())
	copy(im.data[headerCopy:], im.head.encode())
	path := filepath.Join(t.TempDir(), "00000001"+segmentSuffix)
	for _, at := range []int{0, headerCopy} {
		for bit := range headerSize * 8 {
			im.data[at+bit/8] ^= 1 << (bit % 8)
			if err := os.WriteFile(path, im.data, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := openSegment(filepath.Dir(path), 1)
			if err != nil {
				t.Fatal(err)
			}
			if s.bad || s.head != im.head {
				t.Fatalf("bit %d of the copy at %d: header %+v, bad %v", bit, at, s.head, s.bad)
			}
			_ = s.file.Close()
			im.data[at+bit/8] ^= 1 << (bit % 8)
		}
	}
}
