//go:build unix

// Package steps has those functions of os that change a disk, with a stop before each. They take the place of os in a
// copy of the code that stores things: a test names a step, and the process stands still right before it. What a power
// cut or a kill leaves there is then looked at.
package steps

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
)

// The environment of a process says where it stops.
const (
	// Seen names a file that gets a line for each step that was taken for the first time.
	Seen = "HOOKROUTER_STEPS_SEEN"
	// StopAt is a step as Seen has it, a space, and how many times it is taken before the process stops at it.
	StopAt = "HOOKROUTER_STEPS_STOP"
)

// plan is what the environment says, and how far it came.
type plan struct {
	seen   *os.File
	known  sync.Map // steps that are in seen
	stopAt string
	left   atomic.Int64
}

var thePlan = sync.OnceValue(func() *plan {
	p := &plan{}
	if name := os.Getenv(Seen); name != "" {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			panic(err)
		}
		p.seen = f
	}
	step, times, _ := strings.Cut(os.Getenv(StopAt), " ")
	n, _ := strconv.ParseInt(times, 10, 64) // none is 0
	p.stopAt = step
	p.left.Store(n)
	return p
})

// step is called by each function of this package that is about to change something.
func step() {
	p := thePlan()
	if p.seen == nil && p.stopAt == "" {
		return
	}
	name := caller()
	if _, known := p.known.LoadOrStore(name, true); !known && p.seen != nil {
		_, _ = fmt.Fprintln(p.seen, name)
	}
	if name == p.stopAt && p.left.Add(-1) < 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		select {} // also when it is let run on: this step is never taken
	}
}

// caller is the place in the code that stores things, as journal/trim.go:48, and the place that called it, through
// buffers and the like: one function syncs for many.
func caller() string {
	pcs := make([]uintptr, 24)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	var places []string
	for {
		f, more := frames.Next()
		if i := strings.Index(f.Function, "/router"); i >= 0 {
			folder := filepath.Base(strings.SplitN(f.Function[i+1:], ".", 2)[0])
			places = append(places, fmt.Sprintf("%s/%s:%d", folder, filepath.Base(f.File), f.Line))
		}
		if !more || len(places) == 2 {
			return strings.Join(places, "<")
		}
	}
}
