// Package deploy_test holds the files of this folder, and the Dockerfile, to what the binary is: every flag, path, port
// and probe that they name is tried. No Docker, systemd or Kubernetes is needed; what only these could tell is not tested.
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

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// output runs a command at the top of the checkout.
func output(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = rig.Root(t)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return strings.TrimSpace(string(out))
}

var flagName = regexp.MustCompile(`--[a-z][a-z-]+`)

// flags are those of a command, as its help lists them: "--listen".
func flags(t *testing.T, command ...string) []string {
	t.Helper()
	return flagName.FindAllString(output(t, rig.Binary(t), append(command, "--help")...), -1)
}

// isFlag tells whether a variable such as HOOKROUTER_MAX_PENDING sets a flag of the server, or of the commands that ask it.
func isFlag(t *testing.T, variable string) bool {
	t.Helper()
	name := "--" + strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(variable, "HOOKROUTER_"), "_", "-"))
	return slices.Contains(append(flags(t, "run"), flags(t, "status")...), name)
}

// defaultOf is the default of a flag of `run`.
func defaultOf(t *testing.T, flag string) string {
	t.Helper()
	help := output(t, rig.Binary(t), "run", "--help")
	m := regexp.MustCompile(`--` + flag + ` .*\(default (\S+)\)`).FindStringSubmatch(help)
	if m == nil {
		t.Fatalf("run has no --%s with a default", flag)
	}
	return m[1]
}

// docBlocks are the blocks of a language in docs/operations.md.
func docBlocks(t *testing.T, language string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rig.Root(t), "docs/operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?ms)^```"+language+"\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, m[1])
	}
	if len(blocks) == 0 {
		t.Fatalf("docs/operations.md has no %s block", language)
	}
	return blocks
}
