package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/hookrouter/hookrouter/router"
)

func runCommand(c *cli) *cobra.Command {
	o := router.Options{Version: version(), Env: c.env}
	var format, level, egress string
	var proxies, egressAllow []string
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Serve: receive, store and deliver by a rules file, and follow its changes",
		Long: `run serves until it is told to stop (SIGTERM or SIGINT), and reads its rules file again whenever it changes or on
SIGHUP. A bad file never replaces good rules. Every flag can be set by the environment: --max-pending is
HOOKROUTER_MAX_PENDING.`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &failure{exitUsage, fmt.Errorf("run takes no argument, not %q", args[0]), "the rules file is said by -c FILE"}
			}
			return nil
		},
	}
	flags := cmd.Flags()
	flags.StringVarP(&o.RulesFile, "config", "c", defaultRules, "rules file, or - for standard input")
	flags.StringVar(&o.Listen, "listen", ":8080", "address for senders; port 0 picks one")
	flags.StringVar(&o.TLSCert, "tls-cert", "", "file with the certificate chain for senders, PEM; followed when it changes")
	flags.StringVar(&o.TLSKey, "tls-key", "", "file with its key")
	flags.StringVar(&o.TLSClientCA, "tls-client-ca", "", "file with certificate authorities, PEM: senders must show a certificate by one of them; followed too")
	flags.IntVar(&o.MaxConnections, "max-connections", 0, "connections of senders at one time; 0: 4,096, or half of the open files allowed; for one more, an idle one is closed")
	flags.BoolVar(&o.ProxyProtocol, "proxy-protocol", false, "every connection of a sender comes from one of --trusted-proxies and begins with a PROXY header, version 1 or 2")
	flags.StringVar(&o.Admin, "admin", defaultAdmin, "address of the admin API; beyond loopback it needs a token; port 0 picks one")
	flags.StringVar(&o.AdminTokenFile, "admin-token-file", "", "file with the token that clients of the admin API must send; followed when it changes")
	flags.StringSliceVar(&o.AdminHosts, "admin-hosts", nil, "names that the admin API answers to, beside localhost and any address")
	flags.StringSliceVar(&proxies, "trusted-proxies", nil, "addresses or CIDRs whose X-Forwarded-For is believed")
	flags.StringVar(&egress, "egress", "any", "addresses that destinations may have: any, private or public; never link-local or metadata")
	flags.StringSliceVar(&egressAllow, "egress-allow", nil, "addresses or CIDRs that --egress private or public allows besides")
	flags.StringVar(&o.Data, "data", "data", "directory for everything that must survive; one process at a time")
	flags.DurationVar(&o.LockWait, "lock-wait", 0, "time to wait at the start for another process to leave the data directory")
	flags.DurationVar(&o.Drain, "drain", 25*time.Second, "time for attempts to end after a stop")
	flags.DurationVar(&o.DrainDelay, "drain-delay", 3*time.Second, "time to go on accepting after a stop, with readiness off")
	flags.IntVar(&o.MaxPending, "max-pending", 2_000_000, "pending and dead deliveries to hold at most; more are answered 503")
	flags.BoolVar(&o.StrictRules, "strict-rules", false, "refuse to start on a bad rules file instead of using the last good one")
	flags.BoolVar(&o.AllowUnverified, "allow-unverified", false, "let sources without verification listen beyond loopback")
	flags.StringVar(&format, "log-format", "auto", "auto, json or text; auto is text on a terminal")
	flags.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := canServe(runtime.GOOS); err != nil {
			return err
		}
		logger, err := newLogger(c.stderr, format, level)
		if err != nil {
			return &failure{code: exitUsage, err: err}
		}
		if o.MaxPending < 1 {
			return &failure{code: exitUsage, err: fmt.Errorf("--max-pending %d: at least 1", o.MaxPending)}
		}
		if o.MaxConnections < 0 {
			return &failure{code: exitUsage, err: fmt.Errorf("--max-connections %d: at least 1, or 0", o.MaxConnections)}
		}
		o.Logger = logger
		if o.TrustedProxies, err = prefixes("--trusted-proxies", proxies); err != nil {
			return &failure{code: exitUsage, err: err}
		}
		if o.Egress, err = egressPolicy(egress, egressAllow); err != nil {
			return &failure{code: exitUsage, err: err}
		}
		if err := inheritSockets(&o); err != nil {
			return err
		}
		return c.serve(cmd.Context(), o)
	}
	return cmd
}

// canServe refuses the systems for which nobody has shown that what is acknowledged survives.
func canServe(system string) error {
	if system != "windows" {
		return nil
	}
	return &failure{exitNo, errors.New("no server runs on Windows"), "serve on Linux, as in a container; check, test, verify and explain work here"}
}

// serve runs a Router until ctx ends, and whatever manages this process hears how it is doing.
func (c *cli) serve(ctx context.Context, o router.Options) error {
	slog.SetDefault(o.Logger) // net/http says by package log what it makes of odd answers
	s := newService(o.Logger.Warn)
	r, err := router.New(ctx, o)
	if err != nil {
		return c.faults(err)
	}
	ended := make(chan struct{})
	defer close(ended)
	go s.follow(ctx, r, ended)
	return r.Run(ctx)
}

func egressPolicy(mode string, allow []string) (policy router.Egress, err error) {
	exceptions, err := prefixes("--egress-allow", allow)
	if err != nil {
		return policy, err
	}
	if policy, err = router.NewEgress(mode, exceptions); err != nil {
		return policy, fmt.Errorf("--egress: %w", err)
	}
	return policy, nil
}

// prefixes reads addresses and CIDRs.
func prefixes(flag string, list []string) (all []netip.Prefix, err error) {
	for _, text := range list {
		text = strings.TrimSpace(text)
		p, err := netip.ParsePrefix(text)
		if ip, ipErr := netip.ParseAddr(text); ipErr == nil {
			p, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		if err != nil || p.Addr().Zone() != "" {
			return nil, fmt.Errorf("%s: %q is not an address or a CIDR such as 10.0.0.0/8", flag, text)
		}
		all = append(all, p.Masked())
	}
	return all, nil
}

// newLogger writes to w: text for people, JSON for machines.
func newLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level %q: use debug, info, warn or error", level)
	}
	o := &slog.HandlerOptions{Level: l, ReplaceAttr: readableDuration}
	f, isFile := w.(*os.File)
	switch {
	case format == "text", format == "auto" && isFile && isTerminal(f):
		return slog.New(slog.NewTextHandler(w, o)), nil
	case format == "json", format == "auto":
		return slog.New(slog.NewJSONHandler(w, o)), nil
	}
	return nil, fmt.Errorf("--log-format %q: use auto, json or text", format)
}

// readableDuration writes 3s where JSON would have 3000000000.
func readableDuration(_ []string, a slog.Attr) slog.Attr {
	if a.Value.Kind() == slog.KindDuration {
		a.Value = slog.StringValue(a.Value.Duration().String())
	}
	return a
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }
