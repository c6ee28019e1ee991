package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/client"
)

func statusCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Whether it is well: rules, queue, destinations; exit code 1 when not",
		Args:  cobra.NoArgs,
	}
	r := newRemote(c, cmd)
	cmd.RunE = r.run(func(ctx context.Context, api *client.Client, _ []string) error {
		status, err := api.Status(ctx)
		if err != nil {
			return err
		}
		if err := r.print(status, func(w io.Writer) { writeStatus(w, status) }); err != nil {
			return err
		}
		if !status.Ready || !status.Rules.OK {
			return &failure{code: exitNo}
		}
		return nil
	})
	return cmd
}

func writeStatus(w io.Writer, s *client.Status) {
	ready := "ready"
	if !s.Ready {
		ready = "NOT READY: " + s.NotReady
	}
	fmt.Fprintf(w, "hookrouter %s\tup %s\t%s\n", s.Version, short(s.Now.Sub(s.Started)), ready)
	writeRules(w, s.Rules)
	fmt.Fprintf(w, "queue\t%d pending, %d dead of at most %d\n", s.Queue.Pending, s.Queue.Dead, s.Queue.MaxPending)
	if s.Log.Refusing != "" {
		fmt.Fprintf(w, "storage\tREFUSING: %s\n", s.Log.Refusing)
	}
	if s.Log.Short > 0 {
		fmt.Fprintf(w, "storage\tSHORT OF ROOM: %d MiB free, what is done goes before retention says so\n", s.Log.Free>>20)
	}
	if s.Log.Caveat != "" {
		fmt.Fprintf(w, "storage\t%s\n", s.Log.Caveat)
	}
	if s.Log.Damaged > 0 {
		fmt.Fprintf(w, "storage\t%d damaged records set aside\n", s.Log.Damaged)
	}
	fmt.Fprintln(w)
	writeDestinations(w, s.Destinations)
}

func writeRules(w io.Writer, rules client.Rules) {
	fmt.Fprintf(w, "rules\t%s, live for %s, hash %.12s\n", rules.File, ago(rules.LoadedAt), rules.Hash)
	if rules.OK {
		return
	}
	fmt.Fprintf(w, "rules\tTHE FILE IS NOT LIVE (looked at %s ago):\n", ago(rules.CheckedAt))
	writeFaults(w, rules)
}

// place is where a fault stands, as far as it is known.
func place(f client.Fault) string {
	at := f.File
	for _, n := range []int{f.Line, f.Col} {
		if n == 0 {
			break
		}
		at += fmt.Sprintf(":%d", n)
	}
	return at
}

// writeFaults lists what is wrong with the file, or the one error when it could not even be parsed.
func writeFaults(w io.Writer, rules client.Rules) {
	for _, f := range rules.Faults {
		fmt.Fprintf(w, "  %s: %s\n", place(f), f.Message)
		if f.Hint != "" {
			fmt.Fprintf(w, "    hint: %s\n", f.Hint)
		}
	}
	if len(rules.Faults) == 0 {
		fmt.Fprintf(w, "  %s\n", rules.Error)
	}
}
