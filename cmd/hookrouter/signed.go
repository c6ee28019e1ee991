package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/verify"
)

// answered is what a server said to one request.
type answered struct {
	Status    int    `json:"-"`
	ID        string `json:"id"`
	Duplicate bool   `json:"duplicate"`
	Body      string `json:"-"` // first 4 KiB
}

// post sends a request as it is. A redirect is an answer like any other.
func post(ctx context.Context, to string, r *verify.Request) (answered, error) {
	req, err := http.NewRequestWithContext(ctx, r.Method, to, bytes.NewReader(r.Body))
	if err != nil {
		return answered{}, err
	}
	req.Header = r.Header
	c := &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := c.Do(req)
	if err != nil {
		return answered{}, &failure{exitUnreachable, err, "does `hookrouter run` listen there? --to URL says where to send"}
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	a := answered{Status: resp.StatusCode, Body: strings.TrimSpace(string(body))}
	_ = json.Unmarshal(body, &a) // an answer without an id is shown as it is
	return a, err
}

// sign signs r at the time now; a bad one has its signature spoiled.
func sign(v *verify.Verifier, r *verify.Request, bad bool) error {
	unsigned := maps.Clone(r.Header)
	if err := v.Sign(r, time.Now()); err != nil {
		return err
	}
	if bad {
		spoil(r, unsigned)
	}
	return nil
}

// spoil changes the last character of each signature: of the long values that signing added.
func spoil(r *verify.Request, unsigned http.Header) {
	for name, values := range r.Header {
		if _, was := unsigned[name]; was || len(values[0]) < 16 {
			continue // a timestamp or a version: spoiling it would show something else
		}
		v, last := values[0], "0"
		if strings.HasSuffix(v, last) {
			last = "1"
		}
		r.Header[name] = []string{v[:len(v)-1] + last}
	}
}

// verifierOf makes the verifier of a preset with one secret, and parameters as the samples have them. For a sender that
// signs with a private key the secret is one, in PEM; url is the address that is signed where it is.
func verifierOf(preset, secret, url string) (*verify.Verifier, error) {
	p, ok := verify.Lookup(preset)
	if !ok {
		return nil, unknownPreset(preset)
	}
	return verify.New(p.Verify, verify.Keys{Secrets: []string{secret}, With: examples(p), PublicURL: url})
}

// examples are a preset's parameters as its samples have them.
func examples(p *verify.Preset) map[string]string {
	with := map[string]string{}
	for _, param := range p.With {
		with[param.Name] = param.Example
	}
	return with
}
