package queue

import (
	"crypto/sha256"
	"time"
)

// dedupe is the filter of known events: from a hash of source and key to the first event's position. What it names
// is checked against the record, but for two events that were on their way at once.
type dedupe struct {
	known map[dedupeKey]dedupeEntry
	// buckets holds the keys by the minute in which they end, so that old ones can be dropped a few at a time.
	buckets map[int64][]dedupeKey
	first   int64 // no bucket is before; 0 when there is none
}

type dedupeKey [16]byte

type dedupeEntry struct {
	pos   Pos
	until int64
}

// purgeStep bounds the keys dropped per record, so that no record pays for a whole minute.
const purgeStep = 16

func newDedupe() dedupe {
	return dedupe{known: map[dedupeKey]dedupeEntry{}, buckets: map[int64][]dedupeKey{}}
}

func hashKey(source, key string) (k dedupeKey) {
	var b [256]byte
	text := append(b[:0], source...)
	text = append(text, 0)
	text = append(text, key...)
	sum := sha256.Sum256(text)
	copy(k[:], sum[:])
	return k
}

// find gives the entry for k when its window is not over at now.
func (d *dedupe) find(k dedupeKey, now int64) (Pos, bool) {
	e, ok := d.known[k]
	return e.pos, ok && e.until >= now
}

func (d *dedupe) remember(k dedupeKey, pos Pos, until int64) {
	d.known[k] = dedupeEntry{pos, until}
	b := until / int64(time.Minute)
	d.buckets[b] = append(d.buckets[b], k)
	if d.first == 0 || b < d.first {
		d.first = b
	}
}

// purge drops some of what ended before now. How much is left is not part of the state: find looks at the time.
func (d *dedupe) purge(now int64) {
	if d.first == 0 || d.first >= now/int64(time.Minute) {
		return
	}
	keys := d.buckets[d.first]
	for i := 0; i < purgeStep && len(keys) > 0; i++ {
		k := keys[len(keys)-1]
		keys = keys[:len(keys)-1]
		if e, ok := d.known[k]; ok && e.until < now {
			delete(d.known, k)
		}
	}
	if len(keys) > 0 {
		d.buckets[d.first] = keys
		return
	}
	delete(d.buckets, d.first)
	d.first = 0
	for b := range d.buckets {
		if d.first == 0 || b < d.first {
			d.first = b
		}
	}
}
