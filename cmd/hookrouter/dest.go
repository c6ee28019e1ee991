package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/client"
)

func destCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "dest", Short: "Destinations: list them, pause and resume one", RunE: onlyCommands}
	r := newRemote(c, cmd)
	cmd.AddCommand(destList(r),
		destChange(r, "pause", "Stop attempts to a destination until it is resumed; what is due waits", (*client.Client).Pause),
		destChange(r, "resume", "End a destination's pause or hold", (*client.Client).Resume),
		destChange(r, "probe", "Try one delivery now, whatever a breaker, a hold or a retry's time say", (*client.Client).Probe))
	return cmd
}

func destList(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Every destination with its breaker and what waits for it", Args: cobra.NoArgs,
		RunE: r.run(func(ctx context.Context, api *client.Client, _ []string) error {
			page, err := api.Destinations(ctx)
			if err != nil {
				return err
			}
			return r.print(page, func(w io.Writer) { writeDestinations(w, page.Items) })
		}),
	}
}

func destChange(r *remote, verb, short string,
	change func(*client.Client, context.Context, string) (*client.Destination, error)) *cobra.Command {
	return &cobra.Command{
		Use: verb + " NAME", Short: short, Args: cobra.ExactArgs(1),
		RunE: r.run(func(ctx context.Context, api *client.Client, args []string) error {
			dest, err := change(api, ctx, args[0])
			if err != nil {
				return err
			}
			return r.print(dest, func(w io.Writer) { writeDestinations(w, []client.Destination{*dest}) })
		}),
	}
}

func writeDestinations(w io.Writer, dests []client.Destination) {
	fmt.Fprintln(w, "DESTINATION\tSTATE\tPENDING\tIN FLIGHT\tDEAD\tOLDEST\tNEXT\tURL")
	for _, d := range dests {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\n",
			d.Name, destState(d), d.Pending, d.InFlight, d.Dead, ago(d.Oldest), in(d.NextDue), dash(d.URL))
	}
}

// destState is the one thing that keeps a destination from its work, or that nothing does.
func destState(d client.Destination) string {
	switch {
	case d.Parked:
		return "parked (not in the rules)"
	case d.Gone:
		return "paused (it answered 410)"
	case d.Paused:
		return "paused"
	case !d.Hold.IsZero():
		return "on hold for " + in(d.Hold)
	case d.Breaker == "open" && !d.NextProbe.IsZero():
		return "breaker open, probe " + inWords(d.NextProbe)
	case d.Breaker != "closed" && d.Breaker != "":
		return "breaker " + d.Breaker
	case d.Aside > 0:
		return fmt.Sprintf("ok, but %d wait for a route that is gone", d.Aside)
	}
	return "ok"
}
