package deploy_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
)

// image is what `docker build` makes of the Dockerfile: a root folder, and how to run what is in it.
type image struct {
	dockerfile
	root string
}

// buildImage runs the Dockerfile's own command and makes its copies.
func buildImage(t *testing.T) image {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount and to change the user")
	}
	i := image{readDockerfile(t), t.TempDir()}
	if err := os.Chmod(i.root, 0o755); err != nil { //nolint:gosec // the image's user must get in
		t.Fatal(err)
	}
	out := t.TempDir()
	output(t, "sh", "-c", strings.ReplaceAll(i.build, "/out/", out+"/"))
	for _, c := range i.copies {
		from := strings.Replace(c.from, "/out/", out+"/", 1)
		to := filepath.Join(i.root, c.to)
		if strings.HasSuffix(c.to, "/") {
			to = filepath.Join(to, path.Base(c.from))
		}
		output(t, "mkdir", "-p", filepath.Dir(to))
		output(t, "cp", "-r", from, to)
		if c.owner != "" {
			output(t, "chown", "-R", c.owner, to)
		}
	}
	return i
}

// process is a container of the image: the same root, read-only, and these volumes.
type process struct {
	image
	env     map[string]string
	volumes map[string]string // place in the root -> folder; only the image's VOLUME can be written to
}

// contain mounts and changes the root as a container engine does, in a mount namespace that ends with the command.
const contain = `set -e
root=$1 user=$2; shift 2
mount --bind "$root" "$root"
while [ "$1" != -- ]; do mount --bind "$2" "$root$1"; mount -o "remount,bind,$3" "$root$1"; shift 3; done; shift
mount -o remount,bind,ro "$root"
exec chroot --userspec="$user" --groups= "$root" "$@"`

func (p process) command(t *testing.T, words ...string) *exec.Cmd {
	t.Helper()
	args := []string{"--mount", "sh", "-c", contain, "sh", p.root, p.user}
	for place, folder := range p.volumes {
		output(t, "mkdir", "-p", filepath.Join(p.root, place))
		mode := "ro"
		if place == p.volume {
			mode = "rw"
		}
		args = append(args, place, folder, mode)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", append(append(args, "--"), words...)...)
	cmd.Env = []string{}
	for _, env := range []map[string]string{p.dockerfile.env, p.env} {
		for name, value := range env {
			cmd.Env = append(cmd.Env, name+"="+value)
		}
	}
	return cmd
}

// start runs the container until the test ends and waits until its HEALTHCHECK is content.
func (p process) start(t *testing.T) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := p.command(t, append(p.entrypoint, p.dockerfile.start...)...)
	log := &bytes.Buffer{} // read after the process has ended
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("log of the container:\n%s", log)
		}
	})
	rig.Eventually(t, 20*time.Second, "healthy", func() bool { return p.command(t, p.health...).Run() == nil })
	return cmd, log
}

// says runs a command in the container and returns what it prints.
func (p process) says(t *testing.T, words ...string) string {
	t.Helper()
	out, err := p.command(t, words...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", words, err, out)
	}
	return string(out)
}

// TestImage: what the Dockerfile makes runs as its user, in a root that is read-only and holds nothing else, without
// /tmp, /proc or /etc/passwd; it takes events, keeps them in /data, and stops well.
func TestImage(t *testing.T) {
	i := buildImage(t)
	p := process{
		image: i,
		env: map[string]string{
			"HOOKROUTER_LISTEN": rig.FreeAddr(t), "HOOKROUTER_ADMIN": rig.FreeAddr(t), "HOOKROUTER_DRAIN_DELAY": "0s",
			"SECRET": strings.Repeat("s", 32),
		},
		volumes: map[string]string{
			i.volume:          filepath.Join(i.root, i.volume),
			"/etc/hookrouter": folder(t, "0:0", 0o755, map[string]string{"rules.yaml": imageRules}),
		},
	}
	cmd, log := p.start(t)
	p.sends(t, p.env["HOOKROUTER_LISTEN"], "in")
	if status := procStatus(t, cmd.Process.Pid); !strings.Contains(status, "Uid:\t65532\t65532\t65532\t65532") ||
		!strings.Contains(status, "CapEff:\t0000000000000000") {
		t.Errorf("not as an ordinary user:\n%s", status)
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil || strings.Contains(log.String(), "read-only file system") {
		t.Errorf("ended with %v", err)
	}
	p.knowsItsCommit(t)
}

const imageRules = `version: 1
sources: { in: { preset: standard-webhooks, secret: "${SECRET}" } }
destinations: { nowhere: "http://127.0.0.1:1/" }
routes: [ { name: on, from: in, to: nowhere } ]
`

// sends has the container send itself an event as its sender would.
func (p process) sends(t *testing.T, listen, source string) {
	t.Helper()
	_, port, _ := net.SplitHostPort(listen)
	out := p.says(t, "/hookrouter", "send", "--config", p.dockerfile.env["HOOKROUTER_CONFIG"], source, "--to",
		"http://127.0.0.1:"+port+"/in/"+source)
	if !strings.HasPrefix(out, "202 ") {
		t.Errorf("an event was answered %s", out)
	}
	if out := p.says(t, "/hookrouter", "events", "list"); !strings.Contains(out, "1 pending") {
		t.Errorf("the event is not listed:\n%s", out)
	}
}

// knowsItsCommit compares the version with git's, where the Go command can: it does not read the .git of a work tree.
func (p process) knowsItsCommit(t *testing.T) {
	t.Helper()
	var built struct{ Revision, Go, Arch string }
	if err := json.Unmarshal([]byte(p.says(t, "/hookrouter", "version", "-o", "json")), &built); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(rig.Root(t), ".git")); err == nil && info.IsDir() {
		if head := output(t, "git", "rev-parse", "HEAD"); built.Revision != head {
			t.Errorf("built from %q, HEAD is %s", built.Revision, head)
		}
	}
}

