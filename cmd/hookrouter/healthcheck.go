package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/client"
)

func healthcheckCommand(c *cli) *cobra.Command {
	var admin, server string
	var limit time.Duration
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Whether a server takes events now; for HEALTHCHECK of a container",
		Long: `healthcheck asks a server's /readyz. It needs no token, and works on both listeners:

  hookrouter healthcheck
  hookrouter healthcheck --url http://127.0.0.1:8080

Exit code 0: ready; 1: not ready, and why; 4: no server answers.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if server == "" {
				server = admin
			}
			u, err := address(server)
			if err != nil {
				return &failure{code: exitUsage, err: err}
			}
			if strings.Trim(u.Path, "/") == "" {
				u.Path = "/readyz"
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), limit)
			defer cancel()
			return c.askReady(ctx, u.String())
		},
	}
	cmd.Flags().StringVar(&admin, "admin", defaultAdmin, "where the admin API listens, as `run` was told")
	cmd.Flags().StringVar(&server, "url", "", "server to ask instead: either listener, with or without a path")
	cmd.Flags().DurationVar(&limit, "timeout", 2*time.Second, "longest wait for the answer")
	return cmd
}

func (c *cli) askReady(ctx context.Context, readyz string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, readyz, nil)
	if err != nil {
		return &failure{code: exitUsage, err: err}
	}
	resp, err := (&http.Client{Transport: &http.Transport{}}).Do(req) // without a proxy: it asks this machine
	if err != nil {
		return &failure{exitUnreachable, err, "is `hookrouter run` up? --url URL says where it listens"}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return &failure{code: exitNo, err: errors.New("not ready: " + reason(resp))}
	}
	fmt.Fprintln(c.stdout, "ready")
	return nil
}

// reason is what the answer says, as far as it is one of ours.
func reason(resp *http.Response) string {
	var p client.Problem
	if err := json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&p); err != nil || p.Detail == "" {
		return resp.Status
	}
	return oneLine(p.Detail)
}
