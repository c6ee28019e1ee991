package deliver

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/sink"
	"github.com/hookrouter/hookrouter/verify"
)

func deadline(t *testing.T, soon bool) (context.Context, context.CancelFunc) {
	t.Helper()
	if soon {
		return context.WithTimeout(t.Context(), testTimeout)
	}
	return context.WithTimeout(t.Context(), within)
}

// TestRequestsAreSigned: what arrives, first attempts and retries alike, is what a receiver of Standard Webhooks takes.
func TestRequestsAreSigned(t *testing.T) {
	s, url := newSink(t, sink.Options{})
	s.Choose(statuses(500, 503))
	r := newRig(t, oneRoute("a", url+`, sign: ["${WHSEC}", "${WHSEC_OLD}"]`+impatient), nil)
	r.final(r.send("a", `{"type":"x"}`))
	p, _ := verify.Lookup("standard-webhooks")
	for _, name := range []string{"WHSEC", "WHSEC_OLD"} {
		v, err := verify.New(p.Verify, verify.Keys{Secrets: []string{secrets[name]}})
		if err != nil {
			t.Fatal(err)
		}
		got := s.Received()
		if len(got) != 3 {
			t.Fatalf("%d requests", len(got))
		}
		for _, x := range got {
			req := &verify.Request{Method: x.Method, URL: x.Path, Header: x.Header, Body: x.Body}
			if err := v.Verify(req, x.Time); err != nil {
				t.Errorf("%s: attempt %s: %v", name, x.Header.Get("Hookrouter-Attempt"), err)
			}
		}
	}
}

// TestCredentials of the rules reach the destination and nobody else, even when it repeats them.
func TestCredentials(t *testing.T) {
	for auth, want := range map[string]string{
		`bearer: "${BEARER}"`: "Bearer bearer-canary-0123456789",
		`basic: { username: router, password: "${PASSWORD}" }`: "Basic cm91dGVyOnBhc3N3b3JkLWNhbmFyeS0wMTIzNDU2Nzg5",
	} {
		srv := testServer(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, password, _ := r.BasicAuth()
			_, _ = fmt.Fprintln(w, r.Header.Get("Authorization") == want, r.Header.Get("Authorization"), password)
		}))
		r := newRig(t, oneRoute("a", fmt.Sprintf("url: %q, auth: { %s }", srv.URL, auth)), nil)
		_, as := r.final(r.send("a", "x"))
		if !strings.HasPrefix(as[0].Answer, "true ") {
			t.Errorf("%s: %q", auth, as[0].Answer)
		}
		noCanary(t, as)
		if strings.Contains(as[0].Answer, "cm91dGVyOnBh") {
			t.Errorf("the password is shown: %q", as[0].Answer)
		}
		r.stop()
	}
}

// papers makes certificates into files of one directory.
type papers struct {
	t    *testing.T
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate // of the authority
	ends time.Time         // of what is issued; zero: in an hour
}

func newPapers(t *testing.T, dir string) *papers {
	t.Helper()
	p := &papers{t: t, dir: dir}
	p.cert, p.key = p.issue("ca", nil)
	return p
}

