package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/client"
)

func reloadCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have the server read its rules file now; exit code 1 when it keeps the old rules",
		Args:  cobra.NoArgs,
	}
	r := newRemote(c, cmd)
	cmd.RunE = r.run(func(ctx context.Context, api *client.Client, _ []string) error {
		rules, err := api.Reload(ctx)
		if err != nil {
			return reloadFailure(c, err)
		}
		return r.print(rules, func(w io.Writer) { writeRules(w, *rules) })
	})
	return cmd
}

// reloadFailure shows the faults of a refused file, each on its own line.
func reloadFailure(c *cli, err error) error {
	var refused *client.Error
	if errors.As(err, &refused) && len(refused.Problem.Faults) > 0 {
		writeFaults(c.stderr, client.Rules{Faults: refused.Problem.Faults})
		n := len(refused.Problem.Faults)
		return &failure{exitNo, fmt.Errorf("%d %s, the old rules stay", n, plural(n, "fault")), ""}
	}
	return err
}

func plural(n int, word string) string {
	if n == 1 {
		return word
	}
	return word + "s"
}
