package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/router"
	"github.com/hookrouter/hookrouter/rules"
)

const defaultRules = "rules.yaml"

func checkCommand(c *cli) *cobra.Command {
	var strict bool
	var listen string
	cmd := &cobra.Command{
		Use:   "check [FILE|-]",
		Short: "Say everything that is wrong with a rules file, with line and column",
		Long: `check reads a rules file as the server would and prints every fault with its place and what to do about it.
It needs no server. Exit code 0: valid; 1: faults; 3: warnings, with --strict.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			set, err := c.parse(fileArg(args), listen)
			if err != nil {
				return err
			}
			return c.checked(set, strict)
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "exit with 3 when there are warnings")
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "the address that `run` would listen on: some rules hold for loopback only")
	return cmd
}

func (c *cli) checked(set *rules.Set, strict bool) error {
	warnings := set.Warnings()
	for _, w := range warnings {
		fmt.Fprint(c.stderr, "warning: ")
		if err := w.Format(c.stderr); err != nil {
			return err
		}
	}
	fmt.Fprintf(c.stdout, "%s: valid: %d %s, %d %s, %d %s\n", set.File().Name,
		len(set.Sources()), plural(len(set.Sources()), "source"), len(set.Routes()), plural(len(set.Routes()), "route"),
		len(set.Destinations()), plural(len(set.Destinations()), "destination"))
	if strict && len(warnings) > 0 {
		return &failure{exitWarnings, fmt.Errorf("%d %s", len(warnings), plural(len(warnings), "warning")), ""}
	}
	return nil
}

func fileArg(args []string) string {
	if len(args) == 0 {
		return defaultRules
	}
	return args[0]
}

// parse reads and parses a rules file as `run --listen` would; its faults are printed here.
func (c *cli) parse(name, listen string) (*rules.Set, error) {
	data, err := c.read(name)
	if err != nil {
		return nil, &failure{exitNo, err, "name a rules file, or - for standard input"}
	}
	set, err := rules.Parse(rules.File{Name: name, Data: data}, rules.Options{
		Env: c.env, ReadFile: os.ReadFile, Glob: filepath.Glob, PublicLoopback: router.IsLoopback(listen),
	})
	return set, c.faults(err)
}

func (c *cli) read(name string) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(c.stdin)
	}
	return os.ReadFile(name)
}

// faults prints the faults of a rules file as a person reads them, and keeps what an error says beside them; any other
// error is returned as it is.
func (c *cli) faults(err error) error {
	var faults rules.Faults
	if !errors.As(err, &faults) {
		return err
	}
	if err := faults.Format(c.stderr); err != nil {
		return err
	}
	said := fmt.Sprintf("%d %s", len(faults), plural(len(faults), "fault"))
	if rest := strings.TrimSpace(strings.TrimPrefix(err.Error(), faults.Error())); rest != "" {
		said += ", " + rest
	}
	return &failure{exitNo, errors.New(said), ""}
}