// TestManifestsRun: each manifest's container runs as the image, with its environment and volumes as a kubelet lays
// them out, answers its probes and takes an event.
func TestManifestsRun(t *testing.T) {
	i := buildImage(t)
	for _, m := range manifests(t) {
		t.Run(m.name, func(t *testing.T) {
			_, c := m.ours(t)
			p := process{image: i, env: c.env(), volumes: map[string]string{}}
			p.dockerfile.start = c.Args
			for name, value := range p.env { // the ports of the manifest may be in use here
				if strings.HasPrefix(value, ":") {
					p.env[name] = strings.TrimPrefix(rig.FreeAddr(t), "127.0.0.1")
				}
			}
			if p.env["HOOKROUTER_ADMIN"] == "" {
				p.env["HOOKROUTER_ADMIN"] = rig.FreeAddr(t)
			}
			secrets := maps.Clone(m.one(t, "Secret").Secrets)
			for name := range secrets {
				secrets[name] = strings.Repeat("s", 32)
			}
			for _, mount := range c.Mounts {
				switch mount.Name {
				case "data":
					p.volumes[mount.Path] = folder(t, "0:65532", fs.ModeSetgid|0o775, nil)
				case "rules":
					p.volumes[mount.Path] = kubelet(t, 0o644, m.one(t, "ConfigMap").Data)
				case "secrets":
					p.volumes[mount.Path] = kubelet(t, 0o440, secrets)
				}
			}
			p.start(t)
			for _, probe := range []probe{c.Startup, c.Readiness, c.Liveness} {
				m.probe(t, p.env, probe)
			}
			p.sends(t, p.env["HOOKROUTER_LISTEN"], "github")
		})
	}
}

// probe asks as a kubelet does, by an address.
func (m manifest) probe(t *testing.T, env map[string]string, p probe) {
	t.Helper()
	addr := env[map[string]string{"public": "HOOKROUTER_LISTEN", "admin": "HOOKROUTER_ADMIN"}[p.Get.Port]]
	_, port, _ := net.SplitHostPort(addr)
	resp, err := http.Get("http://127.0.0.1:" + port + p.Get.Path)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Errorf("%s: probe %s of %s: %s", m.name, p.Get.Path, p.Get.Port, resp.Status)
	}
}

// kubelet lays files out as a ConfigMap or Secret is mounted: links to a folder that is replaced as a whole.
func kubelet(t *testing.T, mode fs.FileMode, files map[string]string) string {
	t.Helper()
	dir := folder(t, "0:65532", fs.ModeSetgid|0o775, nil)
	version := filepath.Join(dir, "..2026_01_01")
	if err := os.Mkdir(version, 0o755); err != nil { //nolint:gosec // as a kubelet does
		t.Fatal(err)
	}
	write(t, version, mode, files)
	output(t, "chown", "-R", "0:65532", version)
	links := map[string]string{"..data": "..2026_01_01"}
	for name := range files {
		links[name] = "..data/" + name
	}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// folder makes a folder with files for a volume.
func folder(t *testing.T, owner string, mode fs.FileMode, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, 0o644, files)
	output(t, "chown", "-R", owner, dir)
	if err := os.Chmod(dir, mode); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t *testing.T, dir string, mode fs.FileMode, files map[string]string) {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
}

func procStatus(t *testing.T, pid int) string {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%s/status", strconv.Itoa(pid)))
	if err != nil {
		t.Fatal(err)
	}
	return string(status)
}
