package router

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
)

// certificate is the public listener's pair, and the authorities of its clients when they must show one too. It follows
// its files.
type certificate struct {
	certFile, keyFile, clientCA string // clientCA is "" when clients need no certificate
	log                         *slog.Logger
	live                        atomic.Pointer[tls.Config]
	seen                        reading // what the start read
}

// openCertificate reads the files; nil without TLS.
func openCertificate(certFile, keyFile, clientCA string, log *slog.Logger) (*certificate, error) {
	switch {
	case certFile == "" && keyFile == "" && clientCA != "":
		return nil, errors.New("--tls-client-ca needs --tls-cert and --tls-key")
	case certFile == "" && keyFile == "":
		return nil, nil //nolint:nilnil // no TLS is no error
	case certFile == "" || keyFile == "":
		return nil, errors.New("--tls-cert and --tls-key go together")
	}
	c := &certificate{certFile: certFile, keyFile: keyFile, clientCA: clientCA, log: log}
	c.seen = c.read()
	return c, c.load(c.seen)
}

func (c *certificate) read() reading {
	names := []string{c.certFile, c.keyFile}
	if c.clientCA != "" {
		names = append(names, c.clientCA)
	}
	return read(names)
}

// load takes over what was read, all of it, or leaves everything as it is.
func (c *certificate) load(r reading) error {
	pair, err := c.pair(r)
	if err != nil {
		return err
	}
	next := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: protocols(), Certificates: []tls.Certificate{pair}}
	if c.clientCA != "" {
		if next.ClientCAs, err = authorities(r, c.clientCA); err != nil {
			return fmt.Errorf("--tls-client-ca %s: %w", c.clientCA, err)
		}
		next.ClientAuth = tls.RequireAndVerifyClientCert
	}
	c.live.Store(next)
	level, names, until := slog.LevelInfo, pair.Leaf.DNSNames, pair.Leaf.NotAfter
	if time.Now().After(until) {
		level = slog.LevelWarn
	}
	c.log.Log(context.Background(), level, "certificate is live", "names", names, "until", until)
	return nil
}

func (c *certificate) pair(r reading) (none tls.Certificate, _ error) {
	cert, err := r.file(c.certFile)
	if err != nil {
		return none, fmt.Errorf("--tls-cert %s: %w", c.certFile, err)
	}
	key, err := r.file(c.keyFile)
	if err != nil {
		return none, fmt.Errorf("--tls-key %s: %w", c.keyFile, err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return none, fmt.Errorf("--tls-cert %s with --tls-key %s: %s", c.certFile, c.keyFile, strings.TrimPrefix(err.Error(), "tls: "))
	}
	return pair, nil
}

// authorities reads certificates. A file without one, or with something that is none, is an error: who trusts nobody, or
// not all that it was told to, shall say so.
func authorities(r reading, file string) (*x509.CertPool, error) {
	data, err := r.file(file)
	if err != nil {
		return nil, err
	}
	pool, found := x509.NewCertPool(), 0
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			return nil, fmt.Errorf("it holds a %s, not only certificates", strings.ToLower(block.Type))
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		pool.AddCert(cert)
		found++
	}
	if found == 0 || found != bytes.Count(data, []byte("-----BEGIN ")) {
		return nil, fmt.Errorf("it holds %d certificates (PEM) that can be read", found)
	}
	return pool, nil
}

// watch follows the files until ctx ends.
func (c *certificate) watch(ctx context.Context) {
	follow(ctx, c.seen, c.load, func(err error) {
		c.log.Error("certificate cannot be used, the old one stays", "err", err)
	})
}

// config is for a server: each handshake is by the files as they are then.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         protocols(),
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c.live.Load(), nil },
	}
}

func protocols() []string { return []string{"h2", "http/1.1"} }
