package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hookrouter/hookrouter/client"
)

// Exit codes, the same for every command.
const (
	exitOK          = 0
	exitNo          = 1 // invalid, test failed, unhealthy, not found
	exitUsage       = 2
	exitWarnings    = 3 // under --strict
	exitUnreachable = 4 // no server answered
)

// cli is what the commands share: where they read and write, and the environment they see.
type cli struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	env            func(string) (string, bool)
}

// failure is an error with the exit code it ends the process with and, where there is one, what to do about it.
type failure struct {
	code int
	err  error // nil when everything was said already
	hint string
}

func (f *failure) Error() string {
	if f.err == nil {
		return fmt.Sprintf("exit %d", f.code)
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// execute runs one command line and returns its exit code.
func execute(c *cli, args []string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	root := newRoot(c)
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	return c.report(usageOf(cmd, err))
}

func newRoot(c *cli) *cobra.Command {
	root := &cobra.Command{
		Use:   "hookrouter",
		Short: "Receive webhooks, keep them safe, and hand them to the services that act on them",
		Long: `hookrouter stands between the services that send webhooks and the services that act on them. It reads one YAML
file, verifies who is calling, stores each event durably before it answers, and then matches, transforms and
forwards it, with circuit breakers and retries.

Start with:  hookrouter demo`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return c.flagsFromEnv(cmd.Flags()) },
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.SetIn(c.stdin)
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &failure{exitUsage, err, fmt.Sprintf("`%s --help` lists the flags", cmd.CommandPath())}
	})
	root.AddGroup(&cobra.Group{ID: "serve", Title: "Serve:"}, &cobra.Group{ID: "write", Title: "Write rules:"},
		&cobra.Group{ID: "look", Title: "Look into a running server and act on it:"})
	add := func(group string, commands ...*cobra.Command) {
		for _, cmd := range commands {
			cmd.GroupID = group
			root.AddCommand(cmd)
		}
	}
	add("serve", runCommand(c), demoCommand(c), sinkCommand(c), sendCommand(c))
	add("write", initCommand(c), checkCommand(c), testCommand(c), evalCommand(c), explainCommand(c), verifyCommand(c), presetCommand(c), schemaCommand(c))
	add("look", statusCommand(c), eventsCommand(c), deadCommand(c), destCommand(c), sourceCommand(c), tailCommand(c), reloadCommand(c), planCommand(c),
		healthcheckCommand(c))
	root.AddCommand(completionCommand(c), versionCommand(c))
	return root
}

// flagsFromEnv gives each flag that was not set its value from the environment: --max-pending is HOOKROUTER_MAX_PENDING.
func (c *cli) flagsFromEnv(flags *pflag.FlagSet) (err error) {
	flags.VisitAll(func(f *pflag.Flag) {
		name := envName(f.Name)
		value, ok := c.env(name)
		if err != nil || f.Changed || !ok {
			return
		}
		if setErr := flags.Set(f.Name, value); setErr != nil {
			err = &failure{code: exitUsage, err: fmt.Errorf("%s: %w", name, setErr)}
		}
	})
	return err
}

func envName(flag string) string {
	return "HOOKROUTER_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// report says what went wrong, if anything, and gives the exit code.
func (c *cli) report(err error) int {
	if err == nil {
		return exitOK
	}
	f := asFailure(err)
	if f.err != nil {
		fmt.Fprintf(c.stderr, "hookrouter: error: %v\n", f.err)
	}
	if f.hint != "" {
		fmt.Fprintf(c.stderr, "hookrouter: hint: %s\n", f.hint)
	}
	return f.code
}

func asFailure(err error) *failure {
	var f *failure
	var unreachable *client.UnreachableError
	switch {
	case errors.As(err, &f):
		return f
	case errors.As(err, &unreachable):
		return &failure{exitUnreachable, err, "is `hookrouter run` up? --admin URL or HOOKROUTER_ADMIN says where it listens"}
	}
	return &failure{code: exitNo, err: err}
}

// usageOf adds to a complaint of cobra's about arguments how the command is written.
func usageOf(cmd *cobra.Command, err error) error {
	var told *failure
	if err == nil || errors.As(err, &told) || !isUsage(err) {
		return err
	}
	hint := "see `hookrouter --help`"
	if cmd.HasParent() {
		hint = fmt.Sprintf("usage: %s; see `%s --help`", cmd.UseLine(), cmd.CommandPath())
	}
	return &failure{exitUsage, err, hint}
}

// onlyCommands is the RunE of a command that does nothing without one of its own: a misspelt one must not look like success.
func onlyCommands(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return cmd.Help()
	}
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
	}
	return &failure{exitUsage, fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath()),
		"known: " + strings.Join(names, ", ")}
}

// isUsage tells cobra's own complaints about arguments, which have no type, from those of the commands.
func isUsage(err error) bool {
	for _, prefix := range []string{"unknown command", "accepts ", "requires at least", "unknown flag", "required flag"} {
		if strings.HasPrefix(err.Error(), prefix) {
			return true
		}
	}
	return false
}
