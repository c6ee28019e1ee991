package queue

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hookrouter/hookrouter/router/queue/bodies"
	"github.com/hookrouter/hookrouter/router/queue/dirs"
)

// Queue is the durable state of events and deliveries over one Log. It is safe for concurrent use.
//
// Records change the state in one place, applyEntry, in the order of the log; all else reads it, appends records and
// waits for them, or reserves rows for records on their way.
type Queue struct {
	opts Options
	log  Log

	mu    sync.Mutex // guards state and lanes
	state *state
	lanes map[string]*Lane // by destination
	rec   record           // decoded by applyEntry, used again

	rows    atomic.Int64 // pending and dead
	skipped atomic.Int64
	results atomic.Int64 // unsynced
	waiters waiters
	out     appender
	recent  recent
	snaps   snapshots
	past    projection

	capacity int64    // bytes that the log may have come to on its disk when it was opened
	retained struct { // when keepRetention last looked what may go; its own
		snapshot   Pos
		at         time.Time
		unfinished bool // something could not go then
	}

	bodies  *bodies.Store // nil: all are in the log
	stripes stripes
	room    room
	noting  sync.Mutex   // one note at a time, so that saying one again cannot undo a newer one
	opening sync.RWMutex // as noting, for owners: held shared to open a lane, alone to say all again

	instance [8]byte // begins the owner tokens of this process
	atRest   bool    // the process before rendered nothing when it ended
	owners   atomic.Uint64
	done     chan struct{} // closed when Run has ended
}

// Open loads the newest usable snapshot and replays the log up to its end. Afterwards Run must be running: nothing
// is applied, so nothing is accepted or leased, without it. The caller closes log after Run has returned.
func Open(ctx context.Context, log Log, o Options) (*Queue, error) {
	o = o.withDefaults()
	if err := dirs.Make(o.Dir); err != nil {
		return nil, fmt.Errorf("queue directory: %w", err)
	}
	q := &Queue{opts: o, log: log, lanes: map[string]*Lane{}, done: make(chan struct{}), atRest: endedAtRest(o.Mark)}
	q.capacity = capacity(log.Health())
	q.room.begun = time.Now().Add(-lookEvery)
	q.waiters.init()
	q.out.init(q)
	q.stripes.init()
	_, _ = rand.Read(q.instance[:])
	if err := q.load(ctx); err != nil {
		return nil, err
	}
	if err := q.openHistory(); err != nil {
		return nil, err
	}
	if err := q.replay(ctx); err != nil {
		return nil, err
	}
	if err := q.openBodies(); err != nil {
		return nil, err
	}
	return q, nil
}

// capacity is what the log takes and what is free beside it.
func capacity(h Health) int64 {
	if h.Free < 0 {
		return math.MaxInt64
	}
	return h.Bytes + h.Free
}

// applyEntry applies one record and tells everybody whom it concerns. A record that cannot be decoded is counted,
// logged and passed over: what it said is lost, what comes after it is not.
func (q *Queue) applyEntry(e Entry) {
	q.applyRecord(e, &q.rec, q.rec.decode(e.Record, false))
}

// applyRecord is applyEntry for an entry that was decoded, with what came of that.
func (q *Queue) applyRecord(e Entry, rec *record, err error) {
	q.mu.Lock()
	if err != nil {
		q.state.applied = e.Pos
		q.feed(nil, nil)
		q.mu.Unlock()
		q.skipped.Add(1)
		q.opts.Logger.Error("record passed over", "pos", uint64(e.Pos), "error", err)
		q.recent.passed(e.Pos)
		return
	}
	eff := q.state.apply(rec, e.Pos)
	q.state.count(rec, eff)
	q.feed(rec, eff)
	q.sample(e, rec)
	q.rows.Store(int64(q.state.pending + q.state.dead))
	if rec.kind == kindStart {
		q.started(&rec.about, rec.owner, eff.hits > 0)
	}
	q.wake()
	q.recent.add(q.state, e.Pos, eff)
	result := applied{pos: e.Pos, known: eff.known, made: eff.made, change: eff.result, hits: eff.hits}
	q.mu.Unlock()
	q.waiters.tell(rec.waiter(), result)
}

