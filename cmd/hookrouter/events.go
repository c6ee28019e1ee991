package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/event"
)

func eventsCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "events", Short: "Events: list them, show one with all its attempts, replay it", RunE: onlyCommands}
	r := newRemote(c, cmd)
	cmd.AddCommand(eventsList(r), eventsShow(r), eventsBody(r), eventsRequest(r), eventsReplay(r))
	return cmd
}

func eventsList(r *remote) *cobra.Command {
	var filter client.Filter
	cmd := &cobra.Command{Use: "list", Short: "Events, newest first", Args: cobra.NoArgs}
	filterFlags(cmd, &filter)
	cmd.Flags().StringVar(&filter.State, "state", "", "with a delivery that is pending, delivered, dead or canceled; or unmatched")
	cmd.RunE = r.run(func(ctx context.Context, api *client.Client, _ []string) error {
		page, err := api.Events(ctx, filter)
		if err != nil {
			return err
		}
		err = r.print(page, func(w io.Writer) { writeEvents(w, page.Items) })
		r.more(page.Next)
		return err
	})
	return cmd
}

// filterFlags are the flags of every list.
func filterFlags(cmd *cobra.Command, f *client.Filter) {
	selectFlags(cmd, f)
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "most rows to show, up to 1000")
	cmd.Flags().StringVar(&f.Cursor, "cursor", "", "go on where the list before ended")
}

// selectFlags say which events or deliveries are meant.
func selectFlags(cmd *cobra.Command, f *client.Filter) {
	flags := cmd.Flags()
	flags.StringVar(&f.Source, "source", "", "only from this source")
	flags.StringVar(&f.Type, "type", "", "only of this type")
	flags.StringVar(&f.Route, "route", "", "only by this route")
	flags.StringVar(&f.Destination, "dest", "", "only to this destination")
	flags.StringVar(&f.SenderID, "sender-id", "", "only with this delivery id of the sender")
	var since, until time.Duration
	flags.DurationVar(&since, "since", 0, "only of the last so long, such as 10m")
	flags.DurationVar(&until, "until", 0, "only older than so long")
	cmd.PreRun = func(*cobra.Command, []string) {
		if since > 0 {
			f.Since = time.Now().Add(-since)
		}
		if until > 0 {
			f.Until = time.Now().Add(-until)
		}
	}
}

// more says on stderr how to go on, so that stdout stays data.
func (r *remote) more(next string) {
	if next != "" && r.output == "table" {
		fmt.Fprintf(r.c.stderr, "there is more: --cursor %s\n", next)
	}
}

func writeEvents(w io.Writer, list []client.Event) {
	fmt.Fprintln(w, "EVENT\tSOURCE\tTYPE\tDELIVERIES\tAGE")
	for _, e := range list {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", e.ID, e.Source, dash(oneLine(e.Type)), deliveryCounts(e), ago(e.ReceivedAt))
	}
}

func deliveryCounts(e client.Event) string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(e.Pending, "pending")
	add(e.Delivered, "delivered")
	add(e.Dead, "dead")
	add(e.Canceled, "canceled")
	if len(parts) == 0 {
		parts = []string{"unmatched"}
	}
	if !e.Parent.IsZero() {
		parts = append(parts, "edited")
	}
	return strings.Join(parts, ", ")
}

// eventCommand is a command about one event, named by its id.
func eventCommand(r *remote, use, short string, run func(context.Context, *client.Client, event.EventID) error) *cobra.Command {
	return &cobra.Command{
		Use: use + " EVENT", Short: short, Args: cobra.ExactArgs(1),
		RunE: r.run(func(ctx context.Context, api *client.Client, args []string) error {
			id, err := event.ParseEventID(args[0])
			if err != nil {
				return &failure{exitUsage, err, "`hookrouter events list` shows the ids of events"}
			}
			return run(ctx, api, id)
		}),
	}
}

func eventsShow(r *remote) *cobra.Command {
	return eventCommand(r, "show", "One event: what came, and every delivery with its attempts", func(ctx context.Context, api *client.Client, id event.EventID) error {
		detail, err := api.Event(ctx, id)
		if err != nil {
			return err
		}
		deliveries := make([]*client.DeliveryDetail, len(detail.Deliveries))
		for i, d := range detail.Deliveries {
			if deliveries[i], err = api.Delivery(ctx, d.ID); err != nil {
				return err
			}
		}
		return r.print(shownEvent{detail, deliveries}, func(w io.Writer) { writeEvent(w, detail, deliveries) })
	})
}

// shownEvent is an event whose deliveries have their attempts.
type shownEvent struct {
	*client.EventDetail
	Deliveries []*client.DeliveryDetail `json:"deliveries"`
}

