package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/sink"
)

// byName is the mistake that every second guard makes: it looks at the host as it is written, and the name that leads
// to a forbidden address goes through.
var byName = []bug{
	{file: "router/deliver/transport.go", old: "		Control: o.Egress.control, Resolver: o.Resolver,\n", new: ""},
	{
		file: "router/deliver/transport.go", old: "			DialContext:            dialer.DialContext,\n",
		new: "			DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {\n" +
			"				if to, err := netip.ParseAddrPort(addr); err == nil && o.Egress.check(to.Addr()) != nil {\n" +
			"					return nil, o.Egress.check(to.Addr())\n				}\n" +
			"				return dialer.DialContext(ctx, network, addr)\n			},\n",
	},
	{file: "router/deliver/transport.go", old: "	\"net/http\"\n", new: "	\"net/http\"\n	\"net/netip\"\n"},
}

// TestEgressPolicy: under --egress public nothing reaches this machine, by whatever name; an exception lets it.
func TestEgressPolicy(t *testing.T) {
	for _, c := range []struct {
		name    string
		bugs    []bug
		flags   []string
		arrives bool
	}{
		{"public", nil, []string{"--egress", "public"}, false},
		{"exception", nil, []string{"--egress", "public", "--egress-allow", "127.0.0.0/8,::1"}, true},
		{"private", nil, []string{"--egress", "private"}, true},
		{"planted: the name is checked instead of the address", byName, []string{"--egress", "public"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			dest := sink.New(sink.Options{})
			_, port, _ := strings.Cut(listen(t, dest), ":")
			s := newServer(t, binary(t, c.bugs...), strings.ReplaceAll(`version: 1
sources: { in: { verify: none } }
destinations: { there: "http://localhost:PORT/" }
routes: [ { name: on, from: in, to: there } ]
`, "PORT", port))
			s.start(c.flags...)
			s.waitReady(10 * time.Second)
			resp, err := http.Post("http://"+s.listen+"/in/in", "text/plain", strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			var seen *client.Attempt
			eventually(t, 10*time.Second, "an attempt", func() bool { seen = firstAttempt(t, s); return seen != nil })
			if arrived := dest.Count() > 0; arrived != c.arrives || (seen.Result == "egress") == c.arrives {
				t.Errorf("arrived: %v, attempt %+v", arrived, seen)
			}
		})
	}
}

// firstAttempt is nil when there is none yet.
func firstAttempt(t *testing.T, s *server) *client.Attempt {
	t.Helper()
	page, err := s.api().Deliveries(t.Context(), client.Filter{})
	if err != nil || len(page.Items) == 0 {
		return nil
	}
	d, err := s.api().Delivery(t.Context(), page.Items[0].ID)
	if err != nil || len(d.History) == 0 {
		return nil
	}
	return &d.History[0]
}
