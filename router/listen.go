package router

import (
	"context"
	"fmt"
	"net"
	"net/netip"
)

// listen opens the listeners that were not handed over.
func (r *Router) listen(ctx context.Context) (err error) {
	var lc net.ListenConfig
	if r.publicListener == nil {
		if r.publicListener, err = lc.Listen(ctx, "tcp", r.o.Listen); err != nil {
			return fmt.Errorf("--listen %s: %w", r.o.Listen, err)
		}
	}
	if r.adminListener == nil {
		if r.adminListener, err = lc.Listen(ctx, "tcp", r.o.Admin); err != nil {
			return fmt.Errorf("--admin: %w", err)
		}
	}
	if r.token == nil && !IsLoopback(r.AdminAddr()) {
		return fmt.Errorf("--admin %s: beyond loopback the admin API needs a token: --admin-token-file FILE", r.AdminAddr())
	}
	r.crowd = newCrowd(r.o.MaxConnections, r.registry)
	if r.o.ProxyProtocol {
		r.publicListener = proxied(r.publicListener, r.o.TrustedProxies, r.log)
	}
	return nil
}

// publicLoopback reports whether only this machine will reach the public listener.
func (r *Router) publicLoopback() bool {
	if r.publicListener != nil {
		return IsLoopback(r.Addr())
	}
	return IsLoopback(r.o.Listen)
}

// Addr is where senders are listened for.
func (r *Router) Addr() string { return r.publicListener.Addr().String() }

// AdminAddr is where the admin API listens.
func (r *Router) AdminAddr() string { return r.adminListener.Addr().String() }

// IsLoopback reports whether only this machine can reach a listener on addr, a host and port.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
