package router

import (
	"container/list"
	"crypto/tls"
	"net"
	"net/http"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
)

// defaultConnections take about 200 MiB when each of them has a request under way.
const defaultConnections = 4096

// crowd bounds the connections of senders. For one too many, the one that has been idle the longest is closed; when none
// is idle, that is the new one. So who opens many and says nothing only closes its own.
type crowd struct {
	most int

	mu   sync.Mutex
	open map[net.Conn]*list.Element // nil while a request is under way
	idle *list.List                 // of net.Conn, the longest first: those that have not sent whole headers since their last answer

	closed  *prometheus.CounterVec
	current prometheus.GaugeFunc
}

// newCrowd makes one; most 0 means as many as is safe.
func newCrowd(most int, r prometheus.Registerer) *crowd {
	if most <= 0 {
		most = defaultConnections
		if files := openFiles(); files > 0 {
			most = min(most, files/2) // the other half is for the log and for destinations
		}
	}
	c := &crowd{
		most: most, open: map[net.Conn]*list.Element{}, idle: list.New(),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "hookrouter_connections_closed_total",
			Help: "Connections of senders closed because there were --max-connections: an idle one, or the new one.",
		}, []string{"which"}),
	}
	c.current = prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "hookrouter_connections", Help: "Open connections of senders.",
	}, func() float64 {
		c.mu.Lock()
		defer c.mu.Unlock()
		return float64(len(c.open))
	})
	for _, which := range []string{"idle", "new"} {
		c.closed.WithLabelValues(which)
	}
	r.MustRegister(c.closed, c.current)
	return c
}

// watch is the server's ConnState.
func (c *crowd) watch(conn net.Conn, state http.ConnState) {
	if last := c.note(conn, state); last != nil {
		which := "idle"
		if last == conn {
			which = "new"
		}
		c.closed.WithLabelValues(which).Inc()
		hangUp(last)
	}
}

// note gives the connection that must go, or nil.
func (c *crowd) note(conn net.Conn, state http.ConnState) net.Conn {
	c.mu.Lock()
	defer c.mu.Unlock()
	at, known := c.open[conn]
	if !known && state != http.StateNew {
		return nil // it had to go
	}
	if at != nil {
		c.idle.Remove(at)
	}
	switch state {
	case http.StateNew, http.StateIdle:
		c.open[conn] = c.idle.PushBack(conn)
	case http.StateActive:
		c.open[conn] = nil
	case http.StateClosed, http.StateHijacked:
		delete(c.open, conn)
	}
	if len(c.open) <= c.most {
		return nil
	}
	last := c.idle.Remove(c.idle.Front()).(net.Conn) // there is one: the new one
	delete(c.open, last)
	return last
}

// hangUp closes a connection without a word: TLS would wait for a peer that does not read.
func hangUp(conn net.Conn) {
	if t, ok := conn.(*tls.Conn); ok {
		conn = t.NetConn()
	}
	_ = conn.Close()
}
