package main

import (
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

	"github.com/hookrouter/hookrouter/faults/rig"
)

const liveRules = `
version: 1
sources:
  github: { preset: github, secret: 0123456789abcdef }
  open: { verify: none }
  few: { verify: none, allow_ip: [127.0.0.0/8, "::1"], limit: { concurrency: 5, rate: 2/h } }
  taught: { preset: teacher }
presets:
  teacher:
    verify: { kind: hmac, signature: { header: X-Sig } }
    handshake: { unverified: true, match: { header: { X-Secret: "*" } }, learn: "{header:X-Secret}", reply: {} }
destinations: { a: http://SINK/a }
routes: [{ name: r, from: github, to: a }]
`

// live starts a server that delivers to a destination which answers 200.
func live(t *testing.T, flags ...string) *rig.Server {
	t.Helper()
	to := rig.Listen(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s := rig.NewServer(t, rig.Binary(t), strings.ReplaceAll(liveRules, "SINK", to))
	s.Start(flags...)
	s.WaitReady(10 * time.Second)
	return s
}

func TestSourceSaysWhyItRefused(t *testing.T) {
	s := live(t)
	send := []string{"send", "github", "push", "--to", "http://" + s.Listen}
	s.Says(0, `^202 `, send...)
	s.Says(1, `^401 `, append(send, "--bad-signature")...)
	s.Says(0, `(?m)^github +/in/github +github +\S+ +1 accepted, 1 unverified$`, "source", "list", "--admin", s.Admin)
	s.Says(0, `(?m)^open +/in/open +NONE +- +-$`, "source", "list", "--admin", s.Admin)
	s.Says(0, `(?ms)^github\n.*^\d{4}-\S+Z +401: no signature matched with the secret\n  request +POST from 127.0.0.1\n`+
		`  headers +Accept, .*X-Hub-Signature-256\n  body +\d+ bytes, sha256 [0-9a-f]{64}\n$`, "source", "show", "github", "--admin", s.Admin)
	s.Says(0, `refused +none since the start\n$`, "source", "show", "open", "--admin", s.Admin)
	s.Says(0, `"body_sha256": "[0-9a-f]{64}"`, "source", "show", "github", "-o", "json", "--admin", s.Admin)
	s.Says(0, `(?m)^few +/in/few +address +- +-$`, "source", "list", "--admin", s.Admin)
	s.Says(0, `(?ms)^few\n.*  only from +127\.0\.0\.0/8, ::1\n  limit +5 at a time \(0 now\); 2 at once and then 0\.000556 a second \(2 left\)\n`,
		"source", "show", "few", "--admin", s.Admin)
	s.Says(1, `error: `, "source", "show", "nobody", "--admin", s.Admin)
	if _, out, _ := s.Command("source", "show", "github", "--admin", s.Admin); strings.Contains(out, "sha256=") {
		t.Errorf("a signature is shown:\n%s", out)
	}
}

// TestSourceArm: only a source whose sender gives the secret can be armed.
func TestSourceArm(t *testing.T) {
	s := live(t)
	s.Says(0, `^taught takes a new secret until \d\d:\d\d:\d\d\n$`, "source", "arm", "taught", "--admin", s.Admin)
	s.Says(0, `"armed_until": "20`, "source", "show", "taught", "-o", "json", "--admin", s.Admin)
	s.Says(1, `error: .*gives no secret`, "source", "arm", "github", "--admin", s.Admin)
	s.Says(1, `error: no such source`, "source", "arm", "nobody", "--admin", s.Admin)
}

// TestHealthcheck: ready on both listeners, not ready while it drains, not there afterwards.
func TestHealthcheck(t *testing.T) {
	s := live(t, "--drain-delay", "2s")
	for _, url := range []string{"http://" + s.Admin, s.Listen, "http://" + s.Listen + "/readyz"} {
		s.Says(0, `^ready\n$`, "healthcheck", "--url", url)
	}
	s.Says(0, `^ready\n$`, "healthcheck", "--admin", s.Admin)
	_, port, _ := strings.Cut(s.Admin, ":")
	for _, listen := range []string{"0.0.0.0:" + port, ":" + port} { // as `run` is told in a container
		s.Says(0, `^ready\n$`, "healthcheck", "--admin", listen)
		s.Says(0, `ready`, "status", "--admin", listen)
	}
	s.Says(1, `error: not ready: no such address`, "healthcheck", "--url", "http://"+s.Admin+"/nothing")
	if err := s.Process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	rig.Eventually(t, 2*time.Second, "not ready while draining", func() bool {
		code, _, errs := s.Command("healthcheck", "--admin", s.Admin)
		return code == 1 && strings.Contains(errs, "not ready: draining")
	})
	_ = s.Process.Wait()
	s.Says(4, `hint: `, "healthcheck", "--admin", s.Admin)
}

// TestTailGoesOnAfterAReconnect: what happens while the server is away, or while nobody watches, is shown once.
func TestTailGoesOnAfterAReconnect(t *testing.T) {
	s := live(t)
	var out, errs buffer
	tail := exec.CommandContext(t.Context(), s.Bin, "tail", "--admin", s.Admin)
	tail.Stdout, tail.Stderr = &out, &errs
	if err := tail.Start(); err != nil {
		t.Fatal(err)
	}
	send := func(kind string) { s.Says(0, `^202 `, "send", "github", kind, "--to", "http://"+s.Listen) }
	shows := func(what string) {
		t.Helper()
		rig.Eventually(t, 20*time.Second, "tail shows "+what, func() bool { return strings.Contains(out.String(), what) })
	}
	rig.Eventually(t, 10*time.Second, "tail follows", func() bool { send("push"); return out.String() != "" })
	send("pull_request")
	shows("pull_request from github")
	s.Kill()
	rig.Eventually(t, 10*time.Second, "it says that the server is away", func() bool { return strings.Contains(errs.String(), "waiting for it") })
	s.Start()
	s.WaitReady(10 * time.Second)
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
	s.Says(1, `error: a valid bearer token is required`, "status", "--admin", s.Admin)
	s.Says(0, `ready`, "status", "--admin", s.Admin, "--token-file", file)
	s.Says(0, `^ready\n$`, "healthcheck", "--admin", s.Admin)
}

// TestRollingRestart: the next process waits for the one before to leave, and then serves.
func TestRollingRestart(t *testing.T) {
	old := live(t)
	next := rig.NewServer(t, old.Bin, "")
	rules, err := os.ReadFile(filepath.Join(old.Dir, "rules.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	next.WriteRules(string(rules))
	next.Start("--data", old.Data(), "--lock-wait", "30s")
	rig.Eventually(t, 10*time.Second, "the next one says that it waits", func() bool {
		return strings.Contains(next.LogTail(), "waiting for another process")
	})
	select {
	case <-next.Ready:
		t.Error("two processes on one data directory")
	default:
	}
	if code := old.Stop(); code != 0 {
		t.Errorf("the old one ended with %d", code)
	}
	next.WaitReady(10 * time.Second)
	next.Says(0, `^202 `, "send", "github", "push", "--to", "http://"+next.Listen)
}
