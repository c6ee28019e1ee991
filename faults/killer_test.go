package faults_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/faults/rig"
	"github.com/hookrouter/hookrouter/sink"
	"github.com/hookrouter/hookrouter/verify"
)

// killing makes rules end the process when they render a body with the marker of a killer, as a stack that overflows does,
// and panic at the other one.
const killerMarker, panicMarker = "the killer", "the panic"

func killing(deed string) []rig.Bug {
	return []rig.Bug{{
		File: "rules/render.go",
		Old:  "func (r *rendering) body() error {\n",
		New: "func (r *rendering) body() error {\n\tif strings.Contains(string(r.ev.Body), \"" + killerMarker + "\") {\n\t\tdeed(nil)\n\t}\n" +
			"\tif strings.Contains(string(r.ev.Body), \"" + panicMarker + "\") {\n\t\tpanic(1)\n\t}\n",
	}, {
		File: "rules/render.go",
		Old:  "// pass takes over the headers",
		New:  deed + "\n\n// pass takes over the headers",
	}, {
		File: "rules/render.go",
		Old:  "\t\"net/textproto\"\n",
		New:  "\t\"net/textproto\"\n\t\"os\"\n",
	}}
}

const (
	exits     = "func deed(p []byte) { os.Exit(7 + len(p)) }"
	overflows = "func deed(p []byte) int { var b [1 << 12]byte; copy(b[:], p); return deed(b[:]) + int(b[0]) + len(os.Args) }"
	allocates = "var held [][]byte\n\nfunc deed(p []byte) { for len(os.Args) > 0 { b := make([]byte, 1<<28); for i := range b { b[i] = 1 }; held = append(held, b) } }"
)

// watched is a server that is started again whenever its process ends.
type watched struct {
	*rig.Server
	deaths atomic.Int32
	down   atomic.Int64 // nanoseconds from deaths to ready
	done   chan struct{}
}

func watch(t *testing.T, s *rig.Server) *watched {
	t.Helper()
	w := &watched{Server: s, done: make(chan struct{})}
	s.Start()
	s.WaitReady(10 * time.Second)
	over := make(chan struct{})
	go func() {
		defer close(over)
		for {
			select {
			case <-w.done:
				return
			case <-s.Ended:
			}
			_ = s.Process.Wait()
			if w.deaths.Add(1) > 10 {
				return
			}
			died := time.Now()
			s.Start()
			select {
			case <-s.Ready:
				w.down.Add(int64(time.Since(died)))
			case <-s.Ended:
			}
		}
	}()
	t.Cleanup(func() { close(w.done); <-over })
	return w
}

// TestKillerPayload: a payload that ends the process twice is put aside, and everything else arrives.
func TestKillerPayload(t *testing.T) {
	t.Parallel()
	deeds := map[string]string{"exits": exits}
	events := 300
	if rig.Long() {
		deeds["overflows"], deeds["allocates"], events = overflows, allocates, 10_000
	}
	for name, deed := range deeds {
		t.Run(name, func(t *testing.T) { killer(t, killing(deed), events) })
	}
}

func killer(t *testing.T, bugs []rig.Bug, events int) {
	l := rig.NewLedger()
	s := rig.NewServer(t, rig.Binary(t, bugs...), fmt.Sprintf(crashRules, rig.Listen(t, sink.New(sink.Options{Keep: -1, Seen: l.Receive}))))
	if strings.Contains(bugs[1].New, "held") {
		s.Wrap = []string{"prlimit", "--as=2000000000"}
	}
	w := watch(t, s)
	load := rig.StartSenders(t, l, s.Listen, 16, 1000)
	rig.Eventually(t, time.Minute, "events are accepted", func() bool { return l.Accepted.Load() > int64(events/3) })
	for i, text := range []string{panicMarker, killerMarker} {
		postUntilTaken(t, s.Listen, fmt.Sprintf(`{"id":"evt_deadly_%d","type":"invoice.paid","text":%q}`, i, text))
	}
	rig.Eventually(t, 2*time.Minute, "more events are accepted", func() bool { return l.Accepted.Load() > int64(events) })
	load.End()
	rig.Eventually(t, time.Minute, "all is settled", func() bool {
		status, err := s.API().Status(t.Context())
		return err == nil && status.Queue.Pending == 0 && status.Queue.Dead == 2
	})
	dead, err := s.API().Deliveries(t.Context(), client.Filter{State: "dead"})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dead.Items {
		if d.Reason != event.ReasonQuarantined.String() {
			t.Errorf("dead letter %+v, want it quarantined", d)
		}
	}
	t.Logf("%d events accepted, %d deaths, down for %v", l.Accepted.Load(), w.deaths.Load(), time.Duration(w.down.Load()))
	if n := w.deaths.Load(); n > 2 {
		t.Errorf("the process died %d times, want twice at most", n)
	}
	if down := time.Duration(w.down.Load()); down > 5*time.Second {
		t.Errorf("down for %v in all", down)
	}
	if n := l.Missing(); n > 0 {
		t.Errorf("%d acknowledged events never arrived", n)
	}
}

// postUntilTaken sends one event of the stripe source until it is acknowledged.
func postUntilTaken(t *testing.T, addr, body string) {
	t.Helper()
	v, err := rig.Verifier("stripe", rig.Secret)
	if err != nil {
		t.Fatal(err)
	}
	rig.Eventually(t, 30*time.Second, "an event is acknowledged", func() bool {
		r := &verify.Request{
			Method: http.MethodPost, URL: "http://" + addr + "/in/stripe", Body: []byte(body),
			Header: http.Header{"Content-Type": {"application/json"}},
		}
		if err := v.Sign(r, time.Now()); err != nil {
			t.Fatal(err)
		}
		a, err := rig.Post(t.Context(), http.DefaultClient, r)
		return err == nil && a.Status/100 == 2
	})
}

// TestKillsAccuseNobody: a process that is killed again and again, whatever ran then, puts nothing aside.
func TestKillsAccuseNobody(t *testing.T) {
	t.Parallel()
	const running = 32
	posted := 0
	at := sink.New(sink.Options{Keep: -1})
	s := rig.NewServer(t, rig.Binary(t), fmt.Sprintf(crashRules, rig.Listen(t, at)))
	s.Start()
	s.WaitReady(10 * time.Second)
	post := func(n int) {
		for range n {
			posted++
			postUntilTaken(t, s.Listen, fmt.Sprintf(`{"id":"evt_%d","type":"invoice.paid"}`, posted))
		}
	}
	at.Set("/all", sink.Behavior{Delay: 200 * time.Millisecond})
	load := rig.StartSenders(t, rig.NewLedger(), s.Listen, 4, 400)
	rig.Eventually(t, 30*time.Second, "the lane allows as many at once", func() bool { now, _ := at.InFlight(); return now >= running })
	load.End()
	rig.Settle(t, s.API(), time.Minute)
	at.Set("/all", sink.Behavior{Delay: time.Hour})
	post(running)
	for want := running; want > 0; want /= 32 {
		rig.Eventually(t, 20*time.Second, "attempts run", func() bool { now, _ := at.InFlight(); return now >= want })
		s.Kill()
		s.Start()
		s.WaitReady(10 * time.Second)
	}
	at.Set("/all", sink.Behavior{})
	if lost := rig.Settle(t, s.API(), time.Minute); lost <= running {
		t.Errorf("%d attempts were cut off, want more than %d", lost, running)
	}
}
