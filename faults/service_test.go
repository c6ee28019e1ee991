package faults_test

import (
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

const openRules = `version: 1
sources: { in: { verify: none, body: text } }
destinations: { there: "http://SINK/" }
routes: [ { name: on, from: in, to: there } ]
`

// manager is what the server knows of systemd: a socket that it tells things to.
type manager struct {
	t    *testing.T
	conn *net.UnixConn
}

func newManager(t *testing.T, s *rig.Server) *manager {
	t.Helper()
	name := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s.Env = append(s.Env, "NOTIFY_SOCKET="+name)
	return &manager{t, conn}
}

// hears waits for a datagram with all of these assignments; the value of one that ends with = may be any. Signs of life
// may come in between, anything else may not.
func (m *manager) hears(assignments ...string) map[string]string {
	m.t.Helper()
	buf := make([]byte, 4096)
	for {
		_ = m.conn.SetReadDeadline(time.Now().Add(10 * time.Second))
		n, err := m.conn.Read(buf)
		if err != nil {
			m.t.Fatalf("nothing was told, want %q: %v", assignments, err)
		}
		told := map[string]string{}
		for line := range strings.Lines(string(buf[:n])) {
			name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
			told[name] = value
		}
		if holds(told, assignments) {
			return told
		}
		if told["WATCHDOG"] != "1" {
			m.t.Fatalf("told %q, want %q", buf[:n], assignments)
		}
	}
}

func holds(told map[string]string, assignments []string) bool {
	for _, a := range assignments {
		name, want, _ := strings.Cut(a, "=")
		if got, ok := told[name]; !ok || want != "" && !strings.HasPrefix(got, want) {
			return false
		}
	}
	return true
}

// TestServiceManager: systemd is told when the server serves, reloads, lives and stops.
func TestServiceManager(t *testing.T) {
	t.Parallel()
	rules := strings.ReplaceAll(openRules, "SINK", rig.Listen(t, sink.New(sink.Options{})))
	s := rig.NewServer(t, rig.Binary(t), rules)
	m := newManager(t, s)
	s.Env = append(s.Env, "WATCHDOG_USEC=200000")
	s.Start("--drain-delay", "300ms")
	m.hears("READY=1", "STATUS=accepting events; rules: the file is live")
	if status := postText(t, s.Listen, "x"); status != http.StatusAccepted {
		t.Errorf("ready, and an event is answered %d", status)
	}
	m.hears("WATCHDOG=1")
	m.hears("WATCHDOG=1")

	s.WriteRules("nonsense: true\n")
	before := monotonic()
	s.Signal(syscall.SIGHUP)
	when := m.hears("RELOADING=1", "MONOTONIC_USEC=")["MONOTONIC_USEC"]
	if us, err := strconv.ParseInt(when, 10, 64); err != nil || us < before || us > monotonic() {
		t.Errorf("reloading at %q, which is not between %d and now (%v)", when, before, err)
	}
	m.hears("READY=1", "STATUS=accepting events; rules: the file is bad: the rules before it stay live")
	s.WriteRules(rules)
	s.Signal(syscall.SIGHUP)
	m.hears("RELOADING=1")
	m.hears("READY=1", "STATUS=accepting events; rules: the file is live")

	s.Signal(syscall.SIGTERM)
	m.hears("STOPPING=1", "STATUS=stopping")
	m.hears("WATCHDOG=1", "STATUS=accepts no events: draining") // a server that drains is still alive
	s.Signal(syscall.SIGHUP)                                    // ends nothing
	if code := s.Wait(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	rig.Eventually(t, 10*time.Second, "the log is read to its end", func() bool { return strings.Contains(s.LogTail(), `"msg":"stopped"`) })
	if want := `"msg":"stopping","accepting_for":"300ms"`; !strings.Contains(s.LogTail(), want) {
		t.Errorf("the log has no %s", want)
	}
}

// monotonic is the time of systemd's messages, in microseconds.
func monotonic() int64 {
	_, text, _ := strings.Cut(strings.TrimSpace(daemon.SdNotifyMonotonicUsec()), "=")
	us, _ := strconv.ParseInt(text, 10, 64)
	return us
}

// postText sends an event to openRules and gives the status of the answer.
func postText(t *testing.T, addr, text string) int {
	t.Helper()
	resp, err := http.Post("http://"+addr+"/in/in", "text/plain", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}
