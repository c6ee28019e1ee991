package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verify"
)

// TestShownPresetsParseAgain: pasted into a rules file, each is the preset that it was, and proves what it proved.
func TestShownPresetsParseAgain(t *testing.T) {
	keys := signers(t)
	for _, name := range verify.Names() {
		t.Run(name, func(t *testing.T) {
			p, _ := verify.Lookup(name)
			text, err := presetYAML(p)
			if err != nil {
				t.Fatal(err)
			}
			source := pasted(t, p, text, keys)
			if len(source.Handshakes) != len(p.Handshake) || strings.Join(source.Methods, " ") != strings.Join(p.Methods, " ") {
				t.Errorf("handshakes %v, methods %v", source.Handshakes, source.Methods)
			}
			if !source.Unverified {
				provesTheSame(t, p, source, keys)
			}
		})
	}
}

const publicURL = "https://hooks.example.com/in/s"

// pasted is a source that uses a copy of the preset, with everything that it may ask for.
func pasted(t *testing.T, p *verify.Preset, text []byte, keys []signer) *rules.Source {
	t.Helper()
	var b strings.Builder
	fmt.Fprintf(&b, "version: 1\nsources:\n  s:\n    preset: my-%s\n    public_url: %s\n", p.Name, publicURL)
	if p.Verify.Kind == verify.KindNone {
		b.WriteString("    verify: none\n")
	} else {
		fmt.Fprintf(&b, "    secret: %q\n    key:\n", secretOf(p))
		for _, k := range keys {
			fmt.Fprintf(&b, "      - %q\n", k.public)
		}
	}
	if len(p.With) > 0 {
		b.WriteString("    with:\n")
	}
	for _, param := range p.With {
		fmt.Fprintf(&b, "      %s: %q\n", param.Name, param.Example)
	}
	fmt.Fprintf(&b, "presets:\n%s", text)
	set, err := rules.Parse(rules.File{Data: []byte(b.String())}, rules.Options{PublicLoopback: true})
	if err != nil {
		t.Fatalf("%v\n%s", err, b.String())
	}
	source, _ := set.Source("s")
	return source
}

// provesTheSame wants one of the samples, signed by one of the preset's schemes, to be proved by the copy.
func provesTheSame(t *testing.T, p *verify.Preset, source *rules.Source, keys []signer) {
	t.Helper()
	now := time.Now()
	var reasons []error
	for _, scheme := range append(p.Verify.Any, p.Verify) {
		for _, secret := range append(privates(keys), secretOf(p)) {
			for _, info := range p.Samples {
				r, err := verify.Sample(p.Name, info.Event)
				if err != nil {
					t.Fatal(err)
				}
				v, err := verify.New(scheme, verify.Keys{Secrets: []string{secret}, With: examples(p), PublicURL: publicURL})
				if err == nil {
					err = v.Sign(r, now)
				}
				if err == nil {
					err = source.Verifier.Verify(r, now)
				}
				if err == nil {
					return
				}
				reasons = append(reasons, err)
			}
		}
	}
	t.Errorf("not proved by its copy: %v", reasons)
}

// secretOf is a secret that can be hex, base64 and text, and a user with a password where that is asked for.
func secretOf(p *verify.Preset) string {
	const secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, s := range append(p.Verify.Any, p.Verify) {
		if s.Token != nil && s.Token.Basic {
			return "user:" + secret
		}
	}
	return secret
}

// signer is a key pair in PEM.
type signer struct{ private, public string }

func privates(keys []signer) (all []string) {
	for _, k := range keys {
		all = append(all, k.private)
	}
	return all
}

// signers has one key pair of each kind.
func signers(t *testing.T) (all []signer) {
	t.Helper()
	_, edwards, err1 := ed25519.GenerateKey(rand.Reader)
	elliptic, err2 := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	prime, err3 := rsa.GenerateKey(rand.Reader, 2048)
	if err := errors.Join(err1, err2, err3); err != nil {
		t.Fatal(err)
	}
	for _, key := range []crypto.Signer{edwards, elliptic, prime} {
		private, err1 := x509.MarshalPKCS8PrivateKey(key)
		public, err2 := x509.MarshalPKIXPublicKey(key.Public())
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		all = append(all, signer{
			string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})),
			string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})),
		})
	}
	return all
}
