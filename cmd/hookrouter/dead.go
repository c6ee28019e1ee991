package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
)

func deadCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "dead", Short: "Dead letters: list them, send them again, drop them", RunE: onlyCommands}
	r := newRemote(c, cmd)
	cmd.AddCommand(deadList(r),
		deadChange(r, "replay", "Send dead deliveries again: the same deliveries, due now", (*client.Client).ReplayDeliveries,
			(*client.Client).ReplayDeliveryTo),
		deadChange(r, "drop", "Give up dead deliveries", (*client.Client).DropDeliveries,
			func(api *client.Client, ctx context.Context, id event.DeliveryID, _ string) (*client.DeliveryDetail, error) {
				return api.DropDelivery(ctx, id)
			}))
	return cmd
}

func deadList(r *remote) *cobra.Command {
	filter := client.Filter{State: event.Dead.String()}
	cmd := &cobra.Command{Use: "list", Short: "Dead letters by what they died of, or one by one", Args: cobra.NoArgs}
	filterFlags(cmd, &filter)
	all := cmd.Flags().Bool("all", false, "each delivery, the newest event first")
	cmd.Flags().StringVar(&filter.Group, "group", "", "each delivery of this group")
	cmd.RunE = r.run(func(ctx context.Context, api *client.Client, _ []string) error {
		single := cmd.Flags().Changed("source") || cmd.Flags().Changed("type") || cmd.Flags().Changed("sender-id") || cmd.Flags().Changed("until")
		if !*all && filter.Group == "" && !single {
			return listGroups(ctx, r, api, filter)
		}
		page, err := api.Deliveries(ctx, filter)
		if err != nil {
			return err
		}
		err = r.print(page, func(w io.Writer) { writeDeliveries(w, page.Items) })
		r.more(page.Next)
		return err
	})
	return cmd
}

func listGroups(ctx context.Context, r *remote, api *client.Client, f client.Filter) error {
	page, err := api.DeadGroups(ctx, client.Filter{Destination: f.Destination, Route: f.Route, Since: f.Since})
	if err != nil {
		return err
	}
	return r.print(page, func(w io.Writer) { writeGroups(w, page.Items) })
}

func writeGroups(w io.Writer, list []client.DeadGroup) {
	fmt.Fprintln(w, "GROUP\tCOUNT\tDESTINATION\tROUTE\tREASON\tFIRST\tLAST\tEXAMPLE\tLAST ERROR")
	for _, g := range list {
		reason := g.Reason
		if g.Class != "" && g.Class != g.Reason {
			reason += " (" + g.Class + ")"
		}
		text := g.Error
		if text == "" {
			text = g.Detail
		}
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n",
			g.Group, g.Count, g.Destination, g.Route, reason, ago(g.First), ago(g.Last), g.Example, dash(oneLine(text)))
	}
}

func deadChange(r *remote, verb, short string,
	steps func(*client.Client, context.Context, client.Filter, client.BulkOptions) (*client.Bulk, error),
	change func(*client.Client, context.Context, event.DeliveryID, string) (*client.DeliveryDetail, error)) *cobra.Command {
	b := bulkCommand(r, verb+" [DELIVERY]", short, steps)
	b.cmd.Flags().StringVar(&b.filter.Group, "group", "", "those of this group of `dead list`")
	b.cmd.Args = cobra.MaximumNArgs(1)
	b.final = verb == "drop"
	b.one = func(ctx context.Context, api *client.Client, arg string) error {
		id, err := event.ParseDeliveryID(arg)
		if err != nil {
			return &failure{exitUsage, err, "`hookrouter dead list --all` shows the ids of dead deliveries"}
		}
		detail, err := change(api, ctx, id, b.options.To)
		if err != nil {
			return err
		}
		return r.print(detail, func(w io.Writer) { writeDeliveries(w, []client.Delivery{detail.Delivery}) })
	}
	return b.cmd
}

func writeDeliveries(w io.Writer, list []client.Delivery) {
	fmt.Fprintln(w, "DELIVERY\tEVENT\tSTATE\tROUTE\tDESTINATION\tATTEMPTS\tAGE\tLAST ERROR")
	for _, d := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n",
			d.ID, d.Event, deliveryState(d), d.Route, d.Destination, d.Tries, ago(d.Created), lastError(d))
	}
}

func deliveryState(d client.Delivery) string {
	if d.Reason != "" {
		return d.State.String() + " (" + d.Reason + ")"
	}
	if d.Parked {
		return "parked (route or destination is not in the rules)"
	}
	if d.State == event.Pending && d.Tries > 0 {
		return "retrying, next " + inWords(d.Due)
	}
	return d.State.String()
}

// lastError is one line: what came from a destination may hold anything.
func lastError(d client.Delivery) string {
	text := d.LastError
	if text == "" && d.LastStatus != 0 {
		text = fmt.Sprint(d.LastStatus)
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text)
	return dash(text)
}
