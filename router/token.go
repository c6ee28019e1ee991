package router

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
)

// shortestToken is the least that cannot be guessed, in bytes.
const shortestToken = 16

// token is what clients of the admin API must send. It follows its file, so that it can be replaced without a restart.
type token struct {
	file string
	log  *slog.Logger
	live atomic.Pointer[string]
	seen reading // what the start read
}

// openToken reads the file; nil without one, but a file without a token is an error.
func openToken(file string, log *slog.Logger) (*token, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // nobody is asked for one
	}
	t := &token{file: file, log: log, seen: read([]string{file})}
	return t, t.load(t.seen)
}

func (t *token) load(r reading) error {
	data, err := r.file(t.file)
	if err != nil {
		return fmt.Errorf("--admin-token-file %s: %w", t.file, err)
	}
	text := strings.TrimSpace(string(data))
	if len(text) < shortestToken {
		return fmt.Errorf("--admin-token-file %s: it holds %d bytes, at least %d are needed; openssl rand -hex 32 makes one",
			t.file, len(text), shortestToken)
	}
	if old := t.live.Swap(&text); old != nil && *old != text {
		t.log.Info("the admin token is another")
	}
	return nil
}

// watch follows the file until ctx ends.
func (t *token) watch(ctx context.Context) {
	follow(ctx, t.seen, t.load, func(err error) {
		t.log.Error("the admin token cannot be read, the old one stays", "err", err)
	})
}

// get is for the admin API: nil asks nobody.
func (t *token) get() func() string {
	if t == nil {
		return nil
	}
	return func() string { return *t.live.Load() }
}
