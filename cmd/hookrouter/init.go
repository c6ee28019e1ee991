package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/verify"
)

//go:embed init.yaml
var firstRules string

func initCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "init [PRESET…] [FILE|-]",
		Short: "Write a small rules file to begin with",
		Long: `init writes a rules file with a source, a route and tests, to ` + defaultRules + ` unless told otherwise. It never writes over
a file. With the names of senders, as "hookrouter preset list" has them, it prints a file for these, with a word on each:

  hookrouter init github stripe > rules.yaml`,
		RunE: func(_ *cobra.Command, args []string) error { return c.initArgs(args) },
	}
}

// initArgs tells senders from the file: a file has a dot or a slash in its name.
func (c *cli) initArgs(args []string) error {
	if n := len(args); n == 0 || n == 1 && (args[0] == "-" || strings.ContainsAny(args[0], "./")) {
		return c.init(fileArg(args), firstRules)
	}
	name := "-"
	if last := args[len(args)-1]; last == "-" || strings.ContainsAny(last, "./") {
		name, args = last, args[:len(args)-1]
	}
	var presets []*verify.Preset
	for _, arg := range args {
		p, known := verify.Lookup(arg)
		if !known {
			return &failure{exitUsage, fmt.Errorf("%q is neither a sender that is built in nor a file such as %s", arg, defaultRules), verify.Near(arg)}
		}
		if !slices.Contains(presets, p) {
			presets = append(presets, p)
		}
	}
	text, err := starterFile(presets)
	if err != nil {
		return err
	}
	return c.init(name, text)
}

func (c *cli) init(name, text string) error {
	if name == "-" {
		_, err := fmt.Fprint(c.stdout, text)
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &failure{exitNo, fmt.Errorf("%s exists already", name), "name another file: hookrouter init FILE"}
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return columns(c.stderr, func(w io.Writer) { writeNext(w, name) })
}

func writeNext(w io.Writer, name string) {
	fmt.Fprintf(w, "wrote %s. Next:\n", name)
	for _, next := range [][2]string{
		{"schema > hookrouter.schema.json", "an editor completes and checks by it"},
		{"test " + name, "its tests pass"},
		{"sink --listen 127.0.0.1:9000", "a destination, in a terminal of its own"},
		{"run -c " + name + " --listen 127.0.0.1:8080", "the server, in another"},
		{"send -c " + name + " github push", "an event, as GitHub would send it"},
	} {
		fmt.Fprintf(w, "  hookrouter %s\t%s\n", next[0], next[1])
	}
	fmt.Fprintln(w, "Edit the file meanwhile: what is right goes live within two seconds.")
}
