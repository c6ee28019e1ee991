package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hookrouter/hookrouter/router"
)

func runCommand(c *cli) *cobra.Command {
	o := router.Options{Version: version(), Env: c.env}
	var format, level string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Serve: receive, store and deliver by a rules file, and follow its changes",
		Long: `run serves until it is told to stop (SIGTERM or SIGINT), and reads its rules file again whenever it changes or on
SIGHUP. A bad file never replaces good rules. Every flag can be set by the environment: --max-pending is
HOOKROUTER_MAX_PENDING.`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.RulesFile, "config", "c", defaultRules, "rules file, or - for standard input")
	flags.StringVar(&o.Listen, "listen", ":8080", "address for senders; port 0 picks one")
	flags.StringVar(&o.Admin, "admin", defaultAdmin, "address of the admin API; loopback only; port 0 picks one")
	flags.StringVar(&o.Data, "data", "data", "directory for everything that must survive; one process at a time")
	flags.DurationVar(&o.Drain, "drain", 25*time.Second, "time for attempts to end after a stop")
	flags.DurationVar(&o.DrainDelay, "drain-delay", 3*time.Second, "time to go on accepting after a stop, with readiness off")
	flags.IntVar(&o.MaxPending, "max-pending", 2_000_000, "pending and dead deliveries to hold at most; more are answered 503")
	flags.BoolVar(&o.StrictRules, "strict-rules", false, "refuse to start on a bad rules file instead of using the last good one")
	flags.BoolVar(&o.AllowUnverified, "allow-unverified", false, "let sources without verification listen beyond loopback")
	flags.StringVar(&format, "log-format", "auto", "auto, json or text; auto is text on a terminal")
	flags.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		logger, err := newLogger(c.stderr, format, level)
		if err != nil {
			return &failure{code: exitUsage, err: err}
		}
		o.Logger = logger
		r, err := router.New(cmd.Context(), o)
		if err != nil {
			return c.faults(err)
		}
		go reloadOnHangup(cmd.Context(), r)
		return r.Run(cmd.Context())
	}
	return cmd
}

// reloadOnHangup reads the rules file on each SIGHUP until ctx ends; how that went is in the log and the status.
func reloadOnHangup(ctx context.Context, r *router.Router) {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			_ = r.Reload()
		}
	}
}

// newLogger writes to w: text for people, JSON for machines.
func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %q: use debug, info, warn or error", level)
	}
	o := &slog.HandlerOptions{Level: l}
	f, isFile := w.(*os.File)
	switch {
	case format == "text", format == "auto" && isFile && isTerminal(f):
		return slog.New(slog.NewTextHandler(w, o)), nil
	case format == "json", format == "auto":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return nil, fmt.Errorf("--log-format %q: use auto, json or text", format)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
