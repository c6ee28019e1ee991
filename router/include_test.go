package router_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router"
)

const includingRules = `
version: 1
include: teams/*/rules.yaml
sources: { open: { verify: none } }
destinations: { all: "http://SINK/all" }
routes:
  - { name: main, from: open, to: all }
`

// teams are the included files of a house.
type teams struct{ *house }

func (s teams) path(team string) string { return filepath.Join(s.dir, "teams", team, "rules.yaml") }

// text is a file of two routes, and is valid without the second.
func (s teams) text(team string, n int) string {
	return fmt.Sprintf("version: 1\nroutes:\n  - { name: %[1]s%[2]d, from: open, when: body.n == %[2]d, to: all }\n  - { name: %[1]s%[2]d-last, from: open, when: body.n == %[2]d, to: all }\n", team, n)
}

func (s teams) write(team, text string) {
	s.t.Helper()
	if err := os.MkdirAll(filepath.Dir(s.path(team)), 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := os.WriteFile(s.path(team), []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

// writeSlowly writes the file in pieces, with pauses that are shorter than what settles; all but the last are valid.
func (s teams) writeSlowly(team, text string) {
	s.t.Helper()
	lines := strings.SplitAfter(text, "\n")
	half := strings.Join(lines[:3], "")
	for i := range 4 {
		s.write(team, half+strings.Repeat("#", i))
		<-time.After(time.Duration(80+rand.IntN(40)) * time.Millisecond)
	}
	s.write(team, text)
}

func (s teams) routes() string {
	list, err := s.api.Routes(context.Background())
	if err != nil {
		s.t.Fatal(err)
	}
	var names []string
	for _, r := range list.Items {
		names = append(names, r.Name)
	}
	return strings.Join(names, " ")
}

func (s teams) live(want string) {
	s.t.Helper()
	s.eventually(live, "live are "+want, func() bool { return s.routes() == want })
}

// TestIncludedFilesAreFollowed: a change of an included file, a new one, and one that is gone go live as changes of the
// main file do: soon, and only when they are whole.
func TestIncludedFilesAreFollowed(t *testing.T) {
	t.Parallel()
	s := teams{prepare(t)}
	s.house.write(s.rules(includingRules))
	s.write("a", s.text("a", 1))
	s.run()
	s.live("main a1 a1-last")
	for n := 2; n < 6; n++ {
		s.writeSlowly("a", s.text("a", n))
		s.live(fmt.Sprintf("main a%[1]d a%[1]d-last", n))
		s.writeSlowly(fmt.Sprintf("b%d", n), s.text("b", n))
		s.live(fmt.Sprintf("main a%[1]d a%[1]d-last b%[1]d b%[1]d-last", n))
		s.write(fmt.Sprintf("b%d", n), "version: 1\nroutes: 7\n")
		where := s.path(fmt.Sprintf("b%d", n)) + ":2:9"
		s.eventually(live, "refused is "+where, func() bool { return strings.Contains(s.status().Rules.Error, where) })
		if err := os.RemoveAll(filepath.Dir(s.path(fmt.Sprintf("b%d", n)))); err != nil {
			t.Fatal(err)
		}
		s.live(fmt.Sprintf("main a%[1]d a%[1]d-last", n))
	}
	for line := range strings.Lines(s.logs.text()) {
		var entry struct {
			Msg    string
			Routes int
		}
		if err := json.Unmarshal([]byte(line), &entry); err == nil && entry.Msg == "rules are live" && entry.Routes%2 == 0 {
			t.Errorf("half a file went live: %s", line)
		}
	}
}

// TestIncludedFilesAreKept: a start with a bad file falls back to all files that were live, and takes secrets from the
// files beside those that name them.
func TestIncludedFilesAreKept(t *testing.T) {
	t.Parallel()
	s := teams{prepare(t)}
	s.house.write(s.rules(includingRules))
	s.write("a", s.text("a", 1)+"sources: { own: { preset: stripe, secret: \"${file:secret}\" } }\n")
	if err := os.WriteFile(filepath.Join(s.dir, "teams", "a", "secret"), []byte(testSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.run()
	s.eventually(10*time.Second, "the live rules are kept", func() bool { return len(s.kept()) > 0 })
	s.stop()
	s.house.write("no: [rules")
	if err := os.Remove(s.path("a")); err != nil {
		t.Fatal(err)
	}
	s.runWith(func(o *router.Options) { o.LockWait = 10 * time.Second })
	if got := s.routes(); got != "main a1 a1-last" {
		t.Errorf("running on %q", got)
	}
	if status, body := s.send("own", "stripe", "invoice.paid", 1); status != 202 {
		t.Errorf("%d %s", status, body)
	}
}
