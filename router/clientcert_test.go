package router_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router"
)

// authority makes a pair that can sign others, and its certificate as PEM.
func (p *pairs) authority(name string) (tls.Certificate, []byte) {
	p.t.Helper()
	cert, key := p.make(name)
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		p.t.Fatal(err)
	}
	return pair, cert
}

// mutual starts a router that asks its senders for certificates of the authorities in a file.
func mutual(t *testing.T, p *pairs, ca string) (*house, *router.Router) {
	t.Helper()
	h := prepare(t)
	h.write(h.rules(openRules))
	p.write(p.make("server"))
	o := h.options()
	o.TLSCert, o.TLSKey, o.TLSClientCA = p.cert, p.key, ca
	r, _ := h.start(o)
	return h, r
}

// tryTLS posts an event with this configuration and gives the status, or 0 when the handshake or the request fails.
func tryTLS(t *testing.T, addr string, c *tls.Config) int {
	t.Helper()
	c.InsecureSkipVerify = true
	conn, err := tls.Dial("tcp", addr, c)
	if err != nil {
		return 0
	}
	defer conn.Close()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, to("open")); err != nil {
		return 0
	}
	return firstStatus(t, conn, "a sender")
}

func with(certs ...tls.Certificate) *tls.Config { return &tls.Config{Certificates: certs} }

func TestClientCertificates(t *testing.T) {
	p := newPairs(t)
	trusted, trustedPEM := p.authority("trusted")
	other, otherPEM := p.authority("other")
	ca := filepath.Join(t.TempDir(), "ca.pem")
	put := func(data []byte) {
		t.Helper()
		if err := os.WriteFile(ca, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(trustedPEM)
	h, r := mutual(t, p, ca)
	now := time.Now()
	good := p.issue("sender", trusted, now.Add(-time.Hour), now.Add(time.Hour))
	foreign := p.issue("sender", other, now.Add(-time.Hour), now.Add(time.Hour))
	for name, c := range map[string]struct {
		with *tls.Config
		want int
	}{
		"none":            {with(), 0},
		"good":            {with(good), 202},
		"good, TLS 1.2":   {&tls.Config{Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS12}, 202},
		"none, TLS 1.2":   {&tls.Config{MaxVersion: tls.VersionTLS12}, 0},
		"of another":      {with(foreign), 0},
		"expired":         {with(p.issue("sender", trusted, now.Add(-2*time.Hour), now.Add(-time.Hour))), 0},
		"not yet":         {with(p.issue("sender", trusted, now.Add(time.Hour), now.Add(2*time.Hour))), 0},
		"of no authority": {with(other), 0},
		"another's key":   {with(tls.Certificate{Certificate: good.Certificate, PrivateKey: foreign.PrivateKey}), 0},
	} {
		if got := tryTLS(t, r.Addr(), c.with); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
	// The file is followed, and what it no longer holds is not trusted: also of who was there before.
	cache := &tls.Config{Certificates: []tls.Certificate{good}, ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	if got := tryTLS(t, r.Addr(), cache); got != 202 {
		t.Errorf("before the change: %d", got)
	}
	put(otherPEM)
	h.eventually(2*time.Second, "the new authority is trusted", func() bool { return tryTLS(t, r.Addr(), with(foreign)) == 202 })
	if got := tryTLS(t, r.Addr(), with(good)); got != 0 {
		t.Errorf("the old authority: %d", got)
	}
	if got := tryTLS(t, r.Addr(), cache); got != 0 {
		t.Errorf("the old authority, with a session of before: %d", got)
	}
	for _, bad := range [][]byte{nil, trustedPEM[:100]} {
		before := strings.Count(h.logs.text(), "the old one stays")
		put(bad)
		h.eventually(5*time.Second, "a bad file is logged", func() bool { return strings.Count(h.logs.text(), "the old one stays") > before })
		if none, of := tryTLS(t, r.Addr(), with()), tryTLS(t, r.Addr(), with(foreign)); none != 0 || of != 202 {
			t.Errorf("with a bad file: without a certificate %d, with a good one %d", none, of)
		}
	}
}

// TestBadClientCAAtStart: who is to trust somebody and knows not whom trusts nobody.
func TestBadClientCAAtStart(t *testing.T) {
	h, p := prepare(t), newPairs(t)
	h.write(h.rules(openRules))
	cert, key := p.make("server")
	p.write(cert, key)
	_, good := p.authority("authority")
	dir := t.TempDir()
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"missing":       {nil, "no such file"},
		"empty":         {[]byte{}, "0 certificates"},
		"blank":         {[]byte("\n \n"), "0 certificates"},
		"a key":         {key, "private key"},
		"both":          {append(append([]byte{}, good...), key...), "private key"},
		"cut off":       {good[:len(good)/2], "0 certificates"},
		"the last is":   {append(append([]byte{}, good...), good[:len(good)/2]...), "1 certificates"},
		"no PEM":        {[]byte("MIIBszCCAVmgAwIBAgI"), "0 certificates"},
		"not a real":    {[]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "x509"},
		"a certificate": {good, ""},
	} {
		file := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if c.data != nil {
			if err := os.WriteFile(file, c.data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		wantStart(t, h, name, c.want, func(o *router.Options) { o.TLSCert, o.TLSKey, o.TLSClientCA = p.cert, p.key, file })
	}
	file := filepath.Join(dir, "a-certificate")
	wantStart(t, h, "a directory", "not a regular file", func(o *router.Options) { o.TLSCert, o.TLSKey, o.TLSClientCA = p.cert, p.key, dir })
	wantStart(t, h, "without TLS", "needs --tls-cert", func(o *router.Options) { o.TLSClientCA = file })
}

// wantStart opens a router: it must fail with what it says, or start when it says nothing.
func wantStart(t *testing.T, h *house, name, want string, change func(*router.Options)) {
	t.Helper()
	o := h.options()
	change(&o)
	r, err := router.New(t.Context(), o)
	switch {
	case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("%s: %v, want %q", name, err, want)
	case want != "" && !strings.Contains(err.Error(), "--tls-client-ca"):
		t.Errorf("%s: the error names no flag: %v", name, err)
	}
	if err == nil {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := r.Run(ctx); err != nil && !errors.Is(err, ctx.Err()) {
			t.Error(err)
		}
	}
}
