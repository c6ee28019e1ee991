package deliver

import (
	"context"
	"fmt"
	"net"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/sink"
)

// TestNames: a name that does not exist, one of many addresses where nobody answers, and one that leads to the wrong place
// until it is corrected are the trouble of their own destinations.
func TestNames(t *testing.T) {
	s := sink.New(sink.Options{Keep: -1})
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	_, port, _ := net.SplitHostPort(srv.Listener.Addr().String())
	var corrected atomic.Bool
	resolver := names(t, func(name string) []string {
		switch {
		case name == "good.example" || name == "moved.example" && corrected.Load():
			return []string{"127.0.0.1"}
		case name == "moved.example":
			return []string{"127.0.0.2"} // where nobody listens
		case name == "many.example":
			return make60()
		}
		return nil
	})
	at := func(name string) string {
		return fmt.Sprintf(`url: "http://%s.example:%s/", timeout: 2s, retry: { backoff: 1ms, max_backoff: 5ms }, breaker: { cooldown: 20ms }`, name, port)
	}
	r := newRigWith(t, oneRoute("good", at("good"), "missing", at("missing"), "many", at("many"), "moved", at("moved")), nil,
		Options{Resolver: resolver})
	ids := map[string]event.DeliveryID{}
	for _, name := range []string{"missing", "many", "moved"} {
		ids[name] = r.send(name, "x")
		r.attempted(ids[name], 3)
	}
	r.sendMany("good", 100)
	r.until("the good one has all", func() bool { return s.Count() == 100 })
	for name, want := range map[string]string{"missing": resultDNS, "many": resultConnect, "moved": resultConnect} {
		if _, as := r.delivery(ids[name]); as[0].Result != want {
			t.Errorf("%s: %s %s, want %s", name, as[0].Result, as[0].Error, want)
		}
	}
	corrected.Store(true)
	r.until("the name that was corrected has what waited", func() bool {
		d, _ := r.delivery(ids["moved"])
		return d.State == event.Delivered
	})
}

func make60() (ips []string) {
	for i := range 60 {
		ips = append(ips, fmt.Sprintf("127.0.1.%d", i))
	}
	return ips
}

// TestNamesHang: a resolver that says nothing holds the attempts of its destination, until their deadline.
func TestNamesHang(t *testing.T) {
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	silent := &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		<-over
		return nil, net.ErrClosed
	}}
	s, url := newSink(t, sink.Options{Keep: -1})
	r := newRigWith(t, oneRoute("named", `url: "http://a.example/", timeout: 300ms, retry: { backoff: 1ms, max_backoff: 1ms }`, "plain", url), nil,
		Options{Resolver: silent})
	id := r.send("named", "x")
	r.sendMany("plain", 100)
	r.until("the plain one has all", func() bool { return s.Count() == 100 })
	if _, as := r.attempted(id, 2); as[0].Result != resultTimeout && as[0].Result != resultDNS || as[0].Duration > 5*time.Second {
		t.Errorf("%+v", as[0])
	}
}
