package main

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/spf13/cobra"
)

//go:embed init.yaml
var firstRules string

func initCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE|-]",
		Short: "Write a small rules file to begin with",
		Long: `init writes a rules file with one source, one destination, one route and its tests, to ` + defaultRules + ` unless told
otherwise. It never writes over a file.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return c.init(fileArg(args)) },
	}
}

func (c *cli) init(name string) error {
	if name == "-" {
		_, err := fmt.Fprint(c.stdout, firstRules)
		return err
	}
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return &failure{exitNo, fmt.Errorf("%s exists already", name), "name another file: hookrouter init FILE"}
	}
	if err != nil {
		return err
	}
	_, err = f.WriteString(firstRules)
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
