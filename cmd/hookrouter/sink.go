package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/sink"
)

func sinkCommand(c *cli) *cobra.Command {
	var listen string
	o := sink.Options{Keep: -1, Log: c.stdout}
	cmd := &cobra.Command{
		Use:   "sink",
		Short: "Be a destination that prints what it receives, and fails as told",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return c.serveSink(cmd.Context(), listen, sink.New(o))
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&listen, "listen", "127.0.0.1:9000", "address to listen on; port 0 picks one")
	flags.IntVar(&o.Status, "status", http.StatusOK, "status of every answer")
	flags.DurationVar(&o.Delay, "delay", 0, "wait so long before each answer")
	flags.IntVar(&o.FailEvery, "fail-every", 0, "answer every N-th request with 500")
	return cmd
}

func (c *cli) serveSink(ctx context.Context, listen string, s *sink.Sink) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	fmt.Fprintf(c.stderr, "sink listens on http://%s\n", ln.Addr())
	stopped := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stopped()
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
