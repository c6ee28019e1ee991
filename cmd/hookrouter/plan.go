package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verdict"
)

func planCommand(c *cli) *cobra.Command {
	var q client.PlanQuestion
	var since time.Duration
	cmd := &cobra.Command{
		Use:   "plan NEW.yaml|-",
		Short: "Say what other rules would make of the events that the server has recorded",
		Long: `plan has the server try a rules file on its latest events, on paper: which of them would match, would no longer match, go
elsewhere or look different, by route, compared with the rules that it has now. Nothing is stored, sent or made live.

  hookrouter plan new.yaml
  hookrouter plan new.yaml --last 10000 --since 24h --source github

The file's secrets need not be known: ${…} takes the value that the server's environment has, and what has none there is
not compared; files that ${file:…} names are not read. Exit code 0: nothing would change; 1: something would, or the file
is refused, as with diff.`,
		Args: cobra.ExactArgs(1),
	}
	r := newRemote(c, cmd)
	flags := cmd.Flags()
	flags.IntVar(&q.Last, "last", 1000, "most events to try, up to 10000: the newest")
	flags.DurationVar(&since, "since", 0, "only events of the last so long, such as 24h")
	flags.StringVar(&q.Source, "source", "", "only events of this source")
	cmd.RunE = r.run(func(ctx context.Context, api *client.Client, args []string) (err error) {
		if q.Last < 1 || q.Last > 10_000 {
			return &failure{exitUsage, fmt.Errorf("--last %d: from 1 to 10000", q.Last), ""}
		}
		if since > 0 {
			q.Since = time.Now().Add(-since)
		}
		if q.Rules, err = c.draft(args[0]); err != nil {
			return err
		}
		plan, err := api.Plan(ctx, q)
		if err != nil {
			return c.refused(err)
		}
		return r.planned(plan)
	})
	return cmd
}

// draft reads rules and what they include, to be sent to a server. What only the server can know is left open.
func (c *cli) draft(name string) ([]client.File, error) {
	file, options, err := c.load(name, anyLoopback)
	if err != nil {
		return nil, err
	}
	options.AllowUnverified, options.Paper = true, true
	set, err := rules.Parse(file, options)
	if err != nil {
		return nil, c.faults(err)
	}
	var files []client.File
	for _, f := range set.Files() {
		files = append(files, client.File{Name: f.Name, Text: string(f.Data)})
	}
	return files, nil
}

// refused prints the faults that the server found in rules, if that is why it refused.
func (c *cli) refused(err error) error {
	var e *client.Error
	if errors.As(err, &e) && len(e.Problem.Faults) > 0 {
		writeFaults(c.stderr, client.Rules{Faults: e.Problem.Faults})
	}
	return err
}

// planned prints a plan; that something would change is a no.
func (r *remote) planned(plan *client.Plan) error {
	if err := r.print(plan, func(w io.Writer) { writePlan(w, plan) }); err != nil {
		return err
	}
	if plan.Events == 0 {
		fmt.Fprintln(r.c.stderr, "warning: no events were recorded to try the rules on")
	}
	if plan.Cut != "" {
		fmt.Fprintf(r.c.stderr, "warning: not all events were tried: %s\n", plan.Cut)
	}
	if plan.Changed > 0 {
		return &failure{code: exitNo}
	}
	return nil
}

var changeWords = map[string]string{
	verdict.Gained: "it would take, and does not now", verdict.Lost: "it takes, and would not any more",
	verdict.Moved: "would go to other destinations", verdict.Different: "would look different",
	verdict.Failing: "could not be computed",
}

func writePlan(w io.Writer, p *client.Plan) {
	for _, r := range p.Routes {
		fmt.Fprintf(w, "%s: takes %d, would take %d\n", r.Route, r.Before, r.After)
		for _, c := range r.Changes {
			fmt.Fprintf(w, "  %d %s %s\n", c.Events, plural(c.Events, "event"), changeWords[c.Kind])
			for _, x := range c.Examples {
				writeExample(w, x)
			}
		}
		fmt.Fprintln(w)
	}
	if len(p.Unset) > 0 {
		fmt.Fprintf(w, "not compared, as they have no value there: %s\n", atMost(p.Unset, 10))
	}
	if p.Events > 0 {
		fmt.Fprintf(w, "%d %s tried, the oldest of %s ago", p.Events, plural(p.Events, "event"), ago(p.Oldest))
		if p.Skipped > 0 {
			fmt.Fprintf(w, ", %d could not be read", p.Skipped)
		}
		fmt.Fprintln(w)
	}
	if p.UnmatchedAfter != p.UnmatchedBefore {
		fmt.Fprintf(w, "%d match no route, and %d would not\n", p.UnmatchedBefore, p.UnmatchedAfter)
	}
	if p.Changed == 0 {
		fmt.Fprintln(w, "nothing would change")
	} else {
		fmt.Fprintf(w, "for %d something would change\n", p.Changed)
	}
}

func writeExample(w io.Writer, x verdict.Example) {
	fmt.Fprintf(w, "    %s  %s %s, %s ago\n", x.Event, x.Source, dash(oneLine(x.Type)), ago(x.ReceivedAt))
	for _, line := range x.Diffs {
		fmt.Fprintf(w, "      %s\n", oneLine(line))
	}
}
