package deliver

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/sink"
)

// troubles are destinations that are no good, each in a way of its own; all time out late.
func troubles(t *testing.T) (lines []string) {
	t.Helper()
	s, url := newSink(t, sink.Options{Keep: -1})
	for i, b := range []sink.Behavior{
		{Fault: sink.Hang}, {Fault: sink.Reset}, {Status: 500}, {Status: 503}, {Fault: sink.SlowHeader}, {Fault: sink.Garbage},
	} {
		path := fmt.Sprint("/", i)
		s.Set(path, b)
		lines = append(lines, strings.TrimSuffix(url, `"`)+path+`"`)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := ln.Addr().String()
	if err := ln.Close(); err != nil {
		t.Fatal(err)
	}
	return append(lines, `url: "http://`+nobody+`/"`, strings.Replace(lines[0], "http:", "https:", 1)) // a refused connection, no TLS
}

// neighbours sends events to good destinations beside bad ones that have work already, and gives how long the good ones
// took to have all.
func neighbours(t *testing.T, good int, bad []string, events int) time.Duration {
	t.Helper()
	s, url := newSink(t, sink.Options{Keep: -1})
	var lines []string
	for i, b := range bad {
		lines = append(lines, fmt.Sprint("bad", i), b+", timeout: 30s")
	}
	for i := range good {
		lines = append(lines, fmt.Sprint("good", i), url)
	}
	r := newRig(t, oneRoute(lines...), nil)
	defer r.stop()
	const waiting = 8
	for i := range bad {
		r.sendMany(fmt.Sprint("bad", i), waiting)
	}
	inTrouble := func(st Status) bool { return st.InFlight > 0 || st.Breaker == "open" }
	for i := range bad {
		r.until("a bad one is tried", func() bool { return inTrouble(r.status(fmt.Sprint("bad", i))) })
	}
	began := time.Now()
	for range events {
		for i := range good {
			r.send(fmt.Sprint("good", i), "x")
		}
	}
	if err := s.Wait(good*events, 15*within); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	for _, st := range r.Destinations() {
		if strings.HasPrefix(st.Name, "bad") && (st.Pending != waiting || st.InFlight > 2 || !inTrouble(st)) {
			t.Errorf("a bad one: %+v", st)
		}
		if strings.HasPrefix(st.Name, "good") && st.Breaker != "closed" {
			t.Errorf("a good one: %+v", st)
		}
	}
	return took
}

// TestBadNeighbours: of a hundred destinations one hangs, then eighty are no good in eight ways: the others get what is
// theirs while all of that waits. With HOOKROUTER_LONG=1, in at most a ninth more time than alone.
func TestBadNeighbours(t *testing.T) {
	events := 10
	if os.Getenv("HOOKROUTER_LONG") == "1" {
		events = 500
	}
	kinds := troubles(t)
	var eighty []string
	for i := range 80 {
		eighty = append(eighty, kinds[i%len(kinds)])
	}
	for _, c := range []struct {
		good int
		bad  []string
	}{{99, kinds[:1]}, {20, eighty}} {
		with := neighbours(t, c.good, c.bad, events)
		if os.Getenv("HOOKROUTER_LONG") == "1" {
			alone := neighbours(t, c.good, nil, events)
			t.Logf("%d destinations take %v beside %d bad ones, %v alone", c.good, with, len(c.bad), alone)
			if with > alone*10/9 {
				t.Errorf("%d destinations take %v beside %d bad ones, %v alone", c.good, with, len(c.bad), alone)
			}
		}
	}
}
