package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/hookrouter/hookrouter/router"
)

// tellEvery is how often a service manager without a watchdog hears how the server stands.
const tellEvery = 10 * time.Second

// service is what stands between the server and the system that runs it: SIGHUP, and what systemd wants to know
// (sd_notify(3)). Without systemd nothing is told.
type service struct {
	warn    func(msg string, args ...any)
	hangups chan os.Signal
	every   time.Duration // between two signs of life
}

// newService takes SIGHUP from now on until the process ends: its default would end the process, also while it starts
// or drains.
func newService(warn func(string, ...any)) *service {
	s := &service{warn: warn, hangups: make(chan os.Signal, 1), every: tellEvery}
	signal.Notify(s.hangups, syscall.SIGHUP)
	switch limit, err := daemon.SdWatchdogEnabled(true); {
	case err != nil:
		warn("no watchdog", "err", err)
	case limit > 0:
		s.every = limit / 2
	}
	return s
}

// follow tells of the server's life until ended is closed, and has the rules read again on each SIGHUP. The result of
// that is in the log and the status.
func (s *service) follow(ctx context.Context, r *router.Router, ended <-chan struct{}) {
	tick := time.NewTicker(s.every)
	defer tick.Stop()
	serving, stop := r.Serving(), ctx.Done()
	for {
		select {
		case <-serving:
			serving = nil
			s.tell(r, daemon.SdNotifyReady)
		case <-s.hangups:
			s.tell(r, daemon.SdNotifyReloading, strings.TrimSpace(daemon.SdNotifyMonotonicUsec()))
			_ = r.Reload()
			s.tell(r, daemon.SdNotifyReady)
		case <-tick.C:
			s.signOfLife(r)
		case <-stop:
			stop = nil
			s.send(daemon.SdNotifyStopping, "STATUS=stopping")
		case <-ended:
			return
		}
	}
}

// signOfLife is what the watchdog waits for. A server that is stuck does not give it.
func (s *service) signOfLife(r *router.Router) {
	if err := r.Alive(); err != nil {
		s.warn("the watchdog is not told to wait", "err", err)
		return
	}
	s.tell(r, daemon.SdNotifyWatchdog)
}

// tell sends assignments, and in a line how the server stands.
func (s *service) tell(r *router.Router, assignments ...string) {
	s.send(append(assignments, "STATUS="+strings.ReplaceAll(r.Summary(), "\n", " "))...)
}

func (s *service) send(assignments ...string) {
	if _, err := daemon.SdNotify(false, strings.Join(assignments, "\n")); err != nil {
		s.warn("the service manager is not told", "err", err)
	}
}

// inheritSockets takes the sockets over that a service manager opened for this process (sd_listen_fds(3)).
func inheritSockets(o *router.Options) error {
	for _, f := range activation.Files(true) {
		err := inheritSocket(o, f)
		_ = f.Close() // the listener has its own
		if err != nil {
			return &failure{exitNo, fmt.Errorf("socket %q of the service manager: %w", f.Name(), err),
				"in a socket unit: FileDescriptorName=public or admin, one ListenStream= with a port, and no Accept="}
		}
	}
	return nil
}

func inheritSocket(o *router.Options, f *os.File) error {
	to := map[string]*net.Listener{"public": &o.PublicSocket, "admin": &o.AdminSocket}[f.Name()]
	if to == nil {
		return fmt.Errorf("the name is neither public nor admin")
	}
	if *to != nil {
		return fmt.Errorf("there are two of this name")
	}
	ln, err := net.FileListener(f)
	if err != nil {
		return err
	}
	if *to = ln; ln.Addr().Network() != "tcp" {
		return fmt.Errorf("%s is not TCP", ln.Addr().Network())
	}
	return nil
}
