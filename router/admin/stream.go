package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
)

const (
	maxStreams = 64
	// heartbeat shows both sides that the other is still there.
	heartbeat = 15 * time.Second
	// writeTimeout is how long a client may not read before its stream ends.
	writeTimeout = 10 * time.Second
)

// place is where in the stream a client is: behind the index-th update of the record at pos.
type place struct {
	pos   queue.Pos
	index int
}

func (p place) String() string { return fmt.Sprintf("%d-%d", p.pos, p.index) }

// parsePlace reads what String wrote, or a bare position, which is behind all of its record.
func parsePlace(s string) (place, error) {
	position, index, partial := strings.Cut(s, "-")
	pos, err := strconv.ParseUint(position, 10, 64)
	if err != nil {
		return place{}, badRequest("Last-Event-ID: %.40q is not the id of an update", s)
	}
	if !partial {
		return place{pos: queue.Pos(pos)}, nil
	}
	n, err := strconv.Atoi(index)
	if err != nil || n < 1 || pos == 0 {
		return place{}, badRequest("Last-Event-ID: %.40q is not the id of an update", s)
	}
	return place{pos: queue.Pos(pos), index: n}, nil
}

// after is what to give to Watch: a record that was sent in part is read again.
func (p place) after() queue.Pos {
	if p.index > 0 {
		return p.pos - 1
	}
	return p.pos
}

// stream sends what happens as server-sent events, from Last-Event-ID on or from now on, until the client leaves.
func (a *api) stream(w http.ResponseWriter, r *http.Request) error {
	from, err := a.streamFrom(r)
	if err != nil {
		return err
	}
	select {
	case a.streams <- struct{}{}:
		defer func() { <-a.streams }()
	default:
		return &problem{status: http.StatusServiceUnavailable, detail: "too many streams are open"}
	}
	w.Header().Set("Content-Type", "text/event-stream")
	out := sse{w: w, control: http.NewResponseController(w)}
	if err := out.send(": hello\n\n"); err != nil {
		return nil // the client has gone: nobody to tell
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	a.pump(ctx, out, from)
	return nil
}

func (a *api) streamFrom(r *http.Request) (place, error) {
	id := r.Header.Get("Last-Event-ID")
	if id == "" {
		id = r.URL.Query().Get("from")
	}
	if id == "" {
		return place{pos: a.opts.Queue.Stats().Applied}, nil
	}
	return parsePlace(id)
}

// pump writes updates and heartbeats until ctx ends or the client does not read.
func (a *api) pump(ctx context.Context, out sse, from place) {
	messages := make(chan string)
	go func() {
		defer close(messages)
		a.watch(ctx, from, messages)
	}()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for {
		text := ": \n\n"
		select {
		case m, ok := <-messages:
			if !ok {
				return
			}
			text = m
		case <-beat.C:
		}
		if out.send(text) != nil {
			return
		}
	}
}

// watch turns updates into messages. It ends with ctx, or with an error of the queue, which only the log tells.
func (a *api) watch(ctx context.Context, from place, messages chan<- string) {
	at := place{pos: from.after()}
	for u, err := range a.opts.Queue.Watch(ctx, from.after()) {
		if errors.Is(err, queue.ErrClosed) {
			return
		}
		if err != nil {
			a.opts.Logger.ErrorContext(ctx, "stream ended", "cause", err)
			return
		}
		if u.Pos != at.pos {
			at = place{pos: u.Pos}
		}
		at.index++
		if u.Pos == from.pos && at.index <= from.index {
			continue
		}
		text, err := message(u, at)
		if err != nil {
			a.opts.Logger.ErrorContext(ctx, "stream ended", "cause", err)
			return
		}
		select {
		case messages <- text:
		case <-ctx.Done():
			return
		}
	}
}

func message(u queue.Update, at place) (string, error) {
	data, err := json.Marshal(wireUpdate(u, at.String()))
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", at, u.Kind, data), nil
}

// sse writes to one client.
type sse struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (s sse) send(text string) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.control.Flush()
}
