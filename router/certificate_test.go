package router_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/router"
)

// pairs writes certificates and keys to the same two files.
type pairs struct {
	t         *testing.T
	cert, key string // files
}

func newPairs(t *testing.T) *pairs {
	dir := t.TempDir()
	return &pairs{t, filepath.Join(dir, "tls.crt"), filepath.Join(dir, "tls.key")}
}

// make makes a pair for name.
func (p *pairs) make(name string) (cert, key []byte) {
	p.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		p.t.Fatal(err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		p.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs8})
}

func (p *pairs) write(cert, key []byte) {
	p.t.Helper()
	for name, data := range map[string][]byte{p.cert: cert, p.key: key} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			p.t.Fatal(err)
		}
	}
}

// issue makes a pair for name, signed by the authority; from and until say when it is good.
func (p *pairs) issue(name string, authority tls.Certificate, from, until time.Time) tls.Certificate {
	p.t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		p.t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: until,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, authority.Leaf, &private.PublicKey, authority.PrivateKey)
	if err != nil {
		p.t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
}

// shown is the name in the certificate of a new handshake.
func shown(t *testing.T, addr string) string {
	t.Helper()
	conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestCertificateFollowsItsFiles(t *testing.T) {
	h, p := prepare(t), newPairs(t)
	h.write(h.rules(openRules))
	p.write(p.make("one"))
	o := h.options()
	o.TLSCert, o.TLSKey = p.cert, p.key
	r, _ := h.start(o)
	old, err := tls.Dial("tcp", r.Addr(), &tls.Config{InsecureSkipVerify: true})
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	if got := shown(t, r.Addr()); got != "one" {
		t.Fatalf("certificate of %q", got)
	}
	p.write(p.make("two"))
	h.eventually(2*time.Second, "the new pair is shown", func() bool { return shown(t, r.Addr()) == "two" })
	_, err = old.Write([]byte("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
	answer := make([]byte, 15)
	if _, readErr := old.Read(answer); err != nil || readErr != nil || string(answer) != "HTTP/1.1 200 OK" {
		t.Errorf("a connection from before: %q, %v, %v", answer, err, readErr)
	}

	goodCert, goodKey := p.make("three")
	_, otherKey := p.make("other")
	for name, bad := range map[string][2][]byte{
		"wrong key": {goodCert, otherKey}, "half a certificate": {goodCert[:len(goodCert)/2], goodKey}, "empty": {nil, nil},
	} {
		before := strings.Count(h.logs.text(), "the old one stays")
		p.write(bad[0], bad[1])
		h.eventually(5*time.Second, name+" is logged", func() bool { return strings.Count(h.logs.text(), "the old one stays") > before })
		if got := shown(t, r.Addr()); got != "two" {
			t.Errorf("%s: certificate of %q", name, got)
		}
	}
	if err := os.Remove(p.cert); err != nil {
		t.Fatal(err)
	}
	h.eventually(5*time.Second, "a missing file is logged", func() bool { return strings.Contains(h.logs.text(), "no such file") })
	p.write(goodCert, goodKey)
	h.eventually(5*time.Second, "the good pair is shown", func() bool { return shown(t, r.Addr()) == "three" })
	if key := bytes.TrimSpace(goodKey)[40:60]; strings.Contains(h.logs.text(), string(key)) {
		t.Error("the key is in the log")
	}
}

func TestBadPairAtStart(t *testing.T) {
	h, p := prepare(t), newPairs(t)
	h.write(h.rules(openRules))
	cert, key := p.make("one")
	_, other := p.make("two")
	for name, c := range map[string]struct {
		cert, key, want string
		data            [2][]byte
	}{
		"only a certificate": {p.cert, "", "go together", [2][]byte{cert, key}},
		"only a key":         {"", p.key, "go together", [2][]byte{cert, key}},
		"no such file":       {p.cert + "x", p.key, "--tls-cert " + p.cert + "x: no such file", [2][]byte{cert, key}},
		"a directory":        {p.cert, filepath.Dir(p.key), "not a regular file", [2][]byte{cert, key}},
		"wrong key":          {p.cert, p.key, "private key does not match", [2][]byte{cert, other}},
		"swapped":            {p.key, p.cert, "--tls-cert " + p.key, [2][]byte{cert, key}},
		"empty":              {p.cert, p.key, "PEM", [2][]byte{nil, nil}},
	} {
		p.write(c.data[0], c.data[1])
		o := h.options()
		o.TLSCert, o.TLSKey = c.cert, c.key
		r, err := router.New(t.Context(), o)
		if err == nil {
			t.Fatalf("%s: starts at %s", name, r.Addr())
		}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTLSVersionsAndHTTP2(t *testing.T) {
	h, p := prepare(t), newPairs(t)
	h.write(h.rules(openRules))
	p.write(p.make("one"))
	o := h.options()
	o.TLSCert, o.TLSKey = p.cert, p.key
	r, _ := h.start(o)
	for version, want := range map[uint16]bool{tls.VersionTLS10: false, tls.VersionTLS11: false, tls.VersionTLS12: true, tls.VersionTLS13: true} {
		conn, err := tls.Dial("tcp", r.Addr(), &tls.Config{InsecureSkipVerify: true, MinVersion: version, MaxVersion: version})
		if (err == nil) != want {
			t.Errorf("%s: %v", tls.VersionName(version), err)
		}
		if err == nil {
			_ = conn.Close()
		}
	}
	for _, two := range []bool{false, true} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, Protocols: new(http.Protocols)}
		tr.Protocols.SetHTTP2(two)
		tr.Protocols.SetHTTP1(!two)
		defer tr.CloseIdleConnections()
		for body, status := range map[string]int{"hello": 202, strings.Repeat("x", 2<<20): 413} {
			resp, err := (&http.Client{Transport: tr}).Post("https://"+r.Addr()+"/in/open", "text/plain", strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if resp.StatusCode != status || (resp.ProtoMajor == 2) != two {
				t.Errorf("%s: %s to %d bytes", resp.Proto, resp.Status, len(body))
			}
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+r.Addr()+"/in/open", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Long", strings.Repeat("x", 80<<10))
		resp, err := (&http.Client{Transport: tr}).Do(req)
		if two && err != nil {
			continue // the client keeps to the announced limit, or the server ends the connection
		}
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %s to headers of 80 KiB", resp.Proto, resp.Status)
		}
	}
	h.eventually(10*time.Second, "both are delivered", func() bool { return h.sink.Count() == 2 })
}
