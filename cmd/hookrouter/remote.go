package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/hookrouter/hookrouter/client"
)

const defaultAdmin = "127.0.0.1:8081"

// remote is what the commands that speak to a running server share.
type remote struct {
	c                        *cli
	admin, tokenFile, output string
}

// newRemote gives cmd, and every command below it, the flags of a client.
func newRemote(c *cli, cmd *cobra.Command) *remote {
	r := &remote{c: c}
	r.connectFlags(cmd.PersistentFlags())
	return r
}

func (r *remote) connectFlags(flags *pflag.FlagSet) {
	flags.StringVar(&r.admin, "admin", "http://"+defaultAdmin, "admin API of the server")
	flags.StringVar(&r.tokenFile, "token-file", "", "file that holds the admin API's token")
	r.outputFlag(flags)
}

func (r *remote) outputFlag(flags *pflag.FlagSet) {
	flags.StringVarP(&r.output, "output", "o", "table", "table or json")
}

func (r *remote) checkOutput() error {
	if r.output != "table" && r.output != "json" {
		return &failure{code: exitUsage, err: fmt.Errorf("--output %q: use table or json", r.output)}
	}
	return nil
}

// run is a command's RunE that gets a client of the server.
func (r *remote) run(f func(ctx context.Context, api *client.Client, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		api, err := r.client()
		if err != nil {
			return err
		}
		return f(cmd.Context(), api, args)
	}
}

// client makes the API client that the flags ask for.
func (r *remote) client() (*client.Client, error) {
	if err := r.checkOutput(); err != nil {
		return nil, err
	}
	token := ""
	if r.tokenFile != "" {
		data, err := os.ReadFile(r.tokenFile)
		if err != nil {
			return nil, fmt.Errorf("--token-file: %w", err)
		}
		token = strings.TrimSpace(string(data))
	}
	u, err := address(r.admin)
	if err != nil {
		return nil, &failure{code: exitUsage, err: fmt.Errorf("--admin %w", err)}
	}
	return client.New(u.String(), token), nil
}

// address reads where a server listens, as a URL or as `run` was told. Of all addresses this machine asks its own.
func address(text string) (*url.URL, error) {
	full := text
	if !strings.Contains(text, "://") {
		full = "http://" + text
	}
	u, err := url.Parse(full)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is not an address such as http://%s", text, defaultAdmin)
	}
	if ip := net.ParseIP(u.Hostname()); u.Hostname() == "" || ip != nil && ip.IsUnspecified() {
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	}
	return u, nil
}

// print shows v as JSON, or has table write it in columns, which are separated by tabs.
func (r *remote) print(v any, table func(w io.Writer)) error {
	if r.output == "json" {
		enc := json.NewEncoder(visible{r.c.stdout})
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	return columns(visible{r.c.stdout}, table)
}

// columns aligns what table writes: cells end with a tab, rows with a newline.
func columns(out io.Writer, table func(w io.Writer)) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	table(w)
	return w.Flush()
}

// ago is how long since t, in one unit.
func ago(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return short(time.Since(t))
}

// in is how long until t, in one unit.
func in(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return short(time.Until(t))
}

// inWords is in for the end of a phrase: "in 5s", or "now".
func inWords(t time.Time) string {
	if s := in(t); s == "now" {
		return s
	}
	return "in " + in(t)
}

func short(d time.Duration) string {
	switch {
	case d < 0:
		return "now"
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh", int(d.Hours()))
	}
	return fmt.Sprintf("%dd", int(d.Hours()/24))
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
