package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hookrouter/hookrouter/client"
)

// TestMain lets the scripts run the command inside the test binary.
func TestMain(m *testing.M) {
	testscript.Main(tests{m}, map[string]func(){"hookrouter": main})
}

// tests run with one folder for the binaries that they build.
type tests struct{ *testing.M }

func (m tests) Run() int {
	dir, err := os.MkdirTemp("", "hookrouter-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	builds.dir = dir
	return m.M.Run()
}

// TestCommands runs each command as its user types it: what it prints, and its exit code.
func TestCommands(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata/script", RequireExplicitExec: true})
}

// builds are the binaries of this run, by what was planted in them.
var builds struct {
	sync.Mutex
	dir  string
	done map[string]string
}

// binary builds the command, with bugs planted in it by an overlay; nothing of the tree is touched.
func binary(t testing.TB, bugs ...bug) string {
	t.Helper()
	builds.Lock()
	defer builds.Unlock()
	key := fmt.Sprint(bugs)
	if path, ok := builds.done[key]; ok {
		return path
	}
	path := filepath.Join(builds.dir, fmt.Sprintf("hookrouter-%d", len(builds.done)))
	cmd := exec.Command("go", "build", "-o", path, "-overlay", overlay(t, path, bugs), ".")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build with %v: %v\n%s", bugs, err, out)
	}
	if builds.done == nil {
		builds.done = map[string]string{}
	}
	builds.done[key] = path
	return path
}

// bug is a change of one place in one file that a test must notice.
type bug struct{ file, old, new string }

// overlay writes patched copies and the file that tells the Go command of them. A place that is not there exactly once
// fails the test: the code moved on, and the bug must move with it.
func overlay(t testing.TB, path string, bugs []bug) string {
	t.Helper()
	replace := map[string]string{}
	for i, b := range bugs {
		file, err := filepath.Abs(filepath.Join("../..", b.file))
		if err != nil {
			t.Fatal(err)
		}
		source := file
		if patched, ok := replace[file]; ok {
			source = patched
		}
		data, err := os.ReadFile(source)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(data), b.old); n != 1 {
			t.Fatalf("planted bug in %s: the place is there %d times, want once:\n%s", b.file, n, b.old)
		}
		copied := fmt.Sprintf("%s-bug%d.go", path, i)
		if err := os.WriteFile(copied, []byte(strings.Replace(string(data), b.old, b.new, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[file] = copied
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	name := path + "-overlay.json"
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// server is a real process that can be killed and started again on the same data and addresses.
type server struct {
	t       testing.TB
	bin     string
	dir     string // rules.yaml, data/, server.log
	listen  string
	admin   string
	process *exec.Cmd
	ready   chan struct{} // closed by the ready line of the running process
	log     *os.File
}

// newServer prepares a server with these rules; start it with start.
func newServer(t testing.TB, bin, rules string) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{t: t, bin: bin, dir: dir, listen: freeAddr(t), admin: freeAddr(t)}
	s.writeRules(rules)
	log, err := os.Create(filepath.Join(dir, "server.log"))
	if err != nil {
		t.Fatal(err)
	}
	s.log = log
	t.Cleanup(func() {
		s.kill()
		_ = log.Close()
		if t.Failed() {
			t.Logf("last of the server's log:\n%s", s.logTail())
		}
	})
	return s
}

func (s *server) writeRules(rules string) {
	s.t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, "rules.yaml"), []byte(rules), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *server) data() string { return filepath.Join(s.dir, "data") }

// start runs the process; it does not wait for it to be ready.
func (s *server) start(flags ...string) {
	s.t.Helper()
	args := append([]string{"run", "-c", filepath.Join(s.dir, "rules.yaml"), "--listen", s.listen, "--admin", s.admin,
		"--data", s.data(), "--drain-delay", "0s", "--log-format", "json"}, flags...)
	s.process = exec.Command(s.bin, args...)
	stderr, err := s.process.StderrPipe()
	if err != nil {
		s.t.Fatal(err)
	}
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.ready = make(chan struct{})
	go s.readLog(stderr, s.ready)
}

// readLog copies the log to its file and notes the ready line.
func (s *server) readLog(stderr io.Reader, ready chan struct{}) {
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

// waitReady waits for the ready line.
func (s *server) waitReady(limit time.Duration) {
	s.t.Helper()
	select {
	case <-s.ready:
	case <-time.After(limit):
		s.t.Fatalf("server not ready after %v; its log:\n%s", limit, s.logTail())
	}
}

// kill ends the process as a crash does: nothing of it runs on.
func (s *server) kill() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	s.process = nil
}

// stop ends the process as an operator does and returns its exit code.
func (s *server) stop() int {
	s.t.Helper()
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	_ = s.process.Wait()
	code := s.process.ProcessState.ExitCode()
	s.process = nil
	return code
}

func (s *server) logTail() string {
	data, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(data[max(0, len(data)-4000):])
}

func (s *server) api() *client.Client { return client.New("http://"+s.admin, "") }

// freeAddr is a loopback address that nothing listens on.
func freeAddr(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

// listen serves h on a free loopback address until the test ends.
func listen(t testing.TB, h http.Handler) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: h}
	go func() { _ = s.Serve(ln) }()
	t.Cleanup(func() { _ = s.Close() })
	return ln.Addr().String()
}

// eventually asks until yes, at most so long. It is for what no event tells of.
func eventually(t testing.TB, limit time.Duration, what string, yes func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", limit, what)
		case <-tick.C:
		}
	}
}
