package client

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"
)

// Newest and Oldest are places to begin a Stream: with what happens from now on, and with the first step that is kept.
const (
	Newest = ""
	Oldest = "0"
)

// maxLine bounds one line of the stream, in bytes.
const maxLine = 16 << 20

// maxSilence is how long a stream may say nothing: the server says at least that it is still there every 15 s.
const maxSilence = 45 * time.Second

// errSilent ends a connection that broke without a word.
var errSilent = errors.New("nothing was heard for too long")

// Stream yields what happens after from (Newest, Oldest, or the ID of an Update), in order, until ctx ends, which ends
// it without an error. A broken connection ends it with an error; call it again with the last ID to go on without a
// gap.
func (c *Client) Stream(ctx context.Context, from string) iter.Seq2[Update, error] {
	return func(yield func(Update, error) bool) {
		reading, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		header := http.Header{}
		if from != Newest {
			header.Set("Last-Event-ID", from)
		}
		resp, err := c.send(reading, "GET", "/api/v1/stream", header, nil)
		if err == nil {
			defer func() { _ = resp.Body.Close() }()
			silent := time.AfterFunc(c.silence, func() { cancel(errSilent) })
			defer silent.Stop()
			err = c.updates(ctx, resp.Body, silent, func(u Update) bool { return yield(u, nil) })
		}
		if err != nil && errors.Is(context.Cause(reading), errSilent) {
			err = unreachable(ctx, c.base, errSilent)
		}
		if err != nil && ctx.Err() == nil {
			yield(Update{}, err)
		}
	}
}

// updates reads server-sent events until the reader ends (an error), or yield says stop (nil).
func (c *Client) updates(ctx context.Context, r io.Reader, silent *time.Timer, yield func(Update) bool) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	scan := func() bool { // only this counts as silence, not how long the caller takes
		silent.Reset(c.silence)
		defer silent.Stop()
		return lines.Scan()
	}
	for scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var u Update
		if err := json.Unmarshal([]byte(data), &u); err != nil {
			return fmt.Errorf("stream: %w", err)
		}
		if !yield(u) {
			return nil
		}
	}
	err := lines.Err()
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	return unreachable(ctx, c.base, err)
}
