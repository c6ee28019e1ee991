package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/rules"
)

const testSuffix = "_test.yaml"

// testRun is what the flags of `test` say.
type testRun struct {
	run      *regexp.Regexp
	coverage bool
}

func testCommand(c *cli) *cobra.Command {
	var run string
	var o testRun
	r := &remote{c: c}
	cmd := &cobra.Command{
		Use:   "test [FILE…]",
		Short: "Run the tests of rules files",
		Long: `test runs the tests of each rules file, with the very code that matches and renders: those under tests: in the file and in
what it includes, which the server runs before every reload, too, and those in files of tests beside it. Such a file is
named like the rules file, rules_test.yaml, or says under rules: which one it tests. Naming it runs its tests alone.

  hookrouter test
  hookrouter test site.yaml --run publish
  hookrouter test site.yaml --coverage

It needs no server. Exit code 0: all passed; 1: not, or with --coverage a route that no test matches, or none misses.`,
		RunE: func(_ *cobra.Command, args []string) (err error) {
			if err := r.checkOutput(); err != nil {
				return err
			}
			if o.run, err = regexp.Compile(run); err != nil {
				return &failure{exitUsage, fmt.Errorf("--run: %w", err), ""}
			}
			if len(args) == 0 {
				args = []string{defaultRules}
			}
			return r.test(args, o)
		},
	}
	cmd.Flags().StringVar(&run, "run", "", "only tests whose name matches this regular expression")
	cmd.Flags().BoolVar(&o.coverage, "coverage", false, "say which routes no test matches, or no test misses")
	r.outputFlag(cmd.Flags())
	return cmd
}

// tested is what came of the tests.
type tested struct {
	Tests    []rules.TestResult `json:"tests"`
	Passed   int                `json:"passed"`
	Failed   int                `json:"failed"`
	Coverage []rules.Coverage   `json:"coverage,omitempty"`
}

func (r *remote) test(files []string, o testRun) error {
	out := tested{Tests: []rules.TestResult{}}
	var faulty error
	for _, file := range files {
		suite, err := r.c.suite(file)
		if err != nil {
			faulty = errors.Join(faulty, err)
			continue
		}
		out.Tests = append(out.Tests, suite.Run(o.run)...)
		if o.coverage {
			out.Coverage = append(out.Coverage, suite.Coverage()...)
		}
	}
	for _, t := range out.Tests {
		if t.Passed {
			out.Passed++
		} else {
			out.Failed++
		}
	}
	err := r.print(out, func(w io.Writer) { out.write(w, faulty != nil) })
	return errors.Join(faulty, err, r.c.outcome(out, o, faulty))
}

// outcome is the exit code, and what is odd.
func (c *cli) outcome(out tested, o testRun, faulty error) error {
	if len(out.Tests) == 0 && faulty == nil {
		why := ": the files hold none"
		if o.run.String() != "" {
			why = fmt.Sprintf(": none has a name that matches %q", o.run)
		}
		fmt.Fprintln(c.stderr, "warning: no test was run"+why)
	}
	for _, x := range out.Coverage {
		if !x.OK() {
			return &failure{code: exitNo}
		}
	}
	if out.Failed > 0 {
		return &failure{code: exitNo}
	}
	return nil
}

func (out tested) write(w io.Writer, faulty bool) {
	for _, t := range out.Tests {
		if t.Passed {
			fmt.Fprintf(w, "ok    %s\n", t.Name)
			continue
		}
		fmt.Fprintf(w, "FAIL  %s (%s:%d)\n      %s\n", t.Name, t.File, t.Line,
			strings.ReplaceAll(strings.Join(t.Diffs, "\n"), "\n", "\n      "))
	}
	if len(out.Tests) > 0 || !faulty {
		fmt.Fprintf(w, "%d passed, %d failed\n", out.Passed, out.Failed)
	}
	if len(out.Coverage) == 0 {
		return
	}
	fmt.Fprintln(w, "\nROUTE\tMATCHED BY\tMISSED BY\t")
	for _, x := range out.Coverage {
		fmt.Fprintf(w, "%s\t%d\t%d\t%s\n", x.Route, x.Matched, x.Missed, lacking(x))
	}
}

// lacking says which test a route has not got.
func lacking(x rules.Coverage) string {
	switch {
	case x.Matched == 0 && !x.OK() && x.Missed > 0, x.Matched == 0 && x.Always:
		return "no test matches it"
	case x.Matched == 0:
		return "no test tries it"
	case !x.OK():
		return "no test misses it"
	}
	return ""
}

// suite gathers the tests of a rules file and of the files beside it, or those of one such file.
func (c *cli) suite(name string) (*rules.Suite, error) {
	if strings.HasSuffix(name, testSuffix) {
		f, main, err := c.testFile(name)
		if err != nil {
			return nil, err
		}
		set, err := c.parse(main)
		if err != nil {
			return nil, err
		}
		suite, err := set.SuiteOf([]rules.File{f}, rules.Options{ReadFile: os.ReadFile})
		return suite, c.faults(err)
	}
	set, err := c.parse(name)
	if err != nil {
		return nil, err
	}
	beside, err := c.beside(name)
	if err != nil {
		return nil, err
	}
	suite, err := set.SuiteWith(beside, rules.Options{ReadFile: os.ReadFile})
	return suite, c.faults(err)
}

// beside are the files of tests in the directory of a rules file that are for it.
func (c *cli) beside(name string) (files []rules.File, err error) {
	if name == "-" {
		return nil, nil
	}
	entries, err := os.ReadDir(filepath.Dir(name))
	if err != nil {
		return nil, err
	}
	for _, entry := range entries {
		if !strings.HasSuffix(entry.Name(), testSuffix) {
			continue
		}
		path := filepath.Join(filepath.Dir(name), entry.Name())
		f, main, err := c.testFile(path)
		if err != nil {
			return nil, err
		}
		if filepath.Clean(main) == filepath.Clean(name) {
			files = append(files, f)
		} else if _, err := os.Stat(main); errors.Is(err, fs.ErrNotExist) {
			return nil, &failure{exitNo, fmt.Errorf("%s: the rules file that it tests, %s, does not exist", path, main),
				"write `rules: " + filepath.Base(name) + "` at its top"}
		}
	}
	return files, nil
}

// testFile reads a file of tests, and says which rules it tests.
func (c *cli) testFile(name string) (f rules.File, main string, err error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return f, "", &failure{exitNo, err, ""}
	}
	f = rules.File{Name: name, Data: data}
	main, err = rules.RulesOf(f)
	return f, main, c.faults(err)
}