func writeEvent(w io.Writer, e *client.EventDetail, deliveries []*client.DeliveryDetail) {
	fmt.Fprintf(w, "%s\n", e.ID)
	fmt.Fprintf(w, "  source\t%s\n  type\t%s\n", e.Source, dash(oneLine(e.Type)))
	if !e.Parent.IsZero() {
		fmt.Fprintf(w, "  parent\t%s, which an operator sent again with another body; no sender proved it\n", e.Parent)
	}
	fmt.Fprintf(w, "  received\t%s from %s\n", e.ReceivedAt.Format(time.RFC3339Nano), dash(e.RemoteIP))
	fmt.Fprintf(w, "  request\t%s %s, %d bytes\n", oneLine(e.Method), oneLine(e.Path), e.Size)
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		fmt.Fprintf(w, "  header\t%s: %s\n", oneLine(name), oneLine(strings.Join(e.Header[name], ", ")))
	}
	for _, mark := range e.Marks {
		fmt.Fprintf(w, "  mark\t%s\n", oneLine(mark))
	}
	if len(deliveries) == 0 {
		fmt.Fprintln(w, "  no route matched")
	}
	for _, d := range deliveries {
		writeDelivery(w, d)
	}
}

func writeDelivery(w io.Writer, d *client.DeliveryDetail) {
	fmt.Fprintf(w, "\n%s\n  %s -> %s\t%s\n", d.ID, d.Route, d.Destination, deliveryState(d.Delivery))
	if d.Merged > 0 {
		fmt.Fprintf(w, "  coalesced\t%d earlier %s in it\n", d.Merged, plural(d.Merged, "event"))
	}
	if !d.Successor.IsZero() {
		fmt.Fprintf(w, "  became\t%s\n", d.Successor)
	}
	if d.Omitted > 0 {
		fmt.Fprintf(w, "  attempts\t%d earlier ones not shown\n", d.Omitted)
	}
	for _, a := range d.History {
		fmt.Fprintf(w, "  attempt %d\t%s\t%s\t%s\n", a.Number, a.Started.Format("15:04:05.000"), attemptResult(a), oneLine(a.URL))
	}
}

func attemptResult(a client.Attempt) string {
	took := time.Duration(a.Seconds * float64(time.Second)).Round(time.Millisecond / 10)
	if a.Status != 0 {
		return fmt.Sprintf("%d in %s", a.Status, took)
	}
	return fmt.Sprintf("%s in %s: %s", a.Result, took, oneLine(a.Error))
}

func eventsBody(r *remote) *cobra.Command {
	return eventCommand(r, "body", "The bytes that the sender sent, untouched", func(ctx context.Context, api *client.Client, id event.EventID) error {
		body, err := api.Body(ctx, id)
		if err != nil {
			return err
		}
		out := r.c.stdout
		if f, ok := out.(*os.File); ok && isTerminal(f) {
			out = visible{out}
		}
		_, err = out.Write(body)
		return err
	})
}

func eventsRequest(r *remote) *cobra.Command {
	return eventCommand(r, "request", "The event as a raw HTTP request, for tests, `explain` and `verify`; secrets are ***", func(ctx context.Context, api *client.Client, id event.EventID) error {
		detail, err := api.Event(ctx, id)
		if err != nil {
			return err
		}
		body, err := api.Body(ctx, id)
		if err != nil {
			return err
		}
		_, err = r.c.stdout.Write(append(requestHead(detail), body...))
		return err
	})
}

// requestHead is all of a request but its body. Its headers hold no line breaks: the server that took them refuses such.
func requestHead(e *client.EventDetail) []byte {
	target := e.Path
	if e.Query != "" {
		target += "?" + e.Query
	}
	head := fmt.Appendf(nil, "%s %s HTTP/1.1\n", e.Method, target)
	for _, name := range slices.Sorted(maps.Keys(e.Header)) {
		for _, value := range e.Header[name] {
			head = fmt.Appendf(head, "%s: %s\n", name, value)
		}
	}
	return append(head, '\n')
}

func eventsReplay(r *remote) *cobra.Command {
	b := bulkCommand(r, "replay [EVENT]", "Match events again under the rules of now, and deliver them again",
		(*client.Client).ReplayEvents)
	b.cmd.Flags().StringVar(&b.filter.State, "state", "", "with a delivery that is pending, delivered, dead or canceled; or unmatched")
	body := b.cmd.Flags().String("body", "", "file with other bytes, - for standard input: a new event is made of them")
	b.cmd.MarkFlagsMutuallyExclusive("body", "to")
	b.cmd.Args = cobra.MaximumNArgs(1)
	b.one = func(ctx context.Context, api *client.Client, arg string) error {
		id, err := event.ParseEventID(arg)
		if err != nil {
			return &failure{exitUsage, err, "`hookrouter events list` shows the ids of events"}
		}
		if *body != "" {
			return replayEdited(ctx, r, api, id, *body)
		}
		change, err := api.ReplayEventTo(ctx, id, b.options.To)
		if err != nil {
			return err
		}
		return r.print(change, func(w io.Writer) {
			fmt.Fprintf(w, "%d new, %d sent again, %d pending anyway\n", change.Added, change.Replayed, change.Kept)
		})
	}
	return b.cmd
}

func replayEdited(ctx context.Context, r *remote, api *client.Client, id event.EventID, file string) error {
	body, err := r.c.read(file)
	if err != nil {
		return fmt.Errorf("--body: %w", err)
	}
	change, err := api.ReplayEdited(ctx, id, body)
	if err != nil {
		return err
	}
	return r.print(change, func(w io.Writer) {
		fmt.Fprintf(w, "%s, a new event with %d new\n", change.Event, change.Added)
	})
}
