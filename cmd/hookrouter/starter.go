package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/hookrouter/hookrouter/verify"
)

// starterFile is a rules file for some senders: a source, a route and two tests for each, and one destination.
func starterFile(presets []*verify.Preset) (string, error) {
	var sources, routes, tests strings.Builder
	for _, p := range presets {
		source, err := starterSource(p)
		if err != nil {
			return "", fmt.Errorf("preset %q: %w", p.Name, err)
		}
		sources.WriteString(source)
		starterRoute(&routes, &tests, p)
	}
	return `# yaml-language-server: $schema=./hookrouter.schema.json
# ` + "`hookrouter schema > hookrouter.schema.json`" + ` gives the schema for your editor.
version: 1

sources:                        # who may call: POST /in/<name>
` + sources.String() + `
destinations:                   # who is called
  app:
    url: ${APP_URL:-http://127.0.0.1:9000/events}
    timeout: 10s
    retry: { max_age: 24h }     # tried again, with growing pauses, for a day

routes:                         # which events go where; without a transform they go on as they came
` + routes.String() + `
tests:                          # run by ` + "`hookrouter test`" + `, and before changes of this file go live
` + strings.TrimSuffix(tests.String(), "\n"), nil
}

// starterSource is a source with all that its preset needs, and a word on each.
func starterSource(p *verify.Preset) (string, error) {
	var b strings.Builder
	for _, line := range strings.Split(strings.TrimSpace(p.Title+": "+p.Docs+"\n"+p.Note), "\n") {
		b.WriteString(strings.TrimRight("  # "+line, " ") + "\n")
	}
	fmt.Fprintf(&b, "  %s:\n    preset: %s\n", p.Name, p.Name)
	needs, err := needsOf(p)
	if err != nil {
		return "", err
	}
	variable := strings.ToUpper(strings.ReplaceAll(p.Name, "-", "_"))
	switch {
	case p.Verify.Kind == verify.KindNone:
		b.WriteString("    verify: none                # it proves nothing: allow_ip says who may call beyond this machine\n")
	case needs.secret != "":
		b.WriteString("    # What follows :- is for trying it out on this machine only: set the variable before others can reach it.\n")
		fmt.Fprintf(&b, "    secret: ${%s_SECRET:-%s}\n", variable, needs.secret)
	}
	if needs.key != "" {
		b.WriteString("    # The sender's public key; what follows :- is of nobody.\n")
		fmt.Fprintf(&b, "    key: ${%s_KEY:-%s}\n", variable, needs.key)
	}
	if needs.publicURL != "" {
		fmt.Fprintf(&b, "    public_url: %s   # the address as the sender was told it\n", needs.publicURL)
	}
	return b.String() + starterWith(p), nil
}

func starterWith(p *verify.Preset) string {
	var b strings.Builder
	for _, param := range p.With {
		asks := func(h verify.Handshake) bool {
			return slices.Contains(slices.Collect(maps.Values(h.Must)), "{with:"+param.Name+"}")
		}
		if !param.Required && !slices.ContainsFunc(p.Handshake, asks) {
			continue
		}
		if b.Len() == 0 {
			b.WriteString("    with:\n")
		}
		for _, line := range strings.Split(strings.TrimSpace(param.Note), "\n") {
			b.WriteString("      # " + line + "\n")
		}
		fmt.Fprintf(&b, "      %s: %q\n", param.Name, param.Example)
	}
	return b.String()
}

func starterRoute(routes, tests *strings.Builder, p *verify.Preset) {
	event := ""
	if len(p.Samples) > 0 {
		event = p.Samples[0].Event
	}
	fmt.Fprintf(routes, "  - name: %[1]s\n    from: %[1]s\n", p.Name)
	if event != "" {
		fmt.Fprintf(routes, "    when: |\n      event == %q\n", event)
	}
	routes.WriteString("    to: app\n")
	fmt.Fprintf(tests, "  - name: %q\n    given: { source: %s, event: %q }\n    expect: { app: {} }\n", strings.TrimSpace(p.Name+" "+event), p.Name, event)
	if event != "" {
		fmt.Fprintf(tests, "  - name: %q\n    given: { source: %s, event: %q }\n    expect: {}\n", p.Name+", another event", p.Name, "other")
	}
}

// needed is what a source of a preset cannot be without.
type needed struct{ secret, key, publicURL string }

// needsOf finds what it takes by asking the verifier.
func needsOf(p *verify.Preset) (n needed, err error) {
	if p.Verify.Kind == verify.KindNone || p.Verify.NeedsSecret() && slices.ContainsFunc(p.Handshake, func(h verify.Handshake) bool { return h.Learn != "" }) {
		return n, nil
	}
	with := map[string]string{}
	for _, param := range p.With {
		with[param.Name] = param.Example
	}
	secrets := []string{""}
	if p.Verify.NeedsSecret() {
		secrets = exampleSecrets(p.Name)
	}
	for _, secret := range secrets {
		n = needed{secret: secret}
		for range 3 { // each turn adds one thing
			keys := verify.Keys{With: with, PublicURL: n.publicURL}
			if n.secret != "" {
				keys.Secrets = []string{n.secret}
			}
			if n.key != "" {
				keys.Public = []string{n.key}
			}
			_, err = verify.New(p.Verify, keys)
			switch {
			case err == nil && len(p.Verify.CheckKeys(keys)) == 0:
				return n, nil
			case err == nil:
				continue
			case strings.HasPrefix(err.Error(), "public_url missing"):
				n.publicURL = "https://hooks.example.com/in/" + p.Name
			case strings.HasPrefix(err.Error(), "key missing"):
				if n.key, err = examplePublic(p.Verify); err != nil {
					return n, err
				}
			}
		}
	}
	return n, err
}

// exampleSecrets are secrets in the forms that senders give them, the one first that is known as an example.
func exampleSecrets(name string) []string {
	random := make([]byte, 32)
	_, _ = rand.Read(random) // never fails
	long := "example-" + name + "-secret-replace-me-before-others-can-reach-this-server"
	return []string{
		"example-" + name + "-secret", long[:min(64, len(long))], hex.EncodeToString(random),
		base64.StdEncoding.EncodeToString(random), "whsec_" + base64.StdEncoding.EncodeToString(random[:24]), "user:example-" + name + "-secret",
	}
}

// examplePublic is the public half of a key that is thrown away.
func examplePublic(s verify.Scheme) (string, error) {
	kind := s.Kind
	if len(s.Any) > 0 {
		kind = s.Any[0].Kind
	}
	var key crypto.Signer
	var err error
	switch kind {
	case verify.KindEd25519:
		_, key, err = ed25519.GenerateKey(rand.Reader)
	case verify.KindECDSA:
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	default:
		key, err = rsa.GenerateKey(rand.Reader, 2048)
	}
	if err != nil {
		return "", err
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	return base64.StdEncoding.EncodeToString(der), err
}
