package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/client"
)

// bulkRun is a command that acts on one thing, named by its id, or on all that its flags select. It asks the server for one
// step after the other, so it can be interrupted at any time.
type bulkRun struct {
	cmd     *cobra.Command
	remote  *remote
	filter  client.Filter
	options client.BulkOptions
	all     bool
	yes     bool
	final   bool // what it does cannot be undone: --yes says that it is meant
	one     func(ctx context.Context, api *client.Client, arg string) error
	step    func(*client.Client, context.Context, client.Filter, client.BulkOptions) (*client.Bulk, error)
}

func bulkCommand(r *remote, use, short string,
	step func(*client.Client, context.Context, client.Filter, client.BulkOptions) (*client.Bulk, error)) *bulkRun {
	b := &bulkRun{cmd: &cobra.Command{Use: use, Short: short}, remote: r, step: step}
	selectFlags(b.cmd, &b.filter)
	flags := b.cmd.Flags()
	flags.BoolVar(&b.all, "all", false, "all of them")
	flags.BoolVar(&b.options.DryRun, "dry-run", false, "only say how many")
	flags.Float64Var(&b.options.Rate, "rate", 1000, "most a second; 0: as many as can be")
	flags.StringVar(&b.filter.Cursor, "cursor", "", "go on where an interrupted run ended")
	if strings.HasPrefix(use, "drop") {
		flags.BoolVar(&b.yes, "yes", false, "I have looked at --dry-run")
	} else {
		flags.StringVar(&b.options.To, "to", "", "send to this destination, as new deliveries")
	}
	b.cmd.RunE = r.run(b.run)
	return b
}

func (b *bulkRun) run(ctx context.Context, api *client.Client, args []string) error {
	selected := b.filter != (client.Filter{Cursor: b.filter.Cursor})
	switch {
	case len(args) == 1 && !selected && !b.all && !b.options.DryRun:
		return b.one(ctx, api, args[0])
	case len(args) == 1:
		return &failure{exitUsage, errors.New("an id and a selection"), "name one, or select several"}
	case !selected && !b.all:
		return &failure{exitUsage, errors.New("nothing is selected"), "name one by its id, select some by flags, or say --all"}
	case b.final && !b.yes && !b.options.DryRun:
		return &failure{exitUsage, errors.New("this cannot be undone"), "look with --dry-run how many it is, then say --yes"}
	}
	return b.steps(ctx, api)
}

func (b *bulkRun) steps(ctx context.Context, api *client.Client) error {
	var total client.Bulk
	for {
		got, err := b.step(api, ctx, b.filter, b.options)
		if err != nil {
			b.interrupted(&total)
			return err
		}
		total.Matched, total.Done, total.Kept = total.Matched+got.Matched, total.Done+got.Done, total.Kept+got.Kept
		if total.Failed += got.Failed; total.Error == "" {
			total.Error = got.Error
		}
		if got.Next == "" {
			return b.report(&total)
		}
		if got.Next == b.filter.Cursor {
			b.interrupted(&total)
			return fmt.Errorf("stopped: %s", got.Error)
		}
		b.filter.Cursor = got.Next
	}
}

// interrupted says on stderr how far it came.
func (b *bulkRun) interrupted(total *client.Bulk) {
	fmt.Fprintf(b.remote.c.stderr, "%s; go on with the same flags", b.words(total))
	if b.filter.Cursor != "" {
		fmt.Fprintf(b.remote.c.stderr, " and --cursor %s", b.filter.Cursor)
	}
	fmt.Fprintln(b.remote.c.stderr)
}

func (b *bulkRun) report(total *client.Bulk) error {
	if err := b.remote.print(total, func(w io.Writer) { fmt.Fprintln(w, b.words(total)) }); err != nil {
		return err
	}
	if total.Failed > 0 {
		return fmt.Errorf("%d failed, the first with: %s", total.Failed, total.Error)
	}
	return nil
}

func (b *bulkRun) words(total *client.Bulk) string {
	deed := "sent again"
	if b.final {
		deed = "dropped"
	}
	if b.options.DryRun {
		return fmt.Sprintf("%d would be %s", total.Matched, deed)
	}
	return fmt.Sprintf("%d %s, %d left as they were, %d failed", total.Done, deed, total.Kept, total.Failed)
}
