package queue

import (
	"crypto/sha256"
	"maps"
	"math"
	"slices"
	"time"
)

// dedupe is the filter of known events: from a hash of source and key to the first event's position. What it names
// is checked against the record, but for two events that were on their way at once.
type dedupe struct {
	entries chunks[dedupeEntry]
	keys    index
	free    ref // chained by next
	count   int
	// buckets are the entries by when they end, bucketTime each, so that old ones can be dropped a few at a time.
	buckets map[int64]bucket
	first   int64 // no bucket is before; 0 when there is none

	saved map[ref]dedupeEntry // what changed since a snapshot began, as it was; nil when none is in the making
}

type dedupeKey [16]byte

// dedupeEntry is 32 bytes; a free one has no pos.
type dedupeEntry struct {
	key   dedupeKey
	pos   Pos
	until uint32 // the second, since 1970, in which its window ends; it counts to the end of that
	next  ref    // in its bucket, or of the free ones
}

// bucket is a list of entries, none of which is of a record before low.
type bucket struct {
	head ref
	low  Pos
}

const (
	bucketTime = 10 // seconds
	purgeStep  = 16 // keys dropped per record at most, so that no record pays for a whole bucket
)

func (d *dedupe) init() {
	d.keys.key = func(r ref) *[16]byte { return (*[16]byte)(&d.entries.at(r).key) }
	d.buckets = map[int64]bucket{}
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

// second is a time as entries hold it.
func second(nanos int64) uint32 {
	return uint32(min(max(nanos/int64(time.Second), 0), math.MaxUint32))
}

// find gives the entry for k, 0 when there is none, and the position in it when its window is not over at now.
func (d *dedupe) find(k dedupeKey, now int64) (r ref, pos Pos) {
	if r = d.keys.find((*[16]byte)(&k)); r != 0 {
		if e := d.entries.at(r); e.until >= second(now) {
			pos = e.pos
		}
	}
	return r, pos
}

// remember enters k, for which find gave old.
func (d *dedupe) remember(old ref, k dedupeKey, pos Pos, until uint32) {
	if old != 0 {
		d.touch(old)
		e := d.entries.at(old) // purge moves it to its new bucket
		e.pos, e.until = pos, until
		return
	}
	r := d.free
	if r != 0 {
		d.free = d.entries.at(r).next
	} else {
		r = d.entries.next()
	}
	d.touch(r)
	*d.entries.at(r) = dedupeEntry{key: k, pos: pos, until: until}
	d.count++
	d.keys.enter(r)
	d.file(r)
}

// file puts an entry into the bucket of its end.
func (d *dedupe) file(r ref) {
	e := d.entries.at(r)
	b := int64(e.until / bucketTime)
	list, ok := d.buckets[b]
	if !ok {
		list.low = e.pos
	}
	e.next = list.head
	d.buckets[b] = bucket{head: r, low: min(list.low, e.pos)}
	if d.first == 0 || b < d.first {
		d.first = b
	}
}

// purge drops some of what ended before now. How much is left is not part of the state: find looks at the time.
func (d *dedupe) purge(now int64) {
	if d.first == 0 || d.first >= now/int64(bucketTime*time.Second) {
		return
	}
	list := d.buckets[d.first]
	r := list.head
	for i := 0; i < purgeStep && r != 0; i++ {
		next := d.entries.at(r).next
		d.expire(r, now)
		r = next
	}
	if r != 0 {
		d.buckets[d.first] = bucket{r, list.low}
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

// expire drops an entry that was taken out of its bucket, unless it was remembered anew since.
func (d *dedupe) expire(r ref, now int64) {
	e := d.entries.at(r)
	if e.until >= second(now) {
		d.file(r)
		return
	}
	d.drop(r)
}

func (d *dedupe) drop(r ref) {
	d.touch(r)
	d.keys.leave(r)
	*d.entries.at(r) = dedupeEntry{next: d.free}
	d.free = r
	d.count--
}

// forget drops the entries of a bucket whose records were trimmed: the log holds nothing any more that a duplicate
// could be told of. Like purge it changes no answer.
func (d *dedupe) forget(b int64, first Pos) {
	list := d.buckets[b]
	if list.head == 0 || list.low >= first {
		return
	}
	kept := bucket{low: math.MaxUint64}
	for r := list.head; r != 0; {
		e := d.entries.at(r)
		next := e.next
		if e.pos < first {
			d.drop(r)
		} else {
			e.next = kept.head
			kept = bucket{head: r, low: min(kept.low, e.pos)}
		}
		r = next
	}
	d.buckets[b] = kept
}

// forgetKeys drops the dedupe keys of events that were trimmed, bucket by bucket, so that nobody waits long.
func (q *Queue) forgetKeys() {
	first := q.log.Health().First
	var buckets []int64
	q.locked(func() { buckets = slices.Collect(maps.Keys(q.state.dedupe.buckets)) })
	for _, b := range buckets {
		q.locked(func() { q.state.dedupe.forget(b, first) })
	}
}

// touch keeps an entry as it is for the snapshot in the making; it is called before the entry changes.
func (d *dedupe) touch(r ref) {
	if d.saved == nil {
		return
	}
	if _, ok := d.saved[r]; !ok {
		d.saved[r] = *d.entries.at(r)
	}
}
