package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/client"
)

// How long tail waits before it connects again: doubled from the first to the last.
const (
	firstPause = 200 * time.Millisecond
	lastPause  = 5 * time.Second
)

func tailCommand(c *cli) *cobra.Command {
	var oldest bool
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Follow what happens, one line a step, until interrupted",
		Long: `tail prints each step as it happens: an event stored, an attempt and how it ended, a delivery canceled or dead. When
the server goes away it waits, and goes on without a gap when the server is back. With -o json each line is one step
with all that is known of it.`,
		Args: cobra.NoArgs,
	}
	r := newRemote(c, cmd)
	cmd.Flags().BoolVar(&oldest, "oldest", false, "begin with the first step that is kept instead of now")
	cmd.RunE = r.run(func(ctx context.Context, api *client.Client, _ []string) error {
		// A place of its own to go on from, even if the server goes away before the first step.
		status, err := api.Status(ctx)
		if err != nil {
			return err
		}
		t := &tail{remote: r, api: api, painter: painter{c.color()}, from: strconv.FormatUint(status.Queue.Position, 10)}
		if oldest {
			t.from = client.Oldest
		}
		return t.follow(ctx)
	})
	return cmd
}

// tail follows the live stream of one server.
type tail struct {
	*remote
	painter
	api  *client.Client
	from string // behind the last step that was printed
}

// follow prints steps until ctx ends, over every connection that breaks.
func (t *tail) follow(ctx context.Context) error {
	for {
		err := t.stream(ctx)
		var unreachable *client.UnreachableError
		if !errors.As(err, &unreachable) {
			return err // nil when ctx ended: that is how people stop it
		}
		fmt.Fprintf(t.c.stderr, "hookrouter: %v; waiting for it to come back\n", err)
		t.wait(ctx)
	}
}

// stream prints steps until ctx ends, or the connection does, which is an error.
func (t *tail) stream(ctx context.Context) error {
	for u, err := range t.api.Stream(ctx, t.from) {
		if err != nil {
			return err
		}
		t.from = u.ID
		if err := t.print(u); err != nil {
			return err
		}
	}
	return nil
}

// wait returns when the server answers again, or ctx ends.
func (t *tail) wait(ctx context.Context) {
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
		if t.api.Healthy(ctx) == nil {
			fmt.Fprintln(t.c.stderr, "hookrouter: the server is back")
			return
		}
	}
}

func (t *tail) print(u client.Update) error {
	if t.output == "json" {
		return json.NewEncoder(t.c.stdout).Encode(u)
	}
	line := t.step(u)
	if line == "" {
		return nil
	}
	_, err := fmt.Fprintln(t.c.stdout, line)
	return err
}