// issue writes NAME.pem and NAME.key.
func (p *papers) issue(name string, names []string) (*x509.Certificate, *ecdsa.PrivateKey) {
	p.t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	p.must(err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if !p.ends.IsZero() {
		template.NotAfter = p.ends
	}
	parent, signer := p.cert, p.key
	if parent == nil {
		template.IsCA, template.BasicConstraintsValid, template.KeyUsage = true, true, x509.KeyUsageCertSign
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	p.must(err)
	private, err := x509.MarshalPKCS8PrivateKey(key)
	p.must(err)
	p.must(os.WriteFile(p.path(name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	p.must(os.WriteFile(p.path(name+".key"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600))
	cert, err := x509.ParseCertificate(der)
	p.must(err)
	return cert, key
}

func (p *papers) path(name string) string { return filepath.Join(p.dir, name) }

func (p *papers) must(err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// guarded serves TLS 1.2 with a certificate for ci.internal, to clients that have one of the authority.
func (p *papers) guarded(h http.Handler) string {
	p.t.Helper()
	p.issue("server", []string{"ci.internal"})
	pair, err := tls.LoadX509KeyPair(p.path("server.pem"), p.path("server.key"))
	p.must(err)
	pool := x509.NewCertPool()
	pool.AddCert(p.cert)
	srv := httptest.NewUnstartedServer(h)
	srv.Config.ErrorLog = quiet()
	srv.TLS = &tls.Config{
		Certificates: []tls.Certificate{pair}, ClientCAs: pool, ClientAuth: tls.RequireAndVerifyClientCert,
		MinVersion: tls.VersionTLS12, MaxVersion: tls.VersionTLS12,
	}
	srv.StartTLS()
	p.t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
	return srv.URL
}

// TestTLS: a destination with an authority of its own that asks for our certificate.
func TestTLS(t *testing.T) {
	p, other := newPapers(t, t.TempDir()), newPapers(t, t.TempDir())
	p.issue("client", nil)
	other.issue("client", nil)
	s := sink.New(sink.Options{})
	url := p.guarded(s)
	rules := func(ca, client *papers, more string) string {
		return oneRoute("a", fmt.Sprintf(`url: %q, tls: { ca: "${file:%s}", cert: "${file:%s}", key: "${file:%s}"%s }`, url,
			ca.path("ca.pem"), client.path("client.pem"), client.path("client.key"), more)+impatient)
	}
	const named = ", server_name: ci.internal"
	r := newRig(t, rules(p, p, named), nil)
	if d, as := r.final(r.send("a", "x")); d.State != event.Delivered {
		t.Fatalf("%v: %+v", d.State, as)
	}
	for name, text := range map[string]string{
		"other authority": rules(other, p, named), "other certificate": rules(p, other, named), "no name": rules(p, p, ""),
		"TLS 1.3 only": rules(p, p, named+", min_version: 1.3"), "without": oneRoute("a", fmt.Sprintf("url: %q", url)+impatient),
	} {
		r.load(text)
		id := r.send("a", name)
		if _, as := r.attempted(id, 2); as[0].Result != resultTLS || as[1].Result != resultTLS {
			t.Errorf("%s: %+v", name, as)
		}
		r.load(rules(p, p, named))
		if d, _ := r.final(id); d.State != event.Delivered {
			t.Errorf("%s: not delivered afterwards", name)
		}
	}
	p.issue("client", nil) // the file changed: reading it again makes new connections
	before := r.transportOf("a")
	r.load(rules(p, p, named))
	if d, as := r.final(r.send("a", "y")); d.State != event.Delivered || r.transportOf("a") == before {
		t.Errorf("%v with the new certificate: %+v", d.State, as)
	}
}

// TestExpiredCertificate: it was good for a while, and is not any more.
func TestExpiredCertificate(t *testing.T) {
	p := newPapers(t, t.TempDir())
	p.issue("client", nil)
	s := sink.New(sink.Options{})
	for name, c := range map[string]struct {
		ends time.Time
		want string
	}{"good": {time.Time{}, resultOK}, "expired": {time.Now().Add(-time.Minute), resultTLS}} {
		p.ends = c.ends
		r := newRig(t, oneRoute("a", fmt.Sprintf(`url: %q, tls: { ca: "${file:%s}", cert: "${file:%s}", key: "${file:%s}", server_name: ci.internal }`,
			p.guarded(s), p.path("ca.pem"), p.path("client.pem"), p.path("client.key"))), nil)
		if _, as := r.attempted(r.send("a", "x"), 1); as[0].Result != c.want {
			t.Errorf("%s: %+v", name, as)
		}
		r.stop()
	}
	if n := s.Count(); n != 1 {
		t.Errorf("%d requests, want that to the good one", n)
	}
}

func (r *rig) transportOf(name string) *transport {
	l := r.lane(name)
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.transport
}
