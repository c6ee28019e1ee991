package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/spf13/cobra"
)

func testCommand(c *cli) *cobra.Command {
	var run string
	cmd := &cobra.Command{
		Use:   "test [FILE…]",
		Short: "Run the tests that rules files hold",
		Long: `test runs the tests: block of each rules file as the server does before every reload, with the very code that
matches and renders. It needs no server. Exit code 0: all passed; 1: not.`,
		RunE: func(_ *cobra.Command, args []string) error {
			match, err := regexp.Compile(run)
			if err != nil {
				return &failure{exitUsage, fmt.Errorf("--run: %w", err), ""}
			}
			if len(args) == 0 {
				args = []string{defaultRules}
			}
			return c.testFiles(args, match)
		},
	}
	cmd.Flags().StringVar(&run, "run", "", "only tests whose name matches this regular expression")
	return cmd
}

// pattern says which tests were asked for, when not all were.
func pattern(match *regexp.Regexp) string {
	if match.String() == "" {
		return ": the files hold none"
	}
	return fmt.Sprintf(": none has a name that matches %q", match)
}

func (c *cli) testFiles(files []string, match *regexp.Regexp) error {
	passed, failed := 0, 0
	var faulty error
	for _, file := range files {
		set, err := c.parse(file, "127.0.0.1:0")
		if err != nil {
			faulty = errors.Join(faulty, err)
			continue
		}
		for _, r := range set.Test(match) {
			if r.Passed {
				passed++
				fmt.Fprintf(c.stdout, "ok    %s\n", r.Name)
				continue
			}
			failed++
			fmt.Fprintf(c.stdout, "FAIL  %s (%s:%d)\n      %s\n", r.Name, r.File, r.Line,
				strings.ReplaceAll(strings.Join(r.Diffs, "\n"), "\n", "\n      "))
		}
	}
	if faulty == nil || passed+failed > 0 {
		fmt.Fprintf(c.stdout, "%d passed, %d failed\n", passed, failed)
	}
	if faulty != nil {
		return faulty
	}
	if passed+failed == 0 {
		fmt.Fprintln(c.stderr, "warning: no test was run"+pattern(match))
	}
	if failed > 0 {
		return &failure{code: exitNo}
	}
	return nil
}
