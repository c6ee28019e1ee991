package router

import (
	"net"
	"net/http"
	"time"

	"github.com/hookrouter/hookrouter/router/deliver"
	"github.com/hookrouter/hookrouter/verify/keyfetch"
)

// newKeys gets what senders publish through transport, or else straight from public addresses only, whatever deliveries
// may reach: which hosts are asked is pinned by the presets, and none of them is inside.
func newKeys(transport http.RoundTripper) (*keyfetch.Client, error) {
	if transport != nil {
		return keyfetch.New(transport), nil
	}
	public, err := deliver.NewEgress("public", nil)
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: 3 * time.Second, Control: public.Control}
	return keyfetch.New(&http.Transport{
		DialContext: dialer.DialContext, TLSHandshakeTimeout: 3 * time.Second, MaxResponseHeaderBytes: 64 << 10,
		IdleConnTimeout: 30 * time.Second, MaxIdleConns: 4, ForceAttemptHTTP2: true,
	}), nil
}
