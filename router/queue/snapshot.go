package queue

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hookrouter/hookrouter/router/queue/dirs"
)

// A snapshot is the durable part of a state in a file of its own; blocks.go has the format. It only saves time: with
// none, or with a bad one, the log is replayed from its first record.
const (
	snapshotPrefix = "snapshot-"
	snapshotSuffix = ".tmp" // of one in the making
	snapshotsKept  = 2
)

// snapshots is what is known of the last one.
type snapshots struct {
	mu   sync.Mutex
	pos  Pos
	at   time.Time
	then amount // applied then
}

// amount is how much was applied.
type amount struct {
	bytes   int64
	records int64 // in this process
}

// snapshotRecords bounds what a start has to apply, however short the records are.
const snapshotRecords = 500_000

func (s *snapshots) last() (Pos, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pos, s.at
}

func (s *snapshots) set(pos Pos, at time.Time, then amount) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pos, s.at, s.then = pos, at, then
}

// failed puts the next one off.
func (s *snapshots) failed(at time.Time, then amount) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.then = at, then
}

// due reports whether enough was applied or enough time went by, and there is something new.
func (s *snapshots) due(after int64, every time.Duration, now time.Time, pos Pos, applied amount) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	much := applied.bytes-s.then.bytes >= after || applied.records-s.then.records >= snapshotRecords
	return pos > s.pos && (much || now.Sub(s.at) >= every)
}

const (
	snapshotEveryFull = 10 * time.Second // on a full disk: what is delivered meanwhile may go soon
	retainAgain       = 5 * time.Second  // without a new snapshot, when room is short or something was left
)

// keepSnapshots writes a snapshot when one is due.
func (q *Queue) keepSnapshots(now time.Time) {
	if h := q.log.Health(); q.snapshotDue(now, h) {
		q.trySnapshot(now, h)
	}
}

// keepRetention lets go of what a new snapshot covers. That may take long, and snapshots do not wait for it.
func (q *Queue) keepRetention(ctx context.Context, now time.Time) {
	last := &q.retained
	snapshot, _ := q.snaps.last()
	again := (last.unfinished || q.log.Health().Short > 0) && now.Sub(last.at) >= retainAgain
	if snapshot == last.snapshot && !again {
		return
	}
	last.snapshot, last.at = snapshot, now
	if err := q.retain(ctx, now); err != nil && ctx.Err() == nil {
		q.opts.Logger.Warn("old events are kept longer than they have to be", "error", err)
	}
}

func (q *Queue) snapshotDue(now time.Time, h Health) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	after := min(q.opts.SnapshotBytes, min(q.opts.Retention.Size, q.capacity/4)/4) // only what a snapshot covers can go
	every := q.opts.SnapshotEvery
	if h.Full != nil {
		every = min(every, snapshotEveryFull)
	}
	return q.snaps.due(after, every, now, q.state.applied, q.state.amount)
}

// trySnapshot writes one. On a full disk the room of all but the newest is given to it.
func (q *Queue) trySnapshot(now time.Time, h Health) {
	var err error
	if h.Full != nil {
		err = q.dropSnapshots(1)
	}
	if err = errors.Join(err, q.snapshot()); err != nil {
		q.opts.Logger.Warn("no snapshot, the next start takes longer", "error", err)
		q.mu.Lock()
		defer q.mu.Unlock()
		q.snaps.failed(now, q.state.amount)
	}
}

// snapshot writes one, reads it back and drops those that are older than the one before it. The state goes on
// meanwhile.
func (q *Queue) snapshot() error {
	q.mu.Lock()
	head := q.state.save()
	v := q.state.saving
	q.mu.Unlock()
	defer q.locked(q.state.saved)
	if v.applied == 0 {
		return nil
	}
	q.syncHistory()
	name := filepath.Join(q.opts.Dir, fmt.Sprintf("%s%016x", snapshotPrefix, uint64(v.applied)))
	err := writeSnapshot(name, func(w io.Writer) error {
		return q.state.write(w, head, q.fingerprint(v.applied), q.locked)
	})
	if err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if err := checkSnapshot(name); err != nil {
		return fmt.Errorf("snapshot read back: %w", err)
	}
	q.snaps.set(v.applied, time.Now(), v.amount)
	return q.dropSnapshots(snapshotsKept)
}

func (q *Queue) locked(f func()) {
	q.mu.Lock()
	defer q.mu.Unlock()
	f()
}

// fingerprint tells whether a snapshot belongs to this log: a checksum of the record that it ends with.
func (q *Queue) fingerprint(pos Pos) uint32 {
	e, err := q.log.At(context.Background(), pos)
	if err != nil {
		return 0
	}
	return crc32.Checksum(e.Record, castagnoli)
}

// dropSnapshots keeps the newest few.
func (q *Queue) dropSnapshots(kept int) error {
	names, _, err := snapshotNames(q.opts.Dir)
	if err != nil {
		return err
	}
	for _, name := range names[min(kept, len(names)):] {
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

// snapshotNames lists the snapshots of dir, newest first, and those that were cut in the making.
func snapshotNames(dir string) (whole, cut []string, err error) {
	files, err := os.ReadDir(dir) // by name; a pattern would read a "[" in dir its own way
	for _, f := range slices.Backward(files) {
		switch name := filepath.Join(dir, f.Name()); {
		case !strings.HasPrefix(f.Name(), snapshotPrefix):
		case strings.HasSuffix(name, snapshotSuffix):
			cut = append(cut, name)
		default:
			whole = append(whole, name)
		}
	}
	return whole, cut, err
}

// load takes the newest snapshot that is whole and belongs to the log; without one it starts from nothing.
func (q *Queue) load(context.Context) error {
	q.state = newState()
	names, cut, err := snapshotNames(q.opts.Dir)
	for _, name := range cut { // each has a name of its own, so they would pile up
		err = errors.Join(err, os.Remove(name))
	}
	if err != nil {
		return fmt.Errorf("list snapshots: %w", err)
	}
	for _, name := range names {
		s, err := q.fitting(name)
		if err != nil {
			q.opts.Logger.Warn("snapshot is not used", "file", filepath.Base(name), "error", err)
			continue
		}
		if info, err := os.Stat(name); err == nil {
			q.snaps.set(s.applied, info.ModTime(), s.amount)
		}
		q.state = s
		q.rows.Store(int64(s.pending + s.dead))
		q.recent.passed(s.applied)
		return nil
	}
	return nil
}

// fitting reads a snapshot and holds it against the log.
func (q *Queue) fitting(name string) (*state, error) {
	s, print, err := readSnapshot(name)
	if err != nil {
		return nil, err
	}
	switch health := q.log.Health(); {
	case s.applied < health.First:
		err = errors.New("ends before the first record of the log")
	case s.applied > health.Last:
		err = errors.New("ends behind the last record of the log")
	case print != q.fingerprint(s.applied):
		err = errors.New("belongs to another log")
	default:
		return s, nil
	}
	s.free()
	return nil, err
}

// writeSnapshot writes beside, syncs, renames and syncs the directory.
func writeSnapshot(name string, fill func(io.Writer) error) (err error) {
	tmp := name + snapshotSuffix
	file, err := os.OpenFile(tmp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = file.Close()
			_ = os.Remove(tmp)
		}
	}()
	if err = fill(file); err != nil {
		return err
	}
	if err = file.Sync(); err != nil {
		return err
	}
	if err = file.Close(); err != nil {
		return err
	}
	if err = os.Rename(tmp, name); err != nil {
		return err
	}
	return dirs.Sync(filepath.Dir(name))
}
