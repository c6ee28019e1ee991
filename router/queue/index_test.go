package queue

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"
)

func keyOf(n int) (k [16]byte) {
	sum := sha256.Sum256(binary.AppendVarint(nil, int64(n)))
	copy(k[:], sum[:])
	return k
}

// TestIndex: it finds what a map finds, whatever came and went.
func TestIndex(t *testing.T) {
	const keys = 6000
	var x index
	x.key = func(r ref) *[16]byte { k := keyOf(int(r)); return &k }
	in := map[ref]bool{}
	random := rand.New(rand.NewPCG(1, 2))
	for range 40_000 {
		r := ref(random.IntN(keys) + 1)
		k := keyOf(int(r))
		if got := x.find(&k); (got == r) != in[r] || got != 0 && got != r {
			t.Fatalf("found %d for %d, which is there: %v", got, r, in[r])
		}
		if in[r] {
			x.leave(r)
		} else {
			x.enter(r)
		}
		in[r] = !in[r]
	}
	for r, there := range in {
		k := keyOf(int(r))
		if (x.find(&k) == r) != there {
			t.Fatalf("%d is there: %v", r, there)
		}
	}
}

// TestDedupeForgets: a key is known to the end of its window, not much longer, and what is forgotten leaves no memory
// behind.
func TestDedupeForgets(t *testing.T) {
	var d dedupe
	d.init()
	begun := at(0)
	know := func(n int, now time.Time) (ref, Pos) { return d.find(keyOf(n), now.UnixNano()) }
	const keys = 20_000
	for round := range 3 {
		now := begun.Add(time.Duration(round) * time.Hour)
		for i := range keys {
			old, pos := know(i, now)
			if pos != 0 {
				t.Fatalf("round %d: key %d is known from the round before", round, i)
			}
			d.remember(old, keyOf(i), Pos(round*keys+i+1), second(now.Add(time.Duration(i%600)*time.Second).UnixNano()))
			d.purge(now.UnixNano())
		}
		for i := range keys {
			until := now.Add(time.Duration(i%600) * time.Second)
			if _, pos := know(i, until); pos != Pos(round*keys+i+1) {
				t.Fatalf("round %d: key %d at its end: %d", round, i, pos)
			}
			if _, pos := know(i, until.Add(time.Second)); pos != 0 {
				t.Fatalf("round %d: key %d after its end: %d", round, i, pos)
			}
		}
		for range 2 * keys {
			d.purge(now.Add(30 * time.Minute).UnixNano())
		}
		if d.count != 0 || len(d.buckets) != 0 || d.entries.used > keys {
			t.Fatalf("round %d: %d keys, %d buckets, %d entries are left", round, d.count, len(d.buckets), d.entries.used)
		}
	}
}
