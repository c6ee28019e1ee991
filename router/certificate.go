package router

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"time"
)

// certPoll is how often the files are looked at. A change counts when two looks agree, so it is live within two.
const certPoll = 250 * time.Millisecond

// certificate is the public listener's pair, which follows its files.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	live              atomic.Pointer[tls.Certificate]
	seen              reading // what was tried last, good or bad
}

// openCertificate reads the pair; nil without one.
func openCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	switch {
	case certFile == "" && keyFile == "":
		return nil, nil //nolint:nilnil // no TLS is no error
	case certFile == "" || keyFile == "":
		return nil, errors.New("--tls-cert and --tls-key go together")
	}
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	c.seen = c.read()
	return c, c.load(c.seen)
}

func (c *certificate) read() reading { return read([]string{c.certFile, c.keyFile}) }

// load takes over a pair, or leaves everything as it is.
func (c *certificate) load(r reading) error {
	cert, err := r.file(c.certFile)
	if err != nil {
		return fmt.Errorf("--tls-cert %s: %w", c.certFile, err)
	}
	key, err := r.file(c.keyFile)
	if err != nil {
		return fmt.Errorf("--tls-key %s: %w", c.keyFile, err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return fmt.Errorf("--tls-cert %s with --tls-key %s: %s", c.certFile, c.keyFile, strings.TrimPrefix(err.Error(), "tls: "))
	}
	c.live.Store(&pair)
	level, names, until := slog.LevelInfo, pair.Leaf.DNSNames, pair.Leaf.NotAfter
	if time.Now().After(until) {
		level = slog.LevelWarn
	}
	c.log.Log(context.Background(), level, "certificate is live", "names", names, "until", until)
	return nil
}

// watch follows the files until ctx ends. What cannot be used leaves the old pair in place, and is said once.
func (c *certificate) watch(ctx context.Context) {
	last := c.seen
	for sleep(ctx, certPoll) {
		now := c.read()
		settled := now.equal(last)
		last = now
		if !settled || now.equal(c.seen) {
			continue
		}
		c.seen = now
		if err := c.load(now); err != nil {
			c.log.Error("certificate cannot be used, the old one stays", "err", err)
		}
	}
}

// config is for a server: HTTP/2 and HTTP/1.1 over TLS 1.2 and newer, each handshake with the pair of then.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		NextProtos:     []string{"h2", "http/1.1"},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.live.Load(), nil },
	}
}
