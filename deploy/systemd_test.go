package deploy_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
)

const installed = "/usr/local/bin/hookrouter"

// TestUnits: systemd takes the units, with the drop-ins of docs/operations.md; their flags are flags, and the service is
// as confined as it says.
func TestUnits(t *testing.T) {
	dir := unitsWithBinary(t)
	service := filepath.Join(dir, "hookrouter.service")
	text, err := os.ReadFile(service)
	if err != nil {
		t.Fatal(err)
	}
	known := flags(t, "run")
	for _, name := range flagName.FindAllString(settingOf(t, string(text), "ExecStart"), -1) {
		if !slices.Contains(known, name) {
			t.Errorf("run has no %s", name)
		}
	}
	stop, err := time.ParseDuration(settingOf(t, string(text), "TimeoutStopSec") + "s")
	if need := stopTime(t, nil); err != nil || stop < need {
		t.Errorf("killed after %v (%v), a stop can take %v", stop, err, need)
	}
	if _, err := exec.LookPath("systemd-analyze"); err != nil {
		t.Skip("systemd is not installed: only flags and times were compared")
	}
	said := output(t, "systemd-analyze", "verify", "--man=no", service,
		filepath.Join(dir, "hookrouter.socket"), filepath.Join(dir, "hookrouter-admin.socket"))
	if strings.Contains(said, dir) { // what it does not know it ignores, with exit code 0
		t.Errorf("systemd says:\n%s", said)
	}
	// In tenths, 0 the best, 96 for a service that nothing confines; 10 with systemd 252.
	t.Log(output(t, "systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold=20", service))
}

// unitsWithBinary copies the units to where systemd finds the binary that they start.
func unitsWithBinary(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join(rig.Root(t), "deploy/systemd/*"))
	if err != nil || len(files) != 3 {
		t.Fatalf("found %q, %v", files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		there := strings.ReplaceAll(string(text), "ExecStart="+installed, "ExecStart="+rig.Binary(t))
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(file)), []byte(there), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	dropIns := filepath.Join(dir, "hookrouter.service.d")
	if err := os.Mkdir(dropIns, 0o700); err != nil {
		t.Fatal(err)
	}
	for i, text := range docBlocks(t, "ini") {
		if err := os.WriteFile(filepath.Join(dropIns, fmt.Sprintf("%d.conf", i)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func settingOf(t *testing.T, unit, key string) string {
	t.Helper()
	m := regexp.MustCompile(`(?m)^`+key+`=(.*)$`).FindAllStringSubmatch(unit, -1)
	if len(m) != 1 {
		t.Fatalf("%d settings %s, want one", len(m), key)
	}
	return m[0][1]
}

// TestSockets: systemd's own tool hands over sockets under the names of the socket units. It starts the server at the
// first connection, which waits until there is somebody to answer it.
func TestSockets(t *testing.T) {
	if _, err := exec.LookPath("systemd-socket-activate"); err != nil {
		t.Skip("systemd is not installed")
	}
	dir := unitsWithBinary(t)
	var names []string
	for _, unit := range []string{"hookrouter.socket", "hookrouter-admin.socket"} {
		text, err := os.ReadFile(filepath.Join(dir, unit))
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, settingOf(t, string(text), "FileDescriptorName"))
	}
	s := rig.NewServer(t, rig.Binary(t), "version: 1\nsources: { in: { verify: none } }\n")
	s.Wrap = []string{"systemd-socket-activate", "-l", s.Listen, "-l", s.Admin, "--fdname=" + strings.Join(names, ":")}
	s.Start()
	var resp *http.Response
	rig.Eventually(t, 10*time.Second, "the socket is open", func() (open bool) {
		var err error
		resp, err = http.Post("http://"+s.Listen+"/in/in", "text/plain", strings.NewReader("x"))
		return err == nil
	})
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusAccepted {
		t.Errorf("answered %s", resp.Status)
	}
	s.Says(0, "ready", "healthcheck", "--admin", s.Admin)
}
