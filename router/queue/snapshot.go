package queue

import (
	"bufio"
	"context"
	"encoding/binary"
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
)

// A snapshot is the durable part of a state in a file of its own: a header, the state as frozen writes it, and a
// CRC32C of all. It only saves time: with none, or with a bad one, the log is replayed from its first record.
const (
	snapshotMagic  = "hookrouter snapshot 1\n"
	snapshotPrefix = "snapshot-"
	snapshotSuffix = ".tmp" // of one in the making
	snapshotsKept  = 2
)

// snapshots is what is known of the last one.
type snapshots struct {
	mu    sync.Mutex
	pos   Pos
	at    time.Time
	bytes int64 // of records applied then
}

func (s *snapshots) last() (Pos, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pos, s.at
}

func (s *snapshots) set(pos Pos, at time.Time, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pos, s.at, s.bytes = pos, at, bytes
}

// failed puts the next one off.
func (s *snapshots) failed(at time.Time, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at, s.bytes = at, bytes
}

// due reports whether enough was applied or enough time went by, and there is something new.
func (s *snapshots) due(after int64, every time.Duration, now time.Time, pos Pos, bytes int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return pos > s.pos && (bytes-s.bytes >= after || now.Sub(s.at) >= every)
}

// Under pressure of a disk that has little room left, snapshots and retention come more often: what is delivered
// meanwhile may go at once.
const (
	snapshotEveryFull = 10 * time.Second
	retainEveryShort  = 5 * time.Second
)

// keepHouse writes a snapshot when one is due, and lets go of what it covers.
func (q *Queue) keepHouse(ctx context.Context, now time.Time) {
	h := q.log.Health()
	wrote := q.snapshotDue(now, h) && q.trySnapshot(now, h)
	if !wrote && (h.Short == 0 || now.Sub(q.retained) < retainEveryShort) {
		return
	}
	q.retained = now
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
	return q.snaps.due(after, every, now, q.state.applied, q.state.bytes)
}

// trySnapshot writes one. On a full disk the room of all but the newest is given to it.
func (q *Queue) trySnapshot(now time.Time, h Health) bool {
	var err error
	if h.Full != nil {
		err = q.dropSnapshots(1)
	}
	if err = errors.Join(err, q.snapshot()); err != nil {
		q.opts.Logger.Warn("no snapshot, the next start takes longer", "error", err)
		q.mu.Lock()
		defer q.mu.Unlock()
		q.snaps.failed(now, q.state.bytes)
		return false
	}
	return true
}

// snapshot writes one, reads it back and drops those that are older than the one before it.
func (q *Queue) snapshot() error {
	q.mu.Lock()
	f := q.state.freeze()
	q.mu.Unlock()
	if f.applied == 0 {
		return nil
	}
	q.syncHistory()
	name := filepath.Join(q.opts.Dir, fmt.Sprintf("%s%016x", snapshotPrefix, uint64(f.applied)))
	if err := writeSnapshot(name, f, q.fingerprint(f.applied)); err != nil {
		return fmt.Errorf("snapshot: %w", err)
	}
	if _, _, err := readSnapshot(name); err != nil {
		return fmt.Errorf("snapshot read back: %w", err)
	}
	q.snaps.set(f.applied, time.Now(), f.bytes)
	return q.dropSnapshots(snapshotsKept)
}

// fingerprint tells whether a snapshot belongs to this log: a checksum of the record that it ends with.
func (q *Queue) fingerprint(pos Pos) uint32 {
	e, err := q.log.At(context.Background(), pos)
	if err != nil {
		return 0
	}
	return crc32.Checksum(e.Record, crc32.MakeTable(crc32.Castagnoli))
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
	health := q.log.Health()
	for _, name := range names {
		s, print, err := readSnapshot(name)
		switch {
		case err != nil:
		case s.applied < health.First:
			err = errors.New("ends before the first record of the log")
		case s.applied > health.Last:
			err = errors.New("ends behind the last record of the log")
		case print != q.fingerprint(s.applied):
			err = errors.New("belongs to another log")
		default:
			info, statErr := os.Stat(name)
			if statErr == nil {
				q.snaps.set(s.applied, info.ModTime(), s.bytes)
			}
			q.state = s
			q.rows.Store(int64(s.pending + s.dead))
			q.recent.passed(s.applied)
			return nil
		}
		q.opts.Logger.Warn("snapshot is not used", "file", filepath.Base(name), "error", err)
	}
	return nil
}

// writeSnapshot writes beside, syncs, renames and syncs the directory.
func writeSnapshot(name string, f *state, print uint32) (err error) {
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
	sum := crc32.New(crc32.MakeTable(crc32.Castagnoli))
	w := bufio.NewWriterSize(io.MultiWriter(file, sum), 1<<20)
	if err = writeState(w, f, print); err != nil {
		return err
	}
	if err = w.Flush(); err != nil {
		return err
	}
	if err = binary.Write(file, binary.LittleEndian, sum.Sum32()); err != nil {
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
	return syncDir(filepath.Dir(name))
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// readSnapshot checks the whole file before it believes any of it.
func readSnapshot(name string) (*state, uint32, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, 0, err
	}
	end := len(b) - crc32.Size
	if end < len(snapshotMagic) || string(b[:len(snapshotMagic)]) != snapshotMagic {
		return nil, 0, errors.New("not a snapshot")
	}
	if crc32.Checksum(b[:end], crc32.MakeTable(crc32.Castagnoli)) != binary.LittleEndian.Uint32(b[end:]) {
		return nil, 0, errors.New("checksum does not match")
	}
	return readState(b[len(snapshotMagic):end])
}
