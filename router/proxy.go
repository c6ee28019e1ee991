package router

import (
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/pires/go-proxyproto"
	"golang.org/x/time/rate"
)

// proxied listens behind proxies that begin each connection with a PROXY header, version 1 or 2, which says who called.
// A connection from anybody else is closed, and so is one that has no such header within headerTimeout.
func proxied(ln net.Listener, trusted []netip.Prefix, log *slog.Logger) net.Listener {
	seldom := rate.Sometimes{First: 5, Interval: time.Minute}
	return proxyListener{&proxyproto.Listener{
		Listener: ln, ReadHeaderTimeout: headerTimeout,
		ConnPolicy: func(o proxyproto.ConnPolicyOptions) (proxyproto.Policy, error) {
			if comesFrom(o.Upstream, trusted) {
				return proxyproto.REQUIRE, nil
			}
			seldom.Do(func() { log.Warn("connection closed: not from one of --trusted-proxies", "addr", o.Upstream.String()) })
			return proxyproto.REJECT, proxyproto.ErrInvalidUpstream
		},
	}}
}

func comesFrom(addr net.Addr, trusted []netip.Prefix) bool {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return false
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	return slices.ContainsFunc(trusted, func(p netip.Prefix) bool { return p.Contains(ip) })
}

type proxyListener struct{ net.Listener }

func (l proxyListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return proxiedConn{conn.(*proxyproto.Conn)}, nil
}

type proxiedConn struct{ *proxyproto.Conn }

// RemoteAddr is who called the proxy. Version 1 can say that the proxy does not know: then nobody does, for what the
// caller says in X-Forwarded-For must not be taken for the proxy's word.
func (c proxiedConn) RemoteAddr() net.Addr {
	if h := c.ProxyHeader(); h != nil && h.Version == 1 && h.Command.IsLocal() {
		return nobody{}
	}
	return c.Conn.RemoteAddr()
}

// CloseWrite lets an answer reach a sender who still writes.
func (c proxiedConn) CloseWrite() error {
	if tcp, ok := c.TCPConn(); ok {
		return tcp.CloseWrite()
	}
	return nil
}

// nobody is the address of a caller whom nobody knows.
type nobody struct{}

func (nobody) Network() string { return "tcp" }
func (nobody) String() string  { return "unknown" }
