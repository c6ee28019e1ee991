package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/client"
)

func sourceCommand(c *cli) *cobra.Command {
	cmd := &cobra.Command{Use: "source", Short: "Sources: list them, show one with the requests it refused and why, let one take a secret", RunE: onlyCommands}
	r := newRemote(c, cmd)
	cmd.AddCommand(sourceList(r), sourceShow(r), sourceArm(r))
	return cmd
}

func sourceList(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "Every source with what became of its requests since the start", Args: cobra.NoArgs,
		RunE: r.run(func(ctx context.Context, api *client.Client, _ []string) error {
			page, err := api.Sources(ctx)
			if err != nil {
				return err
			}
			return r.print(page, func(w io.Writer) { writeSources(w, page.Items) })
		}),
	}
}

func writeSources(w io.Writer, sources []client.Source) {
	fmt.Fprintln(w, "SOURCE\tPATH\tPROOF\tLAST EVENT\tREQUESTS SINCE THE START")
	for _, s := range sources {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.Name, s.Path, proof(s), ago(s.LastEvent), dash(results(s.Results)))
	}
}

// proof is how a source knows who calls.
func proof(s client.Source) string {
	switch {
	case s.Unverified && len(s.AllowIP) > 0:
		return "address"
	case s.Unverified:
		return "NONE"
	case s.Preset != "":
		return s.Preset
	}
	return "own"
}

// results counts answers, the most frequent first.
func results(counts map[string]int64) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		if d := counts[b] - counts[a]; d != 0 {
			return int(max(-1, min(1, d)))
		}
		return strings.Compare(a, b)
	})
	var parts []string
	for _, name := range names {
		if counts[name] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[name], strings.ReplaceAll(name, "_", " ")))
		}
	}
	return strings.Join(parts, ", ")
}

func sourceArm(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "arm NAME", Short: "Let a source take a new secret from its sender, once, for 10 minutes", Args: cobra.ExactArgs(1),
		Long: `Some senders give the secret themselves when a webhook is made. The first one is taken; a later one only while the
source is armed, for anybody could send one.`,
		RunE: r.run(func(ctx context.Context, api *client.Client, args []string) error {
			source, err := api.Arm(ctx, args[0])
			if err != nil {
				return err
			}
			return r.print(source, func(w io.Writer) {
				fmt.Fprintf(w, "%s takes a new secret until %s\n", source.Name, source.ArmedUntil.Local().Format(time.TimeOnly))
			})
		}),
	}
}

func sourceShow(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME", Short: "One source, and the latest requests that it refused: when, why, with which headers", Args: cobra.ExactArgs(1),
		RunE: r.run(func(ctx context.Context, api *client.Client, args []string) error {
			source, err := api.Source(ctx, args[0])
			if err != nil {
				return err
			}
			return r.print(source, func(w io.Writer) { writeSource(w, source) })
		}),
	}
}

func writeSource(w io.Writer, s *client.SourceDetail) {
	fmt.Fprintf(w, "%s\n  path\t%s %s\n  proof\t%s\n  largest body\t%d bytes\n", s.Name, strings.Join(s.Methods, ", "), s.Path, proof(s.Source), s.MaxBody)
	if len(s.AllowIP) > 0 {
		fmt.Fprintf(w, "  only from\t%s\n", strings.Join(s.AllowIP, ", "))
	}
	if s.Limit != nil {
		fmt.Fprintf(w, "  limit\t%s\n", limitOf(s.Limit))
	}
	fmt.Fprintf(w, "  last event\t%s\n  requests\t%s\n", ago(s.LastEvent), dash(results(s.Results)))
	if len(s.Refusals) == 0 {
		fmt.Fprintln(w, "  refused\tnone since the start")
	}
	for _, refusal := range s.Refusals {
		writeRefusal(w, refusal)
	}
}

func limitOf(l *client.SourceLimit) string {
	var parts []string
	if l.Concurrency > 0 {
		parts = append(parts, fmt.Sprintf("%d at a time (%d now)", l.Concurrency, l.Running))
	}
	if l.Rate > 0 {
		parts = append(parts, fmt.Sprintf("%d at once and then %.3g a second (%d left)", l.Burst, l.Rate, l.Left))
	}
	return strings.Join(parts, "; ")
}

func writeRefusal(w io.Writer, x client.Refusal) {
	fmt.Fprintf(w, "\n%s  %d: %s\n", x.At.Format(time.RFC3339), x.Status, oneLine(x.Reason))
	fmt.Fprintf(w, "  request\t%s from %s\n", oneLine(x.Method), dash(x.RemoteIP))
	fmt.Fprintf(w, "  headers\t%s\n", dash(oneLine(strings.Join(slices.Sorted(maps.Keys(x.Header)), ", "))))
	fmt.Fprintf(w, "  body\t%s\n", bodyOf(x))
}

func bodyOf(x client.Refusal) string {
	switch {
	case x.BodyLength < 0:
		return "of unknown length, not read"
	case x.BodySHA256 == "":
		return fmt.Sprintf("%d bytes declared, not read to their end", x.BodyLength)
	}
	return fmt.Sprintf("%d bytes, sha256 %s", x.BodyLength, x.BodySHA256)
}

// oneLine keeps what a stranger sent from moving about in the terminal.
func oneLine(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0) {
			return '?'
		}
		return r
	}, text)
}
