package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verify"
)

// TestShownPresetsParseAgain: pasted into a rules file, each is the preset that it was, and proves what it proved.
func TestShownPresetsParseAgain(t *testing.T) {
	for _, name := range verify.Names() {
		t.Run(name, func(t *testing.T) {
			p, _ := verify.Lookup(name)
			text, err := presetYAML(p)
			if err != nil {
				t.Fatal(err)
			}
			const secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			file := fmt.Sprintf("version: 1\nsources: { s: { preset: my-%s, secret: %s } }\npresets:\n%s", name, secret, text)
			set, err := rules.Parse(rules.File{Data: []byte(file)}, rules.Options{PublicLoopback: true})
			if err != nil {
				t.Fatalf("%v\n%s", err, file)
			}
			source, _ := set.Source("s")
			r, err := verify.Sample(name, "")
			if err != nil {
				t.Fatal(err)
			}
			v, err := verify.New(p.Verify, verify.Keys{Secrets: []string{secret}})
			if err != nil {
				t.Fatal(err)
			}
			now := time.Now()
			if err := v.Sign(r, now); err != nil {
				t.Fatal(err)
			}
			if err := source.Verifier.Verify(r, now); err != nil {
				t.Errorf("signed by %s, not proved by its copy: %v", name, err)
			}
			if len(source.Handshakes) != len(p.Handshake) || strings.Join(source.Methods, " ") != strings.Join(p.Methods, " ") {
				t.Errorf("handshakes %v, methods %v", source.Handshakes, source.Methods)
			}
		})
	}
}
