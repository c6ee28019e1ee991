package rig

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Trace is what strace saw of a server's writes and syncs, and what it made fail.
type Trace struct {
	server *Server
	file   string
	strace *exec.Cmd // of a server that ran already
}

func newTrace(s *Server) *Trace {
	tr := &Trace{server: s, file: filepath.Join(s.Dir, "trace")}
	_ = os.Remove(tr.file) // of the one before
	return tr
}

// args run strace on all threads, with the path beside each descriptor. What is injected is written as strace's
// -e inject= has it; a count in there is by thread: each thread fails once.
func (tr *Trace) args(inject string, more ...string) []string {
	args := []string{"strace", "-f", "-y", "-s", "0", "-o", tr.file, "-e", "trace=fdatasync,fsync,pwrite64,unlinkat", "-e", "inject=" + inject}
	return append(args, more...)
}

// TraceStart makes the next Start run under strace.
func TraceStart(s *Server, inject string) *Trace {
	tr := newTrace(s)
	s.Wrap = tr.args(inject, "--seccomp-bpf")
	return tr
}

// TraceNow attaches strace to the running server, until End.
func TraceNow(s *Server, inject string) *Trace {
	s.T.Helper()
	tr := newTrace(s)
	args := tr.args(inject, "-p", strconv.Itoa(s.Pid()))
	tr.strace = exec.CommandContext(s.T.Context(), args[0], args[1:]...)
	if err := tr.strace.Start(); err != nil {
		s.T.Fatal(err)
	}
	return tr
}

// End detaches: the disk is well again.
func (tr *Trace) End() {
	tr.server.T.Helper()
	if err := tr.strace.Process.Signal(unix.SIGINT); err != nil {
		tr.server.T.Fatal(err)
	}
	_ = tr.strace.Wait() // ends by the signal
}

var (
	traced    = regexp.MustCompile(`^\d+ +(\w+)\(\d+<([^>]*)>`)
	continued = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>`)
	removed   = regexp.MustCompile(`^\d+ +unlinkat\(.*"([^"]+)"`)
)

// Synced gives the files and directories that were synced, in order.
func (tr *Trace) Synced() (all []string) {
	tr.server.T.Helper()
	data, err := os.ReadFile(tr.file)
	if err != nil {
		tr.server.T.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		if m := traced.FindStringSubmatch(line); m != nil && strings.HasSuffix(m[1], "sync") {
			all = append(all, m[2])
		}
	}
	return all
}

// Read gives the files for which a call was made to fail, and, of those with this suffix, the ones that were written
// or synced afterwards all the same. A file that is removed may have a successor of its name.
func (tr *Trace) Read(suffix string) (failed, again []string) {
	tr.server.T.Helper()
	f, err := os.Open(tr.file)
	if err != nil {
		return nil, nil // nothing traced yet
	}
	defer f.Close()
	begun := map[string]string{} // by thread: the path of a call whose end is on a later line
	bad := map[string]bool{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line, path := lines.Text(), ""
		thread, _, _ := strings.Cut(line, " ")
		if m := traced.FindStringSubmatch(line); m != nil {
			path, begun[thread] = m[2], m[2]
			if bad[path] && strings.HasSuffix(path, suffix) {
				again = append(again, line)
			}
		} else if m := removed.FindStringSubmatch(line); m != nil {
			delete(bad, m[1])
		} else if continued.MatchString(line) {
			path = begun[thread]
		}
		if path != "" && strings.HasSuffix(line, "(INJECTED)") {
			failed, bad[path] = append(failed, path), true
		}
	}
	return failed, again
}
