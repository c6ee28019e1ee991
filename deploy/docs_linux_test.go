package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/faults/rig"
)

// onCopy runs a script on a copy of this machine, of which nothing is left: an overlay that forgets what is written.
const onCopy = `set -e
mount -t tmpfs tmpfs "$1"
mkdir "$1/written" "$1/work" "$1/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$1/written,workdir=$1/work" "$1/root"
mount --rbind /dev "$1/root/dev"
mkdir -p "$1/root$2"
mount --bind "$2" "$1/root$2"
exec chroot "$1/root" sh -c "cd '$3' && $4"`

// engines are what the documentation calls that is not here. What they would have been told is written down.
var engines = []string{"systemctl", "docker", "kubectl", "make"}

// TestInstallCommands runs the sh blocks of docs/operations.md, one after the other, on a copy of this machine.
func TestInstallCommands(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root, to mount")
	}
	script := "set -eux\nhookrouter init site.yaml\nmkdir -p dist /var/lib/private/hookrouter/journal\n" +
		"ln -s private/hookrouter /var/lib/hookrouter\ncp " + rig.Binary(t) + " dist/hookrouter-linux-amd64\n"
	script += strings.Join(docBlocks(t, "sh"), "")
	shared := t.TempDir() // the only folder in which the copy's changes are kept
	write(t, shared, 0o644, map[string]string{"script": script +
		"tar -tzf hookrouter.tar.gz ./journal/\n/usr/local/bin/hookrouter check /etc/hookrouter/rules.yaml\n"})
	for _, name := range engines {
		write(t, shared, 0o755, map[string]string{name: "#!/bin/sh\necho " + name + ` "$@" >>` + shared + "/told\n"})
	}
	if err := os.Symlink(rig.Binary(t), filepath.Join(shared, "hookrouter")); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "unshare", "--mount", "sh", "-c", onCopy, "sh", t.TempDir(), shared, rig.Root(t),
		"PATH="+shared+":$PATH sh "+shared+"/script")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	told, err := os.ReadFile(filepath.Join(shared, "told"))
	if err != nil {
		t.Fatal(err)
	}
	checkWords(t, strings.Fields(string(told)))
}

var unit = regexp.MustCompile(`^hookrouter.*\.(socket|service)$`)

// checkWords: files, units, goals of make and commands of hookrouter that others are told of are there.
func checkWords(t *testing.T, words []string) {
	t.Helper()
	root := rig.Root(t)
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	help := output(t, rig.Binary(t), "--help")
	for i, w := range words {
		file, wrong := "", false
		switch {
		case strings.HasPrefix(w, "deploy/"):
			file = w
		case unit.MatchString(w):
			file = "deploy/systemd/" + w
		case i > 0 && words[i-1] == "make":
			wrong = !strings.Contains(string(makefile), "\n"+w+":")
		case i > 0 && words[i-1] == "/hookrouter":
			wrong = !slices.Contains(strings.Fields(help), w)
		}
		if file != "" {
			_, err := os.Stat(filepath.Join(root, file))
			wrong = err != nil
		}
		if wrong {
			t.Errorf("%s: no such thing", w)
		}
	}
}
