package rules

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"gopkg.in/yaml.v3"
)

// TLS is how a destination is trusted, and how it can trust us. nil is the defaults: the authorities of the system, no
// certificate of ours, TLS 1.2 or later. It never changes and is safe for concurrent use.
type TLS struct {
	config *tls.Config
	sum    [sha256.Size]byte // of all that it was made of
}

// Config is for a client. The caller owns it.
func (t *TLS) Config() *tls.Config {
	if t == nil {
		return &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return t.config.Clone()
}

// Same reports whether connections made under t serve under other as well. Both may be nil.
func (t *TLS) Same(other *TLS) bool {
	if t == nil || other == nil {
		return t == other
	}
	return t.sum == other.sum
}

// unchecked is how others name what is not to be had here.
const unchecked = "insecure_skip_verify"

// tls reads a `tls:` block. There is no key by which a certificate goes unchecked: whoever is on the way could then read
// and change what is sent, and `ca` is as easy to write.
func (p *parser) tls(n *yaml.Node) *TLS {
	if peek(n, unchecked) != "" {
		p.fault(n, unchecked+" is not supported", "name the authority of the certificate with `ca`, or its name with `server_name`")
		return nil
	}
	b, ok := p.block(n, "tls", tlsKeys)
	if !ok {
		return nil
	}
	t := &TLS{config: &tls.Config{MinVersion: tls.VersionTLS12}}
	h := sha256.New()
	read := func(key string, secret bool) (*yaml.Node, string) {
		n := b.get(key)
		if n == nil {
			return nil, ""
		}
		get := p.value
		if secret {
			get = p.reference
		}
		s, ok := get(n, key)
		_, _ = fmt.Fprintf(h, "%s %d %s", key, len(s), s) // a hash never fails
		if !ok {
			return nil, ""
		}
		return n, s
	}
	if n, s := read("ca", false); n != nil {
		t.config.RootCAs = p.authorities(n, s)
	}
	cert, chain := read("cert", false)
	key, private := read("key", true)
	if (b.get("cert") == nil) != (b.get("key") == nil) {
		p.fault(b.node, "tls needs cert and key together", "both as ${file:/path}")
	} else if cert != nil && key != nil {
		t.config.Certificates = p.pair(cert, chain, private)
	}
	if n, s := read("server_name", false); n != nil {
		t.config.ServerName = s
	}
	if n := b.get("min_version"); n != nil && p.word(n, "min_version", "1.2", "1.3") == "1.3" {
		t.config.MinVersion = tls.VersionTLS13
		_, _ = h.Write([]byte("1.3"))
	}
	h.Sum(t.sum[:0])
	return t
}

// authorities are the only ones that count then: those of the system are left out.
func (p *parser) authorities(n *yaml.Node, text string) *x509.CertPool {
	pool, count := x509.NewCertPool(), 0
	for rest := []byte(text); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if block.Type != "CERTIFICATE" || err != nil {
			p.fault(n, "ca holds something that is no certificate", "`-----BEGIN CERTIFICATE-----` begins each")
			return pool
		}
		pool.AddCert(cert)
		count++
	}
	if count == 0 {
		p.fault(n, "ca holds no certificate in PEM", "write `ca: ${file:/etc/ssl/authority.pem}`")
	}
	return pool
}

func (p *parser) pair(n *yaml.Node, chain, key string) []tls.Certificate {
	pair, err := tls.X509KeyPair([]byte(chain), []byte(key))
	if err != nil {
		p.fault(n, "cert and key: "+err.Error(), "both in PEM, the certificate first in its chain")
		return nil
	}
	return []tls.Certificate{pair}
}
