package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/tidwall/sjson"
	"golang.org/x/time/rate"

	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verify"
)

// distinct is how many samples differ from each other; which come first is taken from the clock, so that two calls do
// not send the same events.
const distinct = 90_000_000

// sending is what the flags of `send` say.
type sending struct {
	config, to, secret, bodyFile string
	set, headers                 []string
	count                        int
	rate                         float64
	bad                          bool
}

// sender is whom `send` plays: a source of a rules file, or a preset with a secret.
type sender struct {
	preset   string
	verifier *verify.Verifier // nil sends unsigned
	to       string
}

func sendCommand(c *cli) *cobra.Command {
	var o sending
	cmd := &cobra.Command{
		Use:   "send SOURCE|PRESET [EVENT]",
		Short: "Send a correctly signed sample event, as the real sender would",
		Long: `send plays a sender. A SOURCE of the rules file brings its path and secret along:

  hookrouter send github push

A source without a preset has no samples: give its body, and in headers or body what tells its type.

  hookrouter send shop --body order.json --header 'X-Shop-Event: order.created'

A PRESET needs to be told both:

  hookrouter send stripe invoice.paid --to http://127.0.0.1:8080/in/stripe --secret whsec_…

Exit code 0: every request got a 2xx; 1: not.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			from, err := c.sender(args[0], o)
			if err != nil {
				return err
			}
			kind := ""
			if len(args) > 1 {
				kind = args[1]
			}
			return c.sendAll(cmd.Context(), from, kind, o)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.config, "config", "c", defaultRules, "rules file that has the source")
	flags.StringVar(&o.to, "to", "http://127.0.0.1:8080", "address of the server; with a path, the whole URL")
	flags.StringVar(&o.secret, "secret", "", "secret to sign with; default: the source's first")
	flags.StringVar(&o.bodyFile, "body", "", "file with another body, or - for standard input")
	flags.StringArrayVar(&o.set, "set", nil, "change the JSON body: body.user.name=ann, body.n=3; may be repeated")
	flags.StringArrayVar(&o.headers, "header", nil, "add a header: 'X-Event: order.created'; may be repeated")
	flags.IntVar(&o.count, "count", 1, "how many to send, each a different event")
	flags.Float64Var(&o.rate, "rate", 0, "how many a second; 0: as fast as they are answered")
	flags.BoolVar(&o.bad, "bad-signature", false, "spoil the signature, to see it refused")
	return cmd
}

// sender finds whom name means: a source of the rules file first, then a preset.
func (c *cli) sender(name string, o sending) (*sender, error) {
	source, err := c.source(name, o.config)
	if err != nil {
		return nil, err
	}
	if source != nil {
		return sourceSender(source, o)
	}
	if p, is := verify.Lookup(name); is && p.Verify.Kind == verify.KindNone && o.secret == "" {
		return &sender{preset: name, to: o.to}, nil
	}
	if o.secret == "" {
		return nil, &failure{exitUsage, fmt.Errorf("%q is no source in %s", name, o.config),
			"for a preset give --to URL and --secret; for a source of another file give -c FILE"}
	}
	v, err := verifierOf(name, o.secret, o.to)
	return &sender{preset: name, verifier: v, to: o.to}, err
}

// source looks a source up in the rules file; nil when there is no such file or source.
func (c *cli) source(name, config string) (*rules.Source, error) {
	if _, err := os.Stat(config); errors.Is(err, fs.ErrNotExist) && config == defaultRules {
		return nil, nil
	}
	set, err := c.parse(config)
	if err != nil {
		return nil, err
	}
	source, _ := set.Source(name)
	return source, nil
}

func sourceSender(source *rules.Source, o sending) (*sender, error) {
	s := &sender{verifier: source.Verifier, to: o.to}
	if _, builtIn := verify.Lookup(source.Preset); builtIn {
		s.preset = source.Preset // one of the file's own has no samples
	}
	u, err := url.Parse(o.to)
	if err != nil {
		return nil, &failure{exitUsage, fmt.Errorf("--to: %w", err), ""}
	}
	if u.Path == "" || u.Path == "/" {
		s.to = strings.TrimSuffix(o.to, "/") + source.Path
	}
	if o.secret != "" && s.verifier == nil {
		return nil, &failure{exitUsage, fmt.Errorf("--secret: source %q has verify: none, nothing is signed", source.Name), ""}
	}
	if o.secret != "" {
		s.verifier, err = s.verifier.WithSecret(o.secret)
	}
	return s, err
}

func (c *cli) sendAll(ctx context.Context, from *sender, kind string, o sending) error {
	body, err := c.sendBody(o)
	if err != nil {
		return err
	}
	pace := rate.NewLimiter(rate.Inf, 1)
	if o.rate > 0 {
		pace.SetLimit(rate.Limit(o.rate))
	}
	refused, first := 0, int(time.Now().UnixMilli()%distinct)
	for i := range o.count {
		if err := pace.Wait(ctx); err != nil {
			return err
		}
		a, err := from.send(ctx, kind, first+i, body, o)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.stdout, "%d %s\n", a.Status, a.Body)
		if a.Status/100 != 2 {
			refused++
		}
	}
	if refused > 0 {
		return &failure{exitNo, fmt.Errorf("%d of %d were refused", refused, o.count), "`hookrouter source show NAME` and the server's log say why"}
	}
	return nil
}

func (c *cli) sendBody(o sending) ([]byte, error) {
	if o.bodyFile == "" {
		return nil, nil
	}
	return c.read(o.bodyFile)
}

// send makes the n-th event, changes its body as told, signs and posts it.
func (s *sender) send(ctx context.Context, kind string, n int, body []byte, o sending) (answered, error) {
	r, err := s.sample(kind, n, body)
	if err != nil {
		return answered{}, err
	}
	for _, change := range o.set {
		if r.Body, err = setJSON(r.Body, change); err != nil {
			return answered{}, &failure{exitUsage, fmt.Errorf("--set %s: %w", change, err), ""}
		}
	}
	if err := addHeaders(r, o.headers); err != nil {
		return answered{}, err
	}
	r.URL = s.to
	if s.verifier != nil {
		err = sign(s.verifier, r, o.bad)
	}
	if err != nil {
		return answered{}, err
	}
	return post(ctx, s.to, r)
}

// sample is the preset's, with body in place of its own when there is one; without a preset it is just that body.
func (s *sender) sample(kind string, n int, body []byte) (*verify.Request, error) {
	r := &verify.Request{Method: http.MethodPost, Header: map[string][]string{"Content-Type": {"application/json"}}}
	if s.preset != "" {
		var err error
		if r, err = verify.SampleN(s.preset, kind, n); err != nil {
			return nil, &failure{exitUsage, err, ""}
		}
	} else if kind != "" {
		return nil, &failure{exitUsage, fmt.Errorf("event %q: the source has no preset that knows how to say it", kind),
			"leave it out, and say it with --header or in the --body as your source's `type:` reads it"}
	} else if body == nil {
		return nil, &failure{exitUsage, errors.New("the source has no preset that is built in, to take a sample from"), "give --body FILE"}
	}
	if body != nil {
		r.Body = body
	}
	return r, nil
}

// addHeaders sets headers written as `Name: value`, over those of the sample.
func addHeaders(r *verify.Request, headers []string) error {
	for _, h := range headers {
		name, value, ok := strings.Cut(h, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || strings.ContainsAny(name, " \t") || strings.ContainsAny(value, "\r\n\x00") {
			return &failure{exitUsage, fmt.Errorf("--header %q: write it as 'Name: value'", h), ""}
		}
		r.Header[http.CanonicalHeaderKey(name)] = []string{value}
	}
	return nil
}

// setJSON applies one change such as `body.user.name=ann`; a value that is JSON is taken as such.
func setJSON(body []byte, change string) ([]byte, error) {
	path, value, ok := strings.Cut(change, "=")
	path, inBody := strings.CutPrefix(path, "body.")
	if !ok || !inBody || path == "" {
		return nil, errors.New("write it as body.PATH=VALUE, such as body.id=5")
	}
	if !json.Valid(body) {
		return nil, errors.New("the body is not JSON")
	}
	if json.Valid([]byte(value)) {
		return sjson.SetRawBytes(body, path, []byte(value))
	}
	return sjson.SetBytes(body, path, value)
}
