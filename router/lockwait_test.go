package router_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router"
	"github.com/hookrouter/hookrouter/router/queue/journal"
)

// TestLockWait: a second process is refused at once without a wait, waits for the first to end with one, and not for
// longer than it was told or once it is stopped.
func TestLockWait(t *testing.T) {
	h := prepare(t)
	h.write(h.rules(openRules))
	_, stopFirst := h.start(h.options())
	o := h.options()
	if _, err := router.New(t.Context(), o); !errors.Is(err, journal.ErrInUse) {
		t.Fatalf("no wait: %v", err)
	}
	if strings.Contains(h.logs.text(), "waiting for another process") {
		t.Error("waited without being told to")
	}
	o.LockWait = time.Millisecond
	if _, err := router.New(t.Context(), o); !errors.Is(err, journal.ErrInUse) || !strings.Contains(err.Error(), "waited 1ms") {
		t.Errorf("a short wait: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	o.LockWait = time.Hour
	if _, err := router.New(stopped, o); !errors.Is(err, journal.ErrInUse) {
		t.Errorf("stopped: %v", err)
	}
	time.AfterFunc(50*time.Millisecond, stopFirst)
	second, _ := h.start(o)
	if status, text := ask(t, "http://"+second.AdminAddr()+"/readyz"); status != 200 {
		t.Errorf("the second is not ready: %d %s", status, text)
	}
	if n := strings.Count(h.logs.text(), "waiting for another process"); n != 3 {
		t.Errorf("the wait is said %d times by three that waited", n)
	}
}
