package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verdict"
	"github.com/hookrouter/hookrouter/verify"
)

// asked is what the flags of `explain` say.
type asked struct {
	config, source, request, event, now string
	sample, live                        bool
	kind                                string // of the sample
	expect                              []string
	ownRules, expects                   bool // -c, --expect were given
}

func explainCommand(c *cli) *cobra.Command {
	r := &remote{c: c}
	var o asked
	cmd := &cobra.Command{
		Use:   "explain (--request FILE | --sample [EVENT] | --event ID)",
		Short: "Say what the rules do with an event, and why: each route, each condition, the request that would go out",
		Long: `explain takes a request to a source and says whether it would be taken, which routes match it and which do not, with
each part of their conditions and the values in it, and what each destination would get. Nothing is sent or stored.

  hookrouter explain --source github --request push.http     a raw HTTP request, under rules.yaml
  hookrouter explain --source github --sample push           the sample of the source's preset
  hookrouter explain --event evt_…                           a stored event, under the rules that the server has now
  hookrouter explain --event evt_… -c new.yaml               the same under another file
  hookrouter explain --live --source github --request -      a raw request, under the rules that the server has now

The source is known by the path of the request when --source is left out. --expect names all destinations that must get
something, '' for none: exit code 0 when it is so, 1 when not. Without it the exit code is 0 for whatever is explained.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.ownRules, o.expects = cmd.Flags().Changed("config"), cmd.Flags().Changed("expect")
			if err := o.check(args); err != nil {
				return err
			}
			return r.explain(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.config, "config", "c", defaultRules, "rules file")
	flags.StringVar(&o.source, "source", "", "source that the request is for")
	flags.StringVar(&o.request, "request", "", "file with a raw HTTP request, or - for standard input")
	flags.BoolVar(&o.sample, "sample", false, "take a sample of the source's preset: the first, or that of EVENT")
	flags.StringVar(&o.event, "event", "", "id of an event that the server has stored")
	flags.BoolVar(&o.live, "live", false, "ask the server, under the rules that it has now")
	flags.StringVar(&o.now, "now", "", "time at which the request arrives, as seconds since 1970 or RFC 3339; default: the clock")
	flags.StringSliceVar(&o.expect, "expect", nil, "destinations that must get something, and no others")
	r.connectFlags(flags)
	return cmd
}

// check looks at what does not go together.
func (o *asked) check(args []string) error {
	ways := 0
	for _, way := range []bool{o.request != "", o.sample, o.event != ""} {
		if way {
			ways++
		}
	}
	wrong := func(message, hint string) error { return &failure{exitUsage, errors.New(message), hint} }
	switch {
	case ways != 1:
		return wrong("one of --request, --sample and --event is needed", "`hookrouter explain --help` has examples")
	case len(args) > 0 && !o.sample:
		return wrong(fmt.Sprintf("%q: only --sample takes an event", args[0]), "")
	case o.sample && o.source == "":
		return wrong("--sample needs --source", "")
	case o.event != "" && (o.source != "" || o.now != ""):
		return wrong("--source and --now belong to a request: the stored event has its own", "")
	case o.live && o.ownRules:
		return wrong("--live takes the rules that the server has, -c those of a file", "")
	}
	if len(args) > 0 {
		o.kind = args[0]
	}
	return nil
}

func (r *remote) explain(ctx context.Context, o asked) error {
	if err := r.checkOutput(); err != nil {
		return err
	}
	x, err := r.explained(ctx, o)
	if err != nil {
		return err
	}
	if err := r.print(x, func(w io.Writer) { writeExplanation(w, x) }); err != nil {
		return err
	}
	return o.verdict(x)
}

// verdict compares what happens with what was expected, if anything was.
func (o *asked) verdict(x *verdict.Explanation) error {
	if !o.expects {
		return nil
	}
	want := slices.DeleteFunc(slices.Clone(o.expect), func(name string) bool { return name == "" })
	slices.Sort(want)
	want = slices.Compact(want)
	got := x.Destinations()
	switch {
	case !x.Proof.OK():
		return &failure{exitNo, fmt.Errorf("the request is not taken (%s: %s)", x.Proof.Outcome, x.Proof.Reason), x.Proof.Hint}
	case !slices.Equal(got, want):
		return &failure{exitNo, fmt.Errorf("expected %s, got %s", named(want), named(got)), ""}
	}
	return nil
}

func named(destinations []string) string {
	if len(destinations) == 0 {
		return "no destination"
	}
	return strings.Join(destinations, ", ")
}

func (r *remote) explained(ctx context.Context, o asked) (*verdict.Explanation, error) {
	now, err := parseNow(o.now)
	if err != nil {
		return nil, err
	}
	raw, err := r.c.raw(o)
	if err != nil {
		return nil, err
	}
	if o.event != "" || o.live {
		return r.explainedThere(ctx, o, raw, now)
	}
	set, err := r.c.parse(o.config)
	if err != nil {
		return nil, err
	}
	return explainedHere(set, o, raw, now)
}

// raw reads the request that --request names.
func (c *cli) raw(o asked) ([]byte, error) {
	if o.request == "" {
		return nil, nil
	}
	raw, err := c.read(o.request)
	if err != nil {
		return nil, &failure{exitUsage, fmt.Errorf("--request: %w", err), ""}
	}
	request, err := verify.ParseRequest(raw)
	if err != nil {
		return nil, &failure{exitUsage, fmt.Errorf("%s: %w", o.request, err), "it must hold one HTTP request as it went over the wire"}
	}
	if note := request.LengthNote(); note != "" {
		fmt.Fprintf(c.stderr, "warning: %s\n", note)
	}
	return raw, nil
}

func explainedHere(set *rules.Set, o asked, raw []byte, now time.Time) (*verdict.Explanation, error) {
	x, err := set.ExplainIncoming(rules.Incoming{Source: o.source, Raw: raw, Kind: o.kind}, now)
	if err != nil {
		return nil, &failure{exitNo, err, ""}
	}
	return x, nil
}

// explainedThere asks the server.
func (r *remote) explainedThere(ctx context.Context, o asked, raw []byte, now time.Time) (*verdict.Explanation, error) {
	q := client.Question{Source: o.source, Request: raw, Sample: o.kind, At: now}
	if o.event != "" {
		id, err := event.ParseEventID(o.event)
		if err != nil {
			return nil, &failure{exitUsage, err, "`hookrouter events list` shows the ids of events"}
		}
		q = client.Question{Event: id}
		if o.ownRules {
			if q.Rules, err = r.c.draft(o.config); err != nil {
				return nil, err
			}
		}
	}
	api, err := r.client()
	if err != nil {
		return nil, err
	}
	x, err := api.Explain(ctx, q)
	if err != nil {
		return nil, r.c.refused(err)
	}
	return x, nil
}
