package rig

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"
)

// FreeAddr is a loopback address that nothing listens on.
func FreeAddr(t testing.TB) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// Listen serves h on a free loopback address until the test ends.
func Listen(t testing.TB, h http.Handler) string {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close() })
	return ln.Addr().String()
}

// Eventually asks until yes, at most so long. It is for what no event tells of.
func Eventually(t testing.TB, limit time.Duration, what string, yes func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	for !yes() {
		if !Wait(ctx, 20*time.Millisecond) {
			t.Fatalf("not within %v: %s", limit, what)
		}
	}
}

// Wait waits for d; false when ctx ended before.
func Wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
