package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/rules"
)

// TestDocs runs what README and docs show: console blocks as they stand, with their output; yaml blocks as rules files
// with their tests. In expected output … stands for anything.
func TestDocs(t *testing.T) {
	docs := []string{"../../README.md"}
	more, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, doc := range append(docs, more...) {
		t.Run(filepath.Base(doc), func(t *testing.T) {
			text, err := os.ReadFile(doc)
			if err != nil {
				t.Fatal(err)
			}
			shell := newShell(t)
			for _, block := range blocks(string(text)) {
				switch block.language {
				case "console":
					shell.session(block.text)
				case "yaml":
					checkRules(t, block.text)
				}
			}
		})
	}
}

type block struct{ language, text string }

var fence = regexp.MustCompile("(?ms)^```(\\w+)\n(.*?)^```$")

func blocks(markdown string) (all []block) {
	for _, m := range fence.FindAllStringSubmatch(markdown, -1) {
		all = append(all, block{m[1], m[2]})
	}
	return all
}

// checkRules parses a rules file and runs its tests; every variable is set.
func checkRules(t *testing.T, text string) {
	t.Helper()
	set, err := rules.Parse(rules.File{Name: "block.yaml", Data: []byte(text)}, rules.Options{
		Env: func(string) (string, bool) { return strings.Repeat("s", 64), true }, PublicLoopback: true,
	})
	if err != nil {
		t.Errorf("%v\n%s", err, text)
		return
	}
	for _, r := range set.Test(nil) {
		if !r.Passed {
			t.Errorf("test %q: %v", r.Name, r.Diffs)
		}
	}
}

// shell runs commands as a reader would, in a copy of the examples, with the binary on the path.
type shell struct {
	t   *testing.T
	dir string
	env []string
}

func newShell(t *testing.T) *shell {
	t.Helper()
	dir := t.TempDir()
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(rig.Binary(t), filepath.Join(bin, "hookrouter")); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(filepath.Join(dir, "examples"), os.DirFS("../../examples")); err != nil {
		t.Fatal(err)
	}
	return &shell{t: t, dir: dir, env: append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))}
}

// session runs the commands of a block, each of which begins with "$ ", and compares what they print.
func (s *shell) session(text string) {
	for _, part := range strings.Split("\n"+text, "\n$ ")[1:] {
		command, want, _ := strings.Cut(part, "\n")
		switch {
		case command == "go test ./...":
			// The gate takes this very line from the README and runs it; here it would run itself.
		case strings.HasSuffix(command, "&"):
			s.background(strings.TrimSuffix(command, "&"), want)
		default:
			s.foreground(command, want)
		}
	}
}

// looks are commands that change nothing: they are asked again until they show what a reader is told, for what they
// look at takes a moment.
var looks = regexp.MustCompile(`^hookrouter (events|status|dest|dead)\b`)

func (s *shell) foreground(command, want string) {
	s.t.Helper()
	var got string
	run := func() bool {
		cmd := s.command(s.t.Context(), command)
		out, _ := cmd.CombinedOutput() // an exit code is part of a story too; the output tells it
		got = string(out)
		return matches(got, want)
	}
	if looks.MatchString(command) {
		for end := time.Now().Add(10 * time.Second); !run() && time.Now().Before(end); {
			rig.Wait(s.t.Context(), 50*time.Millisecond)
		}
	} else {
		run()
	}
	if !matches(got, want) {
		s.t.Errorf("$ %s\nprinted:\n%s\nwant:\n%s", command, got, want)
	}
}

// background starts a command and waits until it listens.
func (s *shell) background(command, want string) {
	s.t.Helper()
	var out buffer
	ctx, cancel := context.WithCancel(context.Background())
	cmd := s.command(ctx, "exec "+command)
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	addr := regexp.MustCompile(`--listen (\S+)`).FindStringSubmatch(command)
	if addr == nil {
		s.t.Fatalf("$ %s: do not know when it is up", command)
	}
	rig.Eventually(s.t, 10*time.Second, command+" listens", func() bool {
		conn, err := net.Dial("tcp", addr[1])
		if err == nil {
			_ = conn.Close()
		}
		return err == nil
	})
	rig.Eventually(s.t, 5*time.Second, command+" prints "+want, func() bool { return matches(out.String(), want+"…") })
}

func (s *shell) command(ctx context.Context, command string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "sh", "-c", command)
	cmd.Dir, cmd.Env = s.dir, s.env
	if strings.HasPrefix(command, "go ") {
		cmd.Dir = "../.."
	}
	return cmd
}

// matches compares output with what is expected: runs of blanks are one, … is anything. Nothing expected is no demand.
func matches(got, want string) bool {
	if strings.TrimSpace(want) == "" || want == "…" {
		return true
	}
	pattern := regexp.QuoteMeta(squeeze(want))
	pattern = strings.ReplaceAll(pattern, "…", ".*")
	return regexp.MustCompile("(?s)^" + pattern + "$").MatchString(squeeze(got))
}

var blanks = regexp.MustCompile(`[ \t]+`)

func squeeze(text string) string {
	lines := strings.Split(blanks.ReplaceAllString(strings.TrimSpace(text), " "), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}

// buffer is output that is read while it is written.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

var _ io.Writer = (*buffer)(nil)

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
