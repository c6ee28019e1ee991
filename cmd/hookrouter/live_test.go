package main

import (
	"bytes"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const liveRules = `
version: 1
sources:
  github: { preset: github, secret: 0123456789abcdef }
  open: { verify: none }
destinations: { a: http://SINK/a }
routes: [{ name: r, from: github, to: a }]
`

// live starts a server that delivers to a destination which answers 200.
func live(t *testing.T, flags ...string) *server {
	t.Helper()
	to := listen(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s := newServer(t, binary(t), strings.ReplaceAll(liveRules, "SINK", to))
	s.start(flags...)
	s.waitReady(10 * time.Second)
	return s
}

// command runs one command to its end and gives its exit code and output.
func (s *server) command(args ...string) (code int, stdout, stderr string) {
	s.t.Helper()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(s.t.Context(), s.bin, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, &out, &errs
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

// says runs a command and fails unless it ends with this code and prints what matches.
func (s *server) says(code int, pattern string, args ...string) {
	s.t.Helper()
	got, out, errs := s.command(args...)
	if got != code || !regexp.MustCompile(pattern).MatchString(out+errs) {
		s.t.Errorf("%s: exit %d, want %d; printed\n%s%swant\n%s", strings.Join(args, " "), got, code, out, errs, pattern)
	}
}

func TestSourceSaysWhyItRefused(t *testing.T) {
	s := live(t)
	send := []string{"send", "github", "push", "--to", "http://" + s.listen}
	s.says(0, `^202 `, send...)
	s.says(1, `^401 `, append(send, "--bad-signature")...)
	s.says(0, `(?m)^github +/in/github +github +\S+ +1 accepted, 1 unverified$`, "source", "list", "--admin", s.admin)
	s.says(0, `(?m)^open +/in/open +NONE +- +-$`, "source", "list", "--admin", s.admin)
	s.says(0, `(?ms)^github\n.*^\d{4}-\S+Z +401: no signature matched with the secret\n  request +POST from 127.0.0.1\n`+
		`  headers +Accept, .*X-Hub-Signature-256\n  body +\d+ bytes, sha256 [0-9a-f]{64}\n$`, "source", "show", "github", "--admin", s.admin)
	s.says(0, `refused +none since the start\n$`, "source", "show", "open", "--admin", s.admin)
	s.says(0, `"body_sha256": "[0-9a-f]{64}"`, "source", "show", "github", "-o", "json", "--admin", s.admin)
	s.says(1, `error: `, "source", "show", "nobody", "--admin", s.admin)
	if _, out, _ := s.command("source", "show", "github", "--admin", s.admin); strings.Contains(out, "sha256=") {
		t.Errorf("a signature is shown:\n%s", out)
	}
}

// TestHealthcheck: ready on both listeners, not ready while it drains, not there afterwards.
func TestHealthcheck(t *testing.T) {
	s := live(t, "--drain-delay", "2s")
	for _, url := range []string{"http://" + s.admin, s.listen, "http://" + s.listen + "/readyz"} {
		s.says(0, `^ready\n$`, "healthcheck", "--url", url)
	}
	s.says(0, `^ready\n$`, "healthcheck", "--admin", s.admin)
	_, port, _ := strings.Cut(s.admin, ":")
	for _, listen := range []string{"0.0.0.0:" + port, ":" + port} { // as `run` is told in a container
		s.says(0, `^ready\n$`, "healthcheck", "--admin", listen)
		s.says(0, `ready`, "status", "--admin", listen)
	}
	s.says(1, `error: not ready: no such address`, "healthcheck", "--url", "http://"+s.admin+"/nothing")
	if err := s.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Second, "not ready while draining", func() bool {
		code, _, errs := s.command("healthcheck", "--admin", s.admin)
		return code == 1 && strings.Contains(errs, "not ready: draining")
	})
	_ = s.process.Wait()
	s.says(4, `hint: `, "healthcheck", "--admin", s.admin)
}

// TestTailGoesOnAfterAReconnect: what happens while the server is away, or while nobody watches, is shown once.
func TestTailGoesOnAfterAReconnect(t *testing.T) {
	s := live(t)
	var out, errs buffer
	tail := exec.CommandContext(t.Context(), s.bin, "tail", "--admin", s.admin)
	tail.Stdout, tail.Stderr = &out, &errs
	if err := tail.Start(); err != nil {
		t.Fatal(err)
	}
	send := func(kind string) { s.says(0, `^202 `, "send", "github", kind, "--to", "http://"+s.listen) }
	shows := func(what string) {
		t.Helper()
		eventually(t, 20*time.Second, "tail shows "+what, func() bool { return strings.Contains(out.String(), what) })
	}
	eventually(t, 10*time.Second, "tail follows", func() bool { send("push"); return out.String() != "" })
	send("pull_request")
	shows("pull_request from github")
	s.kill()
	eventually(t, 10*time.Second, "it says that the server is away", func() bool { return strings.Contains(errs.String(), "waiting for it") })
	s.start()
	s.waitReady(10 * time.Second)
	send("ping")
	shows("ping from github")
	shows("delivered  a: attempt 1: 200 in ")
	if !strings.Contains(errs.String(), "the server is back") {
		t.Errorf("not said that it is back: %s", errs.String())
	}
	if err := tail.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	if err := tail.Wait(); err != nil {
		t.Errorf("tail: %v", err)
	}
	line := regexp.MustCompile(`(?m)^\d\d:\d\d:\d\d\.\d{3}  stored     evt_\S+  \S+ from github$`)
	stored := line.FindAllString(out.String(), -1)
	slices.Sort(stored)
	if len(stored) != len(slices.Compact(slices.Clone(stored))) || len(stored) < 3 {
		t.Errorf("shown twice, or not all:\n%s", out.String())
	}
}

func TestAdminTokenOfARunningServer(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "token")
	if err := os.WriteFile(file, []byte("0123456789abcdef0123456789abcdef\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := live(t, "--admin-token-file", file)
	s.says(1, `error: a valid bearer token is required`, "status", "--admin", s.admin)
	s.says(0, `ready`, "status", "--admin", s.admin, "--token-file", file)
	s.says(0, `^ready\n$`, "healthcheck", "--admin", s.admin)
}

// TestRollingRestart: the next process waits for the one before to leave, and then serves.
func TestRollingRestart(t *testing.T) {
	old := live(t)
	next := newServer(t, old.bin, "")
	rules, err := os.ReadFile(filepath.Join(old.dir, "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	next.writeRules(string(rules))
	next.start("--data", old.data(), "--lock-wait", "30s")
	eventually(t, 10*time.Second, "the next one says that it waits", func() bool {
		return strings.Contains(next.logTail(), "waiting for another process")
	})
	select {
	case <-next.ready:
		t.Error("two processes on one data directory")
	default:
	}
	if code := old.stop(); code != 0 {
		t.Errorf("the old one ended with %d", code)
	}
	next.waitReady(10 * time.Second)
	next.says(0, `^202 `, "send", "github", "push", "--to", "http://"+next.listen)
}
