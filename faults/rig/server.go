package rig

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
)

// Server is a real process that can be killed and started again on the same data and addresses.
type Server struct {
	T       testing.TB
	Bin     string
	Dir     string // rules.yaml, data/, server.log
	Listen  string
	Admin   string
	Files   []*os.File // the process inherits them, as descriptors from 3 on
	Env     []string   // beside the test's own
	Wrap    []string   // a command before the server's, such as strace with its flags; signals go to the whole group then
	Process *exec.Cmd
	Ready   chan struct{} // closed by the ready line of the running process
	Ended   chan struct{} // closed when the process is gone, however it ended

	log *os.File
}

// NewServer prepares a server with these rules; start it with Start.
func NewServer(t testing.TB, bin, rules string) *Server {
	t.Helper()
	dir := t.TempDir()
	s := &Server{T: t, Bin: bin, Dir: dir, Listen: FreeAddr(t), Admin: FreeAddr(t)}
	s.WriteRules(rules)
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	s.log = log
	t.Cleanup(func() {
		s.Kill()
		_ = log.Close()
		if t.Failed() {
			t.Logf("last of the server's log:\n%s", s.LogTail())
		}
	})
	return s
}

// WriteRules replaces the rules file.
func (s *Server) WriteRules(rules string) {
	s.T.Helper()
	if err := os.WriteFile(filepath.Join(s.Dir, "rules.yaml"), []byte(rules), 0o600); err != nil {
		s.T.Fatal(err)
	}
}

// Data is the data directory; a flag can name another.
func (s *Server) Data() string { return filepath.Join(s.Dir, "data") }

// Start runs the process; it does not wait for it to be ready.
func (s *Server) Start(flags ...string) {
	s.T.Helper()
	args := append(s.Wrap, s.Bin, "run", "-c", filepath.Join(s.Dir, "rules.yaml"), "--listen", s.Listen, "--admin", s.Admin,
		"--data", s.Data(), "--drain-delay", "0s", "--log-format", "json")
	args = append(args, flags...)
	s.Process = exec.CommandContext(context.Background(), args[0], args[1:]...)
	s.Process.ExtraFiles, s.Process.Env = s.Files, append(os.Environ(), s.Env...)
	ownGroup(s.Process)
	stderr, err := s.Process.StderrPipe()
	if err != nil {
		s.T.Fatal(err)
	}
	if err := s.Process.Start(); err != nil {
		s.T.Fatal(err)
	}
	s.Ready, s.Ended = make(chan struct{}), make(chan struct{})
	go s.readLog(stderr, s.Ready, s.Ended)
}

// readLog copies the log to its file and notes the ready line.
func (s *Server) readLog(stderr io.Reader, ready, ended chan struct{}) {
	defer close(ended)
	lines := bufio.NewScanner(stderr)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		_, _ = fmt.Fprintln(s.log, lines.Text())
		if ready != nil && strings.Contains(lines.Text(), `"msg":"ready"`) {
			close(ready)
			ready = nil
		}
	}
}

// WaitReady waits for the ready line.
func (s *Server) WaitReady(limit time.Duration) {
	s.T.Helper()
	select {
	case <-s.Ready:
	case <-time.After(limit):
		s.T.Fatalf("server not ready after %v; its log:\n%s", limit, s.LogTail())
	}
}

// Kill ends the process as a crash does: nothing of it runs on.
func (s *Server) Kill() {
	if s.Process == nil {
		return
	}
	killGroup(s.Process)
	_ = s.Process.Wait()
	s.Process = nil
}

// Signal sends the process a signal.
func (s *Server) Signal(sig os.Signal) {
	s.T.Helper()
	if err := s.Process.Process.Signal(sig); err != nil {
		s.T.Fatal(err)
	}
}

// Wait waits for the end of the process and returns its exit code; -1 when a signal ended it.
func (s *Server) Wait() int {
	_ = s.Process.Wait()
	code := s.Process.ProcessState.ExitCode()
	s.Process = nil
	return code
}

// Stop ends the process as an operator does and returns its exit code.
func (s *Server) Stop() int {
	s.T.Helper()
	s.Signal(syscall.SIGTERM)
	return s.Wait()
}

// LogTail is the end of the server's log.
func (s *Server) LogTail() string {
	data, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-4000):])
}

// API is a client of the server's admin API.
func (s *Server) API() *client.Client { return client.New("http://"+s.Admin, "") }

// Command runs one command of the server's binary to its end and gives its exit code and output.
func (s *Server) Command(args ...string) (code int, stdout, stderr string) {
	s.T.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(s.T.Context(), s.Bin, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.Dir, &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.T.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// Says runs a command and fails unless it ends with this code and prints what matches.
func (s *Server) Says(code int, pattern string, args ...string) {
	s.T.Helper()
	got, out, errs := s.Command(args...)
	if got != code || !regexp.MustCompile(pattern).MatchString(out+errs) {
		s.T.Errorf("%s: exit %d, want %d; printed\n%s%swant\n%s", strings.Join(args, " "), got, code, out, errs, pattern)
	}
}
