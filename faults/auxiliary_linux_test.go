package faults_test

import (
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// auxiliary are the files of a data directory that hold nothing but what the log, or the rules file, says too.
var auxiliary = regexp.MustCompile(`^(state/.*|journal/(ballast|spare-.*)|rules/.*)$`)

// spoilers are what can become of a file.
var spoilers = map[string]func(name string) error{
	"deleted": os.Remove,
	"empty":   func(name string) error { return os.Truncate(name, 0) },
	"garbled": func(name string) error {
		data, err := os.ReadFile(name)
		_, _ = rand.Read(data)
		return errors.Join(err, os.WriteFile(name, data, 0o600))
	},
	aged: os.Remove, // and those of before are there instead
}

const aged = "those of another day"

// TestAuxiliaryFiles: whatever became of the files beside log and bodies, of one of them or of all, a start knows the
// same events, deliveries and pauses.
func TestAuxiliaryFiles(t *testing.T) {
	t.Parallel()
	s := rig.NewServer(t, rig.Binary(t), "")
	old := lived(t, s)
	want := told(t, s)
	for what, spoil := range spoilers {
		for one := -1; one < 0 || rig.Long() && one < 12; one++ {
			if s.Stop() != 0 {
				t.Error("a stop failed")
			}
			some := auxiliaries(t, s.Data())
			if one >= 0 {
				some = some[one%len(some):][:1]
			}
			for _, f := range some {
				if err := spoil(filepath.Join(s.Data(), f)); err != nil {
					t.Fatal(err)
				}
			}
			if what == aged && one < 0 {
				bringBack(t, s.Data(), old)
			}
			s.Start()
			s.WaitReady(10 * time.Second)
			rig.Eventually(t, 10*time.Second, fmt.Sprintf("the same is known: %s were %s", strings.Join(some, " "), what), func() bool {
				return told(t, s) == want
			})
		}
	}
}

// bringBack writes files as they were.
func bringBack(t *testing.T, data string, files map[string][]byte) {
	t.Helper()
	for name, was := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(data, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(data, name), was, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// lived lets a server have a past: what is delivered, dead and pending, and a pause. It gives the files as they were in
// the middle of it.
func lived(t *testing.T, s *rig.Server) (old map[string][]byte) {
	t.Helper()
	dest := sink.New(sink.Options{Keep: -1})
	dest.Set("/refuses", sink.Behavior{Status: 400})
	to := rig.Listen(t, dest)
	s.WriteRules(fmt.Sprintf(strings.Replace(stepsRules, "retention: { size: 2MiB }\n", "", 1), to))
	s.Start()
	s.WaitReady(10 * time.Second)
	if _, err := s.API().Pause(t.Context(), "later"); err != nil {
		t.Fatal(err)
	}
	old = map[string][]byte{}
	for range 2 {
		for _, source := range []string{"stripe", "kept", "bad"} {
			l := rig.NewLedger()
			load := rig.StartSendersTo(t, l, "http://"+s.Listen+"/in/"+source, 8, 1000)
			rig.Eventually(t, 10*time.Second, "events are accepted", func() bool { return l.Accepted.Load() > 50 })
			load.End()
		}
		rig.Eventually(t, 10*time.Second, "all is delivered that can be", func() bool {
			waits := false
			rig.EveryDelivery(t, s.API(), func(d client.Delivery) {
				waits = waits || d.State == event.Pending && d.Destination != "later"
			})
			return !waits
		})
		if s.Stop() != 0 { // it writes snapshots
			t.Fatal("a stop failed")
		}
		if len(old) == 0 {
			for _, f := range auxiliaries(t, s.Data()) {
				if strings.HasPrefix(f, "journal/") { // which is only room
					continue
				}
				data, err := os.ReadFile(filepath.Join(s.Data(), f))
				if err != nil {
					t.Fatal(err)
				}
				old[f] = data
			}
		}
		s.Start()
		s.WaitReady(10 * time.Second)
	}
	return old
}

// told is everything that a server says of events, deliveries and pauses.
func told(t *testing.T, s *rig.Server) string {
	t.Helper()
	var lines []string
	rig.EveryDelivery(t, s.API(), func(d client.Delivery) {
		lines = append(lines, fmt.Sprint(d.ID, d.Event, d.State, d.Reason, d.Attempts, d.Tries, d.Destination))
	})
	all, err := s.API().Destinations(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range all.Items {
		lines = append(lines, fmt.Sprint(d.Name, d.Paused, d.PausedSince, d.Pending, d.Dead))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// auxiliaries lists the auxiliary files, by their path in data.
func auxiliaries(t *testing.T, data string) (files []string) {
	t.Helper()
	err := filepath.WalkDir(data, func(name string, d os.DirEntry, err error) error {
		if rel := strings.TrimPrefix(name, data+"/"); err == nil && !d.IsDir() && auxiliary.MatchString(rel) {
			files = append(files, rel)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}
