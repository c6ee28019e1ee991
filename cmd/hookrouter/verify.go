package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/verify"
)

// proving is what the flags of `verify` say.
type proving struct {
	config, source         string
	preset, secret, public string
	with, keys             []string
	request, now           string
}

func verifyCommand(c *cli) *cobra.Command {
	var o proving
	cmd := &cobra.Command{
		Use:   "verify --request FILE (--source NAME | --preset NAME --secret S)",
		Short: "Say whether a request proves who sent it, and why not",
		Long: `verify reads one HTTP request as it went over the wire, request line and headers and body, and proves it as the
server would. The body is everything behind the empty line, to the last byte: mind that editors add a line end.

  hookrouter verify --source github --request request.http
  hookrouter verify --preset stripe --secret whsec_… --request - --now 1767225600 < request.http

It prints valid, or invalid with the reason; of a handshake it prints the answer. Exit code 0: valid; 1: invalid;
2: the file holds no request. Keys that a sender publishes are not fetched here: give them with --key.
HOOKROUTER_SECRET keeps the secret out of the list of processes.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return c.verify(o) },
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.config, "config", "c", defaultRules, "rules file that has the source")
	flags.StringVar(&o.source, "source", "", "source of the rules file")
	flags.StringVar(&o.preset, "preset", "", "preset to go by instead of a source")
	flags.StringVar(&o.secret, "secret", "", "secret of the preset, or instead of the source's")
	flags.StringArrayVar(&o.keys, "key", nil, "file with a public key of the preset's sender: PEM, hex, base64 or JWKS; may be repeated")
	flags.StringArrayVar(&o.with, "with", nil, "further parameter of the preset: NAME=VALUE; may be repeated")
	flags.StringVar(&o.public, "public-url", "", "address as the sender knows it, for presets that sign it")
	flags.StringVar(&o.request, "request", "", "file with the request, or - for standard input")
	flags.StringVar(&o.now, "now", "", "time at which to verify, as seconds since 1970 or RFC 3339; default: the clock")
	return cmd
}

func (c *cli) verify(o proving) error {
	if o.request == "" {
		return &failure{exitUsage, errors.New("--request is missing"), "--request FILE, or - for standard input"}
	}
	now, err := parseNow(o.now)
	if err != nil {
		return err
	}
	p, err := c.prover(o)
	if err != nil {
		return err
	}
	raw, err := c.read(o.request)
	if err != nil {
		return &failure{exitUsage, fmt.Errorf("--request: %w", err), ""}
	}
	r, err := verify.ParseRequest(raw)
	if err != nil {
		return &failure{exitUsage, fmt.Errorf("%s: %w", o.request, err), "it must hold one HTTP request as it went over the wire"}
	}
	return c.verdict(p, r, now)
}

// evidence is what a request is proved by.
type evidence struct {
	verifier   *verify.Verifier
	handshakes []verify.Handshake
	missing    error // what keeps requests from being proved; handshakes that need no proof are answered nevertheless
}

// verdict prints what the server would find. The reason holds no secret and no expected signature.
func (c *cli) verdict(p *evidence, r *verify.Request, now time.Time) error {
	if note := r.LengthNote(); note != "" {
		fmt.Fprintf(c.stderr, "warning: %s\n", note)
	}
	var refused *verify.Refusal
	v, err := p.verifier, p.missing
	if err == nil {
		err = v.Verify(r, now)
	}
	reply, handshake := verify.Answer(p.handshakes, r, v, err == nil)
	switch {
	case handshake && (p.missing == nil || reply.Status != http.StatusBadRequest): // which may be for want of the secret
		writeReply(c.stdout, reply)
		return nil
	case err == nil:
		fmt.Fprintln(c.stdout, "valid")
		return nil
	case !errors.As(err, &refused):
		return err
	}
	fmt.Fprintf(c.stdout, "invalid: %s\n", refused.Reason)
	if why := v.Diagnose(r, now); why != "" {
		return &failure{code: exitNo, hint: why}
	}
	if strings.HasPrefix(refused.Reason, "timestamp ") {
		return &failure{code: exitNo, hint: "--now TIME verifies at the time when it was received"}
	}
	return &failure{code: exitNo}
}

// writeReply prints the answer to a handshake as it goes over the wire, with what it waits for.
func writeReply(w io.Writer, reply *verify.Reply) {
	fmt.Fprintf(w, "handshake: %d %s\n", reply.Status, http.StatusText(reply.Status))
	for _, name := range slices.Sorted(maps.Keys(reply.Header)) {
		fmt.Fprintf(w, "%s: %s\n", name, strings.Join(reply.Header[name], ", "))
	}
	fmt.Fprintf(w, "\n%s\n", reply.Body)
	if reply.Learned != "" {
		fmt.Fprintln(w, "(answered when the source has taken the secret that the sender gives)")
	}
	if reply.Confirm != "" {
		fmt.Fprintf(w, "(answered when %s was fetched)\n", reply.Confirm)
	}
}

// parseNow reads seconds since 1970, which may have a fraction, or RFC 3339; "" is now.
func parseNow(text string) (time.Time, error) {
	if text == "" {
		return time.Now(), nil
	}
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && strings.Trim(text, "0123456789.") == "" && seconds < 1e12 {
		return time.UnixMicro(int64(math.Round(seconds * 1e6))), nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, &failure{exitUsage, fmt.Errorf("--now %q is not a time", text), "write 1767225600 or 2026-01-01T00:00:00Z"}
	}
	return t, nil
}

// prover finds what the source or preset that o names is proved by.
func (c *cli) prover(o proving) (*evidence, error) {
	switch {
	case (o.source == "") == (o.preset == ""):
		return nil, &failure{exitUsage, errors.New("one of --source and --preset is needed"), ""}
	case o.preset != "":
		return c.presetProver(o)
	case o.public != "" || len(o.with)+len(o.keys) > 0:
		return nil, &failure{exitUsage, errors.New("--with, --key and --public-url belong to --preset"), "a source has them in the rules file"}
	}
	source, err := c.source(o.source, o.config)
	switch {
	case err != nil:
		return nil, err
	case source == nil:
		return nil, &failure{exitNo, fmt.Errorf("%q is no source in %s", o.source, o.config), "for a source of another file give -c FILE"}
	}
	p := &evidence{verifier: source.Verifier, handshakes: source.Handshakes}
	switch {
	case source.Unverified:
		fmt.Fprintf(c.stderr, "warning: source %q takes requests from anybody\n", source.Name)
		if p.verifier == nil {
			p.verifier, err = verify.New(verify.Scheme{Kind: verify.KindNone}, verify.Keys{})
		}
	case source.Learn != nil && o.secret == "":
		p.missing = &failure{exitUsage, fmt.Errorf("source %q takes its secret from the sender", source.Name), "--secret says which"}
	case source.Learn != nil:
		p.verifier, err = source.Learn(o.secret)
	case o.secret != "":
		p.verifier, err = source.Verifier.WithSecret(o.secret)
	}
	return p, err
}

func (c *cli) presetProver(o proving) (*evidence, error) {
	p, ok := verify.Lookup(o.preset)
	if !ok {
		return nil, unknownPreset(o.preset)
	}
	with, err := parameters(p, o.with)
	if err != nil {
		return nil, &failure{exitUsage, err, "`hookrouter preset show " + p.Name + "` lists its parameters"}
	}
	for _, x := range p.With {
		if _, given := with[x.Name]; x.Required && !given {
			fmt.Fprintf(c.stderr, "warning: a source with this preset needs %s: --with %s=VALUE\n", x.Name, x.Name)
		}
	}
	k := verify.Keys{With: with, PublicURL: o.public}
	if o.secret != "" {
		k.Secrets = []string{o.secret}
	}
	for _, file := range o.keys {
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, &failure{exitUsage, fmt.Errorf("--key: %w", err), ""}
		}
		k.Public = append(k.Public, string(data))
	}
	v, err := verify.New(p.Verify, k)
	if err == nil {
		return &evidence{verifier: v, handshakes: p.Handshake}, nil
	}
	missing := &failure{exitUsage, fmt.Errorf("preset %q: %w", p.Name, err), "--secret S (HOOKROUTER_SECRET), --key FILE and --public-url URL give what it needs"}
	v, err = verify.New(verify.Scheme{Kind: verify.KindNone}, verify.Keys{With: with, PublicURL: o.public})
	return &evidence{v, p.Handshake, missing}, err
}

// parameters reads NAME=VALUE pairs, each of which the preset must know.
func parameters(p *verify.Preset, list []string) (map[string]string, error) {
	with := map[string]string{}
	for _, text := range list {
		name, value, ok := strings.Cut(text, "=")
		if !ok {
			return nil, errors.New("--with: write it as NAME=VALUE") // it may hold a secret: not quoted
		}
		if !slices.ContainsFunc(p.With, func(x verify.Param) bool { return x.Name == name }) {
			return nil, fmt.Errorf("--with: preset %q has no parameter %q", p.Name, name)
		}
		with[name] = value
	}
	return with, nil
}
