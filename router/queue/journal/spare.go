package journal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/hookrouter/hookrouter/router/queue"
)

const (
	maxSpares   = 4
	sparePrefix = "spare-"
	freshName   = sparePrefix + "fresh" // there is at most one: the next is filled when it is in use
	fillingName = "filling"
	fillStep    = 1 << 20
)

// blank is a file of zeros or old bytes, allocated and synced, that can be put to use as a segment.
type blank struct {
	file *os.File
	path string
	size int64
}

func (b *blank) discard() error { return errors.Join(b.file.Close(), os.Remove(b.path)) }

// prepared is a blank, or why there is none.
type prepared struct {
	blank *blank
	err   error
}

// prepareNext makes the next blank in the background, so that the committer rarely waits for one.
func (l *Log) prepareNext() {
	next := make(chan prepared, 1)
	l.next = next
	go func() {
		b, err := l.spare()
		next <- prepared{b, err}
	}()
}

// blankFor returns a blank of at least need bytes; on a full disk it gives the ballast back for it.
func (l *Log) blankFor(need int64) (*blank, error) {
	b, err := l.tryBlank(need)
	if isFull(err) && l.space.giveBack() {
		l.sayFull()
		return l.tryBlank(need)
	}
	return b, err
}

// tryBlank makes a blank or takes one. A failure in the background may be over: it is tried once more.
func (l *Log) tryBlank(need int64) (*blank, error) {
	if need > l.segmentSize {
		return l.fill(need)
	}
	if l.next != nil {
		p := <-l.next
		l.next = nil
		if p.err == nil {
			return p.blank, nil
		}
	}
	return l.spare()
}

// spare opens a spare file or makes one. A segment's blocks are written before it is used, since an fdatasync that
// must also allocate costs several times as much.
func (l *Log) spare() (*blank, error) {
	for {
		path, ok := l.takeSpare()
		if !ok {
			return l.fill(l.segmentSize)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err == nil {
			return &blank{f, path, l.segmentSize}, nil
		}
	}
}

func (l *Log) takeSpare() (path string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.spares) == 0 {
		return "", false
	}
	path, l.spares = l.spares[0], l.spares[1:]
	return path, true
}

// fill makes a new file of zeros. On an error, such as a full disk, nothing is left of it.
func (l *Log) fill(size int64) (*blank, error) {
	path := filepath.Join(l.dir, fillingName)
	if size != l.segmentSize {
		path += "-large" // made by the committer while a spare may be in the making
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	b := &blank{f, path, wholeBlocks(size)}
	if err := l.zero(b); err != nil {
		_ = b.discard()
		return nil, err
	}
	if size == l.segmentSize {
		b.path = filepath.Join(l.dir, freshName)
		err = os.Rename(path, b.path)
	}
	return b, err
}

// zero writes and syncs in steps: one long sync at the end would hold up those of the committer.
func (l *Log) zero(b *blank) error {
	out, err := l.writer(b.path)
	if err != nil {
		return err
	}
	defer func() { _ = out.Close() }()
	zeros := aligned(fillStep)
	for at := int64(0); at < b.size; at += fillStep {
		select {
		case <-l.closing:
			return queue.ErrClosed
		default:
		}
		if _, err := out.WriteAt(zeros[:min(fillStep, b.size-at)], at); err != nil {
			return err
		}
		if err := datasync(out); err != nil {
			return err
		}
	}
	return b.file.Sync()
}

// sparePath is that of a freed segment. Numbers are not reused, so neither are these names.
func sparePath(dir string, number uint32) string {
	return filepath.Join(dir, fmt.Sprintf("%s%08x", sparePrefix, number))
}

// adoptSpares takes over the spares that an earlier process left, as far as they are of use.
func (l *Log) adoptSpares(names []string) error {
	for _, name := range names {
		path := filepath.Join(l.dir, name)
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if strings.HasPrefix(name, sparePrefix) && info.Size() == l.segmentSize && len(l.spares) < maxSpares {
			l.spares = append(l.spares, path)
			continue
		}
		if err := os.Remove(path); err != nil {
			return err
		}
	}
	return nil
}
