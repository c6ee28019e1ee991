package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/client"
	"github.com/hookrouter/hookrouter/router"
	"github.com/hookrouter/hookrouter/sink"
)

//go:embed demo.yaml
var demoRules string

// demoSecret signs the demo's own requests; Contentful's secrets have 64 characters.
const demoSecret = "example-demo-secret-0123456789abcdef0123456789abcdef0123456789ab"

// demoLimit ends a demo that got stuck: it is an error then.
const demoLimit = 60 * time.Second

func demoCommand(c *cli) *cobra.Command {
	var stay bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "See it work: real events, a forgery, an outage, fifty publishes; about 15 seconds",
		Long: `demo starts a server and three destinations on this machine, in a temporary directory, and sends signed events
through them. Nothing is left behind. With --stay it goes on serving so that you can look around.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return c.demo(cmd.Context(), stay) },
	}
	cmd.Flags().BoolVar(&stay, "stay", false, "go on serving after the story, until interrupted")
	return cmd
}

// demo runs server, destinations and story, and takes everything down again.
func (c *cli) demo(ctx context.Context, stay bool) error {
	dir, err := os.MkdirTemp("", "hookrouter-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	s := &story{painter: painter{c.color()}, c: c, stay: stay}
	destinations, err := s.startDestinations(ctx)
	if err != nil {
		return err
	}
	defer destinations.Close() //nolint:errcheck // the process is about to end
	server, err := s.startServer(ctx, dir)
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	served := make(chan error, 1)
	go func() { served <- server.Run(serving) }()
	err = s.tell(ctx)
	if err == nil && s.stay {
		<-ctx.Done()
	}
	stop()
	return errors.Join(err, <-served)
}

func (s *story) startDestinations(ctx context.Context) (*http.Server, error) {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.sink, s.sinkAddr = sink.New(sink.Options{}), ln.Addr().String()
	server := &http.Server{Handler: s.sink, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(ln) }() // ends with Close
	return server, nil
}

func (s *story) startServer(ctx context.Context, dir string) (*router.Router, error) {
	file := filepath.Join(dir, "rules.yaml")
	rules := strings.ReplaceAll(demoRules, "SINK", s.sinkAddr)
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		return nil, err
	}
	server, err := router.New(ctx, router.Options{
		RulesFile: file, Listen: "127.0.0.1:0", Admin: "127.0.0.1:0", Data: filepath.Join(dir, "data"),
		Drain: time.Second, Version: version(),
		Env: func(name string) (string, bool) { return demoSecret, name == "DEMO_SECRET" },
	})
	if err != nil {
		return nil, err
	}
	s.url, s.admin = "http://"+server.Addr(), server.AdminAddr()
	s.api = client.New("http://"+s.admin, "")
	return server, nil
}

// color reports whether stdout is a terminal that wants colours.
func (c *cli) color() bool {
	_, no := c.env("NO_COLOR")
	f, ok := c.stdout.(*os.File)
	return ok && !no && isTerminal(f)
}

func (s *story) say(format string, args ...any) {
	fmt.Fprintf(s.c.stdout, format+"\n", args...)
}
