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
		deadChange(r, "replay", "Send a dead delivery again: the same delivery, due now", (*client.Client).ReplayDelivery),
		deadChange(r, "drop", "Give up a dead delivery", (*client.Client).DropDelivery))
	return cmd
}

func deadList(r *remote) *cobra.Command {
	filter := client.Filter{State: event.Dead.String()}
	cmd := &cobra.Command{Use: "list", Short: "Dead deliveries with the reason, newest event first", Args: cobra.NoArgs}
	filterFlags(cmd, &filter)
	cmd.RunE = r.run(func(ctx context.Context, api *client.Client, _ []string) error {
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

func deadChange(r *remote, verb, short string,
	change func(*client.Client, context.Context, event.DeliveryID) (*client.DeliveryDetail, error)) *cobra.Command {
	return &cobra.Command{
		Use: verb + " DELIVERY", Short: short, Args: cobra.ExactArgs(1),
		RunE: r.run(func(ctx context.Context, api *client.Client, args []string) error {
			id, err := event.ParseDeliveryID(args[0])
			if err != nil {
				return &failure{exitUsage, err, "`hookrouter dead list` shows the ids of dead deliveries"}
			}
			detail, err := change(api, ctx, id)
			if err != nil {
				return err
			}
			return r.print(detail, func(w io.Writer) { writeDeliveries(w, []client.Delivery{detail.Delivery}) })
		}),
	}
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
