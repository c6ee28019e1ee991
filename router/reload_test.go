package router_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verify"
)

// live is how soon a change must be in force.
const live = 2 * time.Second

// version writes a complete rules file whose last route is v<n>; its last test names that route, so no part of the
// file is valid with it.
func version(h *house, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nsources:\n  in:\n    preset: stripe\n    secret: [\"${SECRET}\", \"${file:%s}\"]\n", h.secretFile())
	fmt.Fprintf(&b, "destinations:\n  all: http://%s/all\n  last: http://%s/last\nroutes:\n  - { name: all, from: in, to: all }\n", h.to, h.to)
	for i := range rand.IntN(20) {
		fmt.Fprintf(&b, "  - { name: filler-%d, from: in, when: body.n == %d, to: all }\n", i, i)
	}
	fmt.Fprintf(&b, "  - { name: v%d, from: in, when: body.version == %d, to: last }\n", n, n)
	fmt.Fprintf(&b, "tests:\n  - name: the last route\n    given: { source: in, body: { version: %d } }\n", n)
	b.WriteString("    expect: { all: {}, last: {} }\n")
	return b.String()
}

func (h *house) secretFile() string { return filepath.Join(h.dir, "secret") }

// storm changes the rules of a house under load and knows which versions may be live.
type storm struct {
	*house
	complete map[string]bool // hashes
	version  int
	failed   atomic.Int64 // requests that were not acknowledged
	sent     atomic.Int64
}

// TestReloadStorm changes the rules file 60 times under load, in every way that editors, scripts and Kubernetes do; 200
// times with HOOKROUTER_LONG=1.
func TestReloadStorm(t *testing.T) {
	t.Parallel()
	files, swaps := 48, 12
	if os.Getenv("HOOKROUTER_LONG") != "" {
		files, swaps = 160, 40
	}
	t.Run("file", func(t *testing.T) {
		t.Parallel()
		s := newStorm(t, false)
		ways := []func(string){s.inPlace, s.rename, s.halfWritten, s.invalid, s.deleted, s.secret}
		s.blow(files, ways)
	})
	t.Run("configmap", func(t *testing.T) {
		t.Parallel()
		s := newStorm(t, true)
		s.blow(swaps, []func(string){s.swap})
	})
}

func newStorm(t *testing.T, configMap bool) *storm {
	t.Helper()
	s := &storm{complete: map[string]bool{}}
	s.house = prepare(t)
	if err := os.WriteFile(s.secretFile(), []byte("the first secret in the file"), 0o600); err != nil {
		t.Fatal(err)
	}
	if configMap {
		s.file = filepath.Join(s.dir, "mount", "rules.yaml")
		s.mount()
	} else {
		s.write(s.next())
	}
	s.run()
	return s
}

// next gives the text of the next complete version and remembers that it may go live.
func (s *storm) next() string {
	s.version++
	text := version(s.house, s.version)
	s.allow(text)
	return text
}

