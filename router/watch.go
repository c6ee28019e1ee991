package router

import (
	"context"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	pollEvery = time.Second            // how late a change is noticed that no notification told of
	settle    = 250 * time.Millisecond // a change goes live when two readings so far apart are equal
	breath    = 50 * time.Millisecond  // between looks, in a directory where something else writes all the time
)

// watch makes changes of the rules file and of the files it names live until ctx ends. Notifications only make it
// faster: what counts is the content, so a change is found whatever way it was made, and no error ends the watch.
func (l *loader) watch(ctx context.Context) {
	n := l.notifications()
	defer n.close()
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case set := <-l.toKeep:
			l.keepLive(set)
			continue
		case <-n.events:
		case err := <-n.errors: // an overflow, say: what it hid is found by reading
			l.log.Debug("file notifications", "err", err)
		case <-poll.C:
		}
		l.catchUp(ctx)
		n.follow(l.loaded().directories())
		sleep(ctx, breath)
	}
}

// catchUp loads what differs from what is loaded, once it has stopped changing.
func (l *loader) catchUp(ctx context.Context) {
	if l.file == stdin {
		return
	}
	for changed := l.look(nil); changed != nil && sleep(ctx, settle); {
		changed = l.look(changed)
	}
}

// look reads the files. It returns nil when they are as loaded, or when they equal changed, in which case they were
// loaded now; else the reading to compare with after a while.
func (l *loader) look(changed reading) reading {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := changed
	if before == nil {
		before = l.seen
	}
	now := read(before.names())
	switch {
	case now.equal(l.seen):
		return nil
	case changed != nil && now.equal(changed):
		known := len(now)
		set, err := l.parse(now)
		if len(now) > known {
			return now // it names files that nobody has looked at twice
		}
		_ = l.take(now, set, err) // told in log, metric and status
		return nil
	default:
		return now
	}
}

func (l *loader) loaded() reading {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.seen
}

// sleep waits d; false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// notifier follows directories as far as the system lets it; with nil channels it follows nothing.
type notifier struct {
	watcher   *fsnotify.Watcher
	events    <-chan fsnotify.Event
	errors    <-chan error
	following map[string]bool
}

// notifications starts a notifier on the directories of what is loaded; without one the poll alone finds changes.
func (l *loader) notifications() *notifier {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		l.log.Warn("no file notifications: changes of the rules are found by reading the files every second", "err", err)
		return &notifier{}
	}
	n := &notifier{watcher: w, events: w.Events, errors: w.Errors, following: map[string]bool{}}
	n.follow(l.loaded().directories())
	return n
}

// follow adds the directories that are new. A directory that cannot be followed is tried again the next time.
func (n *notifier) follow(dirs []string) {
	if n.watcher == nil {
		return
	}
	for _, dir := range dirs {
		if !n.following[dir] {
			n.following[dir] = n.watcher.Add(dir) == nil
		}
	}
}

func (n *notifier) close() {
	if n.watcher != nil {
		_ = n.watcher.Close()
	}
}
