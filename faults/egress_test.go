package faults_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
)

// TestEgressPolicy: under --egress public nothing reaches this machine, by whatever name; an exception lets it.
func TestEgressPolicy(t *testing.T) {
	for _, c := range []struct {
		name    string
		flags   []string
		arrives bool
	}{
		{"public", []string{"--egress", "public"}, false},
		{"exception", []string{"--egress", "public", "--egress-allow", "127.0.0.0/8,::1"}, true},
		{"private", []string{"--egress", "private"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dest := sink.New(sink.Options{})
			_, port, _ := strings.Cut(rig.Listen(t, dest), ":")
			s := rig.NewServer(t, rig.Binary(t), strings.ReplaceAll(`version: 1
sources: { in: { verify: none } }
destinations: { there: "http://localhost:PORT/" }
routes: [ { name: on, from: in, to: there } ]
`, "PORT", port))
			s.Start(c.flags...)
			s.WaitReady(10 * time.Second)
			resp, err := http.Post("http://"+s.Listen+"/in/in", "text/plain", strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			var seen *client.Attempt
			rig.Eventually(t, 10*time.Second, "an attempt", func() bool { seen = firstAttempt(t, s); return seen != nil })
			if arrived := dest.Count() > 0; arrived != c.arrives || (seen.Result == "egress") == c.arrives {
				t.Errorf("arrived: %v, attempt %+v", arrived, seen)
			}
		})
	}
}

// firstAttempt is nil when there is none yet.
func firstAttempt(t *testing.T, s *rig.Server) *client.Attempt {
	t.Helper()
	page, err := s.API().Deliveries(t.Context(), client.Filter{})
	if err != nil || len(page.Items) == 0 {
		return nil
	}
	d, err := s.API().Delivery(t.Context(), page.Items[0].ID)
	if err != nil || len(d.History) == 0 {
		return nil
	}
	return &d.History[0]
}