// waiter is the token of who waits for the record, zero when nobody does.
func (r *record) waiter() token {
	switch r.kind {
	case kindEvent, kindCarried:
		return token(r.event.ID)
	case kindStart, kindFinish:
		return token{}
	}
	return r.wait
}

// wake tells lanes that their next row changed; q.mu is held.
func (q *Queue) wake() {
	for _, rows := range q.state.woken {
		if l := q.lanes[rows.destination]; l != nil {
			l.signal()
		}
	}
	q.state.rest()
}

// commit appends rec and waits until it is applied. After an error the outcome is unknown.
func (q *Queue) commit(ctx context.Context, rec *record) (applied, error) {
	return q.commitBytes(ctx, rec.waiter(), rec.encode())
}

// commitBytes is commit for an encoded record, whose waiter is id.
func (q *Queue) commitBytes(ctx context.Context, id token, rec Record) (applied, error) {
	w, ok := q.waiters.add(id)
	if !ok {
		return applied{}, fmt.Errorf("a record for %x is on its way already", id)
	}
	defer q.waiters.drop(id)
	if _, err := q.log.Append(ctx, rec); err != nil {
		return applied{}, fmt.Errorf("append to the log: %w", err)
	}
	select {
	case a := <-w:
		q.waiters.pool.Put(w)
		return a, nil
	case <-ctx.Done():
		return applied{}, ctx.Err()
	case <-q.done:
		return applied{}, ErrClosed
	}
}

// newToken names an owner or a waiter of this process.
func (q *Queue) newToken() (t token) {
	copy(t[:], q.instance[:])
	binary.BigEndian.PutUint64(t[8:], q.owners.Add(1))
	return t
}

func (q *Queue) mine(t token) bool { return [8]byte(t[:8]) == q.instance }

// applied is what a waiter gets to know of its record.
type applied struct {
	pos    Pos
	known  Pos
	made   int
	change ChangeResult
	hits   int
}

// waiters are the callers that wait until their record is applied.
type waiters struct {
	mu   sync.Mutex
	by   map[token]chan applied
	pool sync.Pool
}

func (w *waiters) init() {
	w.by = map[token]chan applied{}
	w.pool.New = func() any { return make(chan applied, 1) }
}

// add is false when somebody waits for id already.
func (w *waiters) add(id token) (chan applied, bool) {
	c := w.pool.Get().(chan applied)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.by[id] != nil {
		return nil, false
	}
	w.by[id] = c
	return c, true
}

func (w *waiters) tell(id token, a applied) {
	w.mu.Lock()
	c := w.by[id]
	delete(w.by, id)
	w.mu.Unlock()
	if c != nil {
		c <- a
	}
}

func (w *waiters) drop(id token) {
	w.mu.Lock()
	delete(w.by, id)
	w.mu.Unlock()
}

// Stats are counts for status and metrics.
type Stats struct {
	Pending, Dead  int // deliveries in memory
	MaxPending     int
	Applied        Pos // last record applied
	DedupeKeys     int
	Notes          int
	Lanes          int
	Snapshot       Pos       // up to where the last durable snapshot reaches
	SnapshotAt     time.Time // when it was written; zero when there is none
	Skipped        int64     // records that could not be decoded
	UnsyncedResult int       // results of attempts that are not durable yet
}

// Stats never blocks for long.
func (q *Queue) Stats() Stats {
	snap, at := q.snaps.last()
	q.mu.Lock()
	defer q.mu.Unlock()
	s := q.state
	return Stats{
		Pending: s.pending, Dead: s.dead, MaxPending: q.opts.MaxPending, Applied: s.applied,
		DedupeKeys: s.dedupe.count, Notes: len(s.notes), Lanes: len(q.lanes),
		Snapshot: snap, SnapshotAt: at, Skipped: q.skipped.Load(), UnsyncedResult: int(q.results.Load()),
	}
}

// Health is the log's view of itself, and of what is kept beside it.
func (q *Queue) Health() Health {
	h := q.log.Health()
	if q.bodies != nil {
		h.Stalled = max(h.Stalled, q.bodies.Stalled())
	}
	return h
}

// Watchers counts the calls of Watch that run.
func (q *Queue) Watchers() int {
	q.recent.mu.Lock()
	defer q.recent.mu.Unlock()
	return q.recent.watchers
}
