// Package bodies keeps what is too large for a log: bodies of events, in a file each, whose name, length and hash are in
// the record of the event. It knows nothing of events or logs.
package bodies

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/hookrouter/hookrouter/router/queue/dirs"
)

const (
	step   = 1 << 20  // bytes written and synced at once: one long sync would hold up those of the log
	inHand = 32 << 20 // bytes that are being written, whatever their writers still wait for; one body may be larger
)

// ErrDamaged says that the file is gone, or is not what was written.
var ErrDamaged = errors.New("body is damaged")

// Ref names a body.
type Ref struct {
	File   string
	Length int
	Sum    [sha256.Size]byte
}

// Store is a directory of bodies. Its methods are safe for concurrent use.
type Store struct {
	dir  string
	room *semaphore.Weighted

	mu    sync.Mutex
	steps map[string]time.Time // by file that is being written: when its step began
}

// Open makes dir when it is missing.
func Open(dir string) (*Store, error) {
	if err := dirs.Make(dir); err != nil {
		return nil, err
	}
	return &Store{dir: dir, room: semaphore.NewWeighted(inHand), steps: map[string]time.Time{}}, nil
}

// path refuses names that lead elsewhere.
func (s *Store) path(name string) (string, error) {
	if name == "" || name != filepath.Base(name) || !filepath.IsLocal(name) {
		return "", fmt.Errorf("%q is no name of a body", name)
	}
	return filepath.Join(s.dir, name), nil
}

// Put stores a body under a name that was never used, and returns when it is durable. After an error, also that of
// ctx, nothing is left of it, or will not be when a disk that hangs comes back. The body may not be written to afterwards.
func (s *Store) Put(ctx context.Context, name string, body []byte) (Ref, error) {
	weight := min(int64(len(body)), inHand)
	if err := s.room.Acquire(ctx, weight); err != nil {
		return Ref{}, err
	}
	ref := Ref{File: name, Length: len(body)}
	var settled atomic.Bool // by the writer, or by its caller who gave up
	done := make(chan error, 1)
	go func() {
		defer s.room.Release(weight)
		ref.Sum = sha256.Sum256(body)
		err := s.write(name, body)
		if wanted := settled.CompareAndSwap(false, true); err == nil && !wanted {
			_ = s.Remove(name)
		}
		done <- err
	}()
	select {
	case err := <-done:
		return ref, err
	case <-ctx.Done():
		if settled.CompareAndSwap(false, true) {
			return Ref{}, ctx.Err()
		}
		err := <-done
		return ref, err
	}
}

func (s *Store) write(name string, body []byte) (err error) {
	defer s.stepOver(name)
	s.stepTo(name)
	path, err := s.path(name)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	for err == nil && len(body) > 0 {
		s.stepTo(name)
		n := min(len(body), step)
		if _, err = f.Write(body[:n]); err == nil {
			err = f.Sync()
		}
		body = body[n:]
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = dirs.Sync(s.dir)
	}
	if err != nil {
		_ = s.Remove(name)
	}
	return err
}

func (s *Store) stepTo(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.steps[name] = time.Now()
}

func (s *Store) stepOver(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.steps, name)
}

// Stalled is how long the disk has taken for the slowest of what it is doing now; 0 when nothing is written. It never
// blocks.
func (s *Store) Stalled() (longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, began := range s.steps {
		longest = max(longest, time.Since(began))
	}
	return longest
}

// Get gives the bytes that were written, or an error; ErrDamaged when they are not there any more.
func (s *Store) Get(ref Ref) ([]byte, error) {
	f, err := s.open(ref)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body := make([]byte, ref.Length)
	n, err := io.ReadFull(f, body)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, err
	}
	if err := ref.compare(n, sha256.Sum256(body)); err != nil {
		return nil, err
	}
	return body, nil
}

func (s *Store) open(ref Ref) (*os.File, error) {
	path, err := s.path(ref.File)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("file %s is missing: %w", ref.File, ErrDamaged)
	}
	return f, err
}

// compare says whether n bytes with this hash are the body.
func (ref Ref) compare(n int, sum [sha256.Size]byte) error {
	switch {
	case n != ref.Length:
		return fmt.Errorf("file %s has %d of %d bytes: %w", ref.File, n, ref.Length, ErrDamaged)
	case sum != ref.Sum:
		return fmt.Errorf("file %s has another hash than its record says: %w", ref.File, ErrDamaged)
	}
	return nil
}

// Check reads a body and says what Get would, without keeping it.
func (s *Store) Check(ref Ref) error {
	f, err := s.open(ref)
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(f, int64(ref.Length)))
	if err != nil {
		return err
	}
	return ref.compare(int(n), [sha256.Size]byte(sum.Sum(nil)))
}

// Remove removes a body; one that is not there is no error.
func (s *Store) Remove(name string) error {
	path, err := s.path(name)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Names lists the files.
func (s *Store) Names() (names []string, err error) {
	all, err := os.ReadDir(s.dir)
	for _, f := range all {
		names = append(names, f.Name())
	}
	return names, err
}
