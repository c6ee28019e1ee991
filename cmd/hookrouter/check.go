package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/router"
	"github.com/hookrouter/hookrouter/rules"
)

const defaultRules = "rules.yaml"

func checkCommand(c *cli) *cobra.Command {
	k := &checking{cli: c, remote: &remote{c: c}}
	cmd := &cobra.Command{
		Use:   "check [FILE|-]",
		Short: "Say everything that is wrong with a rules file, with line and column",
		Long: `check reads a rules file, and those that it includes, as the server would. It prints every fault with its place and
what to do about it, and warns of what is no fault and hardly meant: each kind of warning has a name, in brackets, by
which docs/rules.md explains it and a comment "# allow: NAME" silences it.

It needs no server; with --admin it also knows the names in events that one has recorded. Exit code 0: valid; 1: faults;
3: warnings, with --strict.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return k.run(cmd.Context(), fileArg(args)) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&k.strict, "strict", false, "exit with 3 when there are warnings")
	flags.BoolVar(&k.print, "print", false, "print the file as it counts: what it includes and inherits written out, secrets as ***")
	flags.StringVarP(&k.output, "output", "o", "text", "text or json")
	flags.StringVar(&k.listen, "listen", "127.0.0.1:8080", "the address that `run` would listen on: some rules hold for loopback only")
	flags.StringVar(&k.remote.admin, "admin", "", "admin API of a server whose recorded events show which names there are")
	flags.StringVar(&k.remote.tokenFile, "token-file", "", "file that holds the admin API's token")
	return cmd
}

// checking is one run of check.
type checking struct {
	*cli
	remote         *remote
	strict, print  bool
	output, listen string
}

func (k *checking) run(ctx context.Context, name string) error {
	if k.output != "text" && k.output != "json" {
		return &failure{code: exitUsage, err: fmt.Errorf("--output %q: use text or json", k.output)}
	}
	file, options, err := k.load(name, k.listen)
	if err != nil {
		return err
	}
	options.Lint = &rules.Lint{Listen: k.listen}
	if k.remote.admin != "" {
		if options.Lint.Recorded, err = k.recorded(ctx); err != nil {
			return err
		}
	}
	set, err := rules.Parse(file, options)
	switch {
	case k.print && err == nil:
		return k.effective(file, options)
	case k.output == "json":
		return k.json(file.Name, set, err)
	case err != nil:
		return k.faults(err)
	}
	return k.text(set)
}

func (k *checking) text(set *rules.Set) error {
	for _, w := range set.Warnings() {
		fmt.Fprint(k.stderr, "warning: ")
		if err := w.Format(k.stderr); err != nil {
			return err
		}
	}
	fmt.Fprintf(k.stdout, "%s: valid: %s, %s, %s\n", set.File().Name, counted(len(set.Sources()), "source"),
		counted(len(set.Routes()), "route"), counted(len(set.Destinations()), "destination"))
	return k.verdict(set)
}

// verdict is the error of a valid file: warnings count under --strict.
func (k *checking) verdict(set *rules.Set) error {
	if n := len(set.Warnings()); k.strict && n > 0 {
		return &failure{exitWarnings, errors.New(counted(n, "warning")), ""}
	}
	return nil
}

func counted(n int, what string) string { return fmt.Sprintf("%d %s", n, plural(n, what)) }

func (k *checking) effective(file rules.File, o rules.Options) error {
	text, err := rules.Effective(file, o)
	if err == nil {
		_, err = visible{k.stdout}.Write(text)
	}
	return err
}

// checked is what check -o json prints.
type checked struct {
	File     string         `json:"file"`
	Valid    bool           `json:"valid"`
	Faults   []client.Fault `json:"faults"`
	Warnings []client.Fault `json:"warnings"`
}

func (k *checking) json(name string, set *rules.Set, err error) error {
	out := checked{File: name, Valid: err == nil, Faults: []client.Fault{}, Warnings: []client.Fault{}}
	var faults rules.Faults
	if err != nil && !errors.As(err, &faults) {
		return err
	}
	for _, f := range faults {
		out.Faults = append(out.Faults, client.Fault(f))
	}
	if set != nil {
		for _, w := range set.Warnings() {
			out.Warnings = append(out.Warnings, client.Fault(w))
		}
	}
	k.remote.output = "json"
	if err := k.remote.print(out, nil); err != nil {
		return err
	}
	if set == nil {
		return &failure{code: exitNo}
	}
	return k.verdict(set)
}

// recordedEach is how many of the newest events of each source are looked at.
const recordedEach = 20

// recorded gives the newest bodies that a server has of a source.
func (k *checking) recorded(ctx context.Context) (func(source string) [][]byte, error) {
	k.remote.output = "json"
	api, err := k.remote.client()
	if err != nil {
		return nil, err
	}
	sources, err := api.Sources(ctx)
	if err != nil {
		return nil, err
	}
	bodies := map[string][][]byte{}
	for _, s := range sources.Items {
		page, err := api.Events(ctx, client.Filter{Source: s.Name, Limit: recordedEach})
		if err != nil {
			return nil, err
		}
		for _, e := range page.Items {
			body, err := api.Body(ctx, e.ID)
			if err != nil {
				return nil, err
			}
			bodies[s.Name] = append(bodies[s.Name], body)
		}
	}
	return func(source string) [][]byte { return bodies[source] }, nil
}

const anyLoopback = "127.0.0.1:0"

func fileArg(args []string) string {
	if len(args) == 0 {
		return defaultRules
	}
	return args[0]
}

// parse reads and parses a rules file as `run` on loopback would; its faults are printed here.
func (c *cli) parse(name string) (*rules.Set, error) {
	file, options, err := c.load(name, anyLoopback)
	if err != nil {
		return nil, err
	}
	set, err := rules.Parse(file, options)
	return set, c.faults(err)
}

// load reads a rules file, and says how it is to be parsed.
func (c *cli) load(name, listen string) (rules.File, rules.Options, error) {
	data, err := c.read(name)
	if err != nil {
		err = &failure{exitNo, err, "name a rules file, or - for standard input"}
	}
	return rules.File{Name: name, Data: data}, rules.Options{
		Env: c.env, ReadFile: os.ReadFile, Glob: filepath.Glob, PublicLoopback: router.IsLoopback(listen),
	}, err
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
