package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/faults/rig"
)

// dockerfile is what the Dockerfile says, as far as this test knows how to do it; anything else in it is an error.
type dockerfile struct {
	build             string   // the command that builds the binary
	copies            []copied // into the image, in order
	user              string
	env               map[string]string
	volume            string
	health            []string
	entrypoint, start []string
}

type copied struct{ from, to, owner string }

var continued = regexp.MustCompile(`\\\n\s*`)

func readDockerfile(t *testing.T) (d dockerfile) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(rig.Root(t), "Dockerfile"))
	if err != nil {
		t.Fatal(err)
	}
	stages := strings.Split(continued.ReplaceAllString(string(text), ""), "\nFROM ")
	if len(stages) != 3 || !strings.HasPrefix(stages[2], "scratch\n") {
		t.Fatalf("%d stages, or the last is not scratch", len(stages)-1)
	}
	for line := range strings.Lines(stages[1]) {
		if command, ok := strings.CutPrefix(line, "RUN "); ok {
			d.build = command // the last one
		}
	}
	for _, line := range strings.Split(strings.TrimSpace(stages[2]), "\n")[1:] {
		d.instruction(t, line)
	}
	return d
}

func (d *dockerfile) instruction(t *testing.T, line string) {
	t.Helper()
	name, rest, _ := strings.Cut(line, " ")
	switch name {
	case "COPY":
		d.copies = append(d.copies, copyOf(t, strings.Fields(rest)))
	case "USER":
		d.user = rest
	case "VOLUME":
		d.volume = rest
	case "ENV":
		d.env = map[string]string{}
		for _, pair := range strings.Fields(rest) {
			key, value, _ := strings.Cut(pair, "=")
			d.env[key] = value
		}
	case "HEALTHCHECK":
		_, command, _ := strings.Cut(rest, " CMD ")
		d.health = list(t, command)
	case "ENTRYPOINT":
		d.entrypoint = list(t, rest)
	case "CMD":
		d.start = list(t, rest)
	case "EXPOSE":
	default:
		t.Fatalf("Dockerfile: this test does not know %q", line)
	}
}

func copyOf(t *testing.T, words []string) (c copied) {
	t.Helper()
	var paths []string
	for _, w := range words {
		if owner, ok := strings.CutPrefix(w, "--chown="); ok {
			c.owner = owner
		} else if w != "--from=build" {
			paths = append(paths, w)
		}
	}
	if len(paths) != 2 {
		t.Fatalf("COPY %q: want one source and one destination", words)
	}
	c.from, c.to = paths[0], paths[1]
	return c
}

func list(t *testing.T, text string) (words []string) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &words); err != nil {
		t.Fatalf("Dockerfile: %s: %v", text, err)
	}
	return words
}

// TestImageContext: the context of an image's build holds .git, so that the binary knows its commit, and lacks no file
// of the commit, which would make the checkout look changed.
func TestImageContext(t *testing.T) {
	ignored, err := os.ReadFile(filepath.Join(rig.Root(t), ".dockerignore"))
	if err != nil {
		t.Fatal(err)
	}
	for pattern := range strings.FieldsSeq(string(ignored)) {
		if pattern == ".git" {
			t.Error(".dockerignore leaves .git out")
		}
		if files := output(t, "git", "ls-files", "--", pattern); files != "" {
			t.Errorf(".dockerignore leaves out what is committed: %s", files)
		}
	}
}
