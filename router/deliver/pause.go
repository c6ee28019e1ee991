package deliver

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/rules"
)

// pauseNote is the prefix of the queue's notes that say which destinations are paused.
const pauseNote = "pause/"

// pause is what such a note says: since when, and of which URL the destination said that it is gone.
type pause struct {
	since time.Time // zero when unknown
	url   string    // Destination.Fingerprint; "" when a person paused it, whatever its URL
}

func (p pause) String() string {
	return strings.TrimSpace(p.since.UTC().Format(time.RFC3339) + " " + p.url)
}

func parsePause(note string) (p pause) {
	since, url, _ := strings.Cut(note, " ")
	p.since, _ = time.Parse(time.RFC3339, since)
	p.url = url
	return p
}

// Pause stops attempts to a destination until Resume, over restarts; attempts that run go on. It returns when the
// pause is durable. Pausing twice is no error. ErrUnknown, or the queue's error.
func (d *Deliverer) Pause(ctx context.Context, name string) error {
	if note, ok := d.opts.Queue.Note(pauseNote + name); ok && parsePause(note).url == "" {
		return nil
	}
	return d.note(ctx, name, pause{since: time.Now()}.String())
}

// Resume ends a pause and a hold. It is no error when there was none. ErrUnknown, or the queue's error.
func (d *Deliverer) Resume(ctx context.Context, name string) error {
	if err := d.note(ctx, name, ""); err != nil {
		return err
	}
	if l := d.lane(name); l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.resumed = time.Now()
		l.gate.endHold(l.resumed)
		l.wake()
	}
	return nil
}

// note stores the pause and then lets the lane read it. One that is made meanwhile reads it by itself.
func (d *Deliverer) note(ctx context.Context, name, value string) error {
	if err := d.known(name); err != nil {
		return err
	}
	if _, ok := d.opts.Queue.Note(pauseNote + name); ok || value != "" {
		if err := d.opts.Queue.SetNote(ctx, pauseNote+name, value); err != nil {
			return fmt.Errorf("destination %q: pause: %w", name, err)
		}
	}
	if l := d.lane(name); l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.readPause()
	}
	return nil
}

// pause is what the note says of a destination, and whether that holds for its URL. That a URL was gone says nothing about
// another one: whoever corrects it in the rules need not know that there is a pause.
func (o *Options) pause(name, url string) (pause, bool) {
	note, ok := o.Queue.Note(pauseNote + name)
	p := parsePause(note)
	return p, ok && (p.url == "" || p.url == url)
}

// readPause takes over what the note says; l.mu is held.
func (l *lane) readPause() {
	l.pause, l.gate.paused = l.opts.pause(l.name, l.url)
	l.wake()
}

// gone pauses the lane of a destination that answered 410, unless the answer is older than a person's resume or than
// the URL that the rules have now. The pause holds from here on, over restarts as soon as it is on disk.
func (l *lane) gone(dest *rules.Destination, began time.Time) {
	url := dest.Fingerprint()
	l.mu.Lock()
	if l.gate.paused || began.Before(l.resumed) || url != l.url {
		l.mu.Unlock()
		return
	}
	l.gate.paused, l.pause = true, pause{since: time.Now(), url: url}
	note := l.pause.String()
	l.mu.Unlock()
	l.log.Warn("destination is paused: it answered 410 Gone", "url", dest.URL,
		"hint", "correct its URL, or hookrouter dest resume "+l.name)
	if err := l.opts.Queue.SetNote(l.run.results, pauseNote+l.name, note); err != nil {
		l.log.Error("pause is not stored: a restart ends it", "error", err)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.readPause() // a reload may have looked before the note was there
}

// Probe has one delivery tried now: it ends the wait of an open breaker, and a hold, and when nothing is due the retry
// that would be next is made early. It does nothing while the destination is paused. ErrUnknown.
func (d *Deliverer) Probe(_ context.Context, name string) error {
	if err := d.known(name); err != nil {
		return err
	}
	l := d.lane(name)
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.gate.paused || l.queue == nil {
		return nil
	}
	now := time.Now()
	l.gate.breaker.probe(now)
	l.gate.endHold(now)
	l.queue.Hurry()
	l.wake()
	return nil
}
