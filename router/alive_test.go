package router

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router/queue"
)

// TestAlive: a server whose queue does not take over what the log has is not alive, and is again once it does. Here it
// stands still because it was not started yet.
func TestAlive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "rules.yaml")
	if err := os.WriteFile(file, []byte("version: 1\nsources: { in: { verify: none } }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r, err := New(ctx, Options{RulesFile: file, Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", Data: filepath.Join(dir, "data")})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := r.Alive(); err != nil {
			t.Errorf("nothing to do, and %v", err)
		}
	}
	if _, err := r.journal.Append(ctx, queue.Record("of no kind: it will be passed over")); err != nil {
		t.Fatal(err)
	}
	if err := r.Alive(); err != nil {
		t.Errorf("a record that came since the call before may wait: %v", err)
	}
	for range 2 {
		if r.Alive() == nil {
			t.Error("alive, although nothing is taken over")
		}
	}
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	for deadline := time.Now().Add(10 * time.Second); r.queue.Stats().Applied == 0 && time.Now().Before(deadline); {
		sleep(ctx, time.Millisecond)
	}
	if err := r.Alive(); err != nil {
		t.Errorf("it runs, and %v", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