func (s *storm) allow(text string) {
	s.t.Helper()
	set, err := rules.Parse(rules.File{Name: s.file, Data: []byte(text)}, rules.Options{
		Env: func(string) (string, bool) { return testSecret, true }, ReadFile: os.ReadFile, PublicLoopback: true,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	s.complete[set.Hash()] = true
}

// blow makes n changes while requests come, and checks what went live.
func (s *storm) blow(n int, ways []func(string)) {
	s.t.Helper()
	ctx, calm := context.WithCancel(s.t.Context())
	for range 4 {
		go s.load(ctx)
	}
	for i := range n {
		ways[i%len(ways)](s.next())
		s.isLive()
	}
	calm()
	for _, hash := range s.wentLive() {
		if !s.complete[hash] {
			s.t.Errorf("rules %s went live and are no complete version", hash)
		}
	}
	if s.failed.Load() > 0 || s.sent.Load() == 0 {
		s.t.Errorf("%d of %d requests failed", s.failed.Load(), s.sent.Load())
	}
}

// load sends about 100 events a second.
func (s *storm) load(ctx context.Context) {
	pace := time.NewTicker(10 * time.Millisecond)
	defer pace.Stop()
	for ctx.Err() == nil {
		<-pace.C
		if status, _, err := s.event(0, testSecret); err != nil || status != http.StatusAccepted {
			s.failed.Add(1)
		}
		s.sent.Add(1)
	}
}

// event posts an event that the version's last route takes; 0 is none's.
func (s *storm) event(version int, secret string) (int, string, error) {
	r := &verify.Request{
		Method: http.MethodPost, URL: "http://" + s.Addr() + "/in/in",
		Header: http.Header{"Content-Type": {"application/json"}},
		Body:   fmt.Appendf(nil, `{"id":"evt_%d","type":"t","version":%d}`, rand.Uint64(), version),
	}
	p, _ := verify.Lookup("stripe")
	v, err := verify.New(p.Verify, verify.Keys{Secrets: []string{secret}})
	if err != nil {
		return 0, "", err
	}
	if err := v.Sign(r, time.Now()); err != nil {
		return 0, "", err
	}
	return post(r)
}

// isLive waits for the newest version to be in force, and for status and metric to say so.
func (s *storm) isLive() {
	s.t.Helper()
	want := fmt.Sprintf("v%d", s.version)
	s.eventually(live, want+" is live", func() bool {
		routes, err := s.api.Routes(context.Background())
		return err == nil && routes.Items[len(routes.Items)-1].Name == want
	})
	if st := s.status(); !st.Rules.OK || s.metric("hookrouter_config_last_reload_successful") != "1" {
		s.t.Fatalf("%s is live, but status or metric say no: %+v", want, st.Rules)
	}
}

// isRefused waits for the file to be refused, and for status, metric and log to say so.
func (s *storm) isRefused(why string) {
	s.t.Helper()
	s.eventually(live, "refused: "+why, func() bool {
		return s.metric("hookrouter_config_last_reload_successful") == "0"
	})
	if st := s.status(); st.Rules.OK || !strings.Contains(st.Rules.Error, why) {
		s.t.Fatalf("status does not say %q: %+v", why, st.Rules)
	}
	if !strings.Contains(s.logs.text(), "rules not loaded") {
		s.t.Fatal("the log does not say that the rules were refused")
	}
}

func (s *storm) metric(name string) string {
	for line := range strings.Lines(s.metrics()) {
		if value, ok := strings.CutPrefix(line, name+" "); ok {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// wentLive are the hashes of all rules that the log says went live.
func (s *storm) wentLive() (hashes []string) {
	for line := range strings.Lines(s.logs.text()) {
		var entry struct{ Msg, Hash string }
		if err := json.Unmarshal([]byte(line), &entry); err == nil && entry.Msg == "rules are live" {
			hashes = append(hashes, entry.Hash)
		}
	}
	return hashes
}

func (s *storm) inPlace(text string) { s.write(text) }

func (s *storm) rename(text string) {
	s.must(os.WriteFile(s.file+".new", []byte(text), 0o600))
	s.must(os.Rename(s.file+".new", s.file))
}

// halfWritten writes in pieces, with pauses that no writer in its right mind makes.
func (s *storm) halfWritten(text string) {
	f, err := os.Create(s.file)
	s.must(err)
	defer f.Close()
	for len(text) > 0 {
		n := min(len(text), 1+rand.IntN(400))
		_, err := f.WriteString(text[:n])
		s.must(err)
		text = text[n:]
		if rand.IntN(4) == 0 {
			<-time.After(time.Duration(rand.IntN(100)) * time.Millisecond)
		}
	}
}

func (s *storm) invalid(text string) {
	s.write(text + "  - name: [\n")
	s.isRefused("rules.yaml:")
	s.write(text)
}

func (s *storm) deleted(text string) {
	s.must(os.Remove(s.file))
	s.isRefused("no such file")
	s.write(text)
}

// secret changes the file that the rules take a secret from: the new one must count, with nothing else touched.
func (s *storm) secret(text string) {
	s.write(text)
	s.isLive()
	secret := fmt.Sprintf("secret %d of the file", s.version)
	s.must(os.WriteFile(s.secretFile(), []byte(secret), 0o600))
	s.allow(text)
	s.eventually(live, "the new secret verifies", func() bool {
		status, _, err := s.event(s.version, secret)
		return err == nil && status == http.StatusAccepted
	})
}

// mount lays a directory out as Kubernetes mounts a ConfigMap: rules.yaml -> ..data/rules.yaml, ..data -> ..<version>.
func (s *storm) mount() {
	dir := filepath.Dir(s.file)
	s.must(os.Mkdir(dir, 0o700))
	s.must(os.Symlink(filepath.Join("..data", "rules.yaml"), s.file))
	s.swap(s.next())
}

// swap does what the kubelet does: a new directory, a new link renamed over ..data, the old directory removed.
func (s *storm) swap(text string) {
	dir := filepath.Dir(s.file)
	name := fmt.Sprintf("..%d", s.version)
	s.must(os.Mkdir(filepath.Join(dir, name), 0o700))
	s.must(os.WriteFile(filepath.Join(dir, name, "rules.yaml"), []byte(text), 0o600))
	old, _ := os.Readlink(filepath.Join(dir, "..data")) // none at first
	s.must(os.Symlink(name, filepath.Join(dir, "..tmp")))
	s.must(os.Rename(filepath.Join(dir, "..tmp"), filepath.Join(dir, "..data")))
	if old != "" {
		s.must(os.RemoveAll(filepath.Join(dir, old)))
	}
}
