// Command bench measures hookrouter beside a bare net/http handler and httputil.ReverseProxy, all in this binary, in one
// run: servers are processes of their own, rounds are interleaved, and the table holds medians and ratios. An absolute
// figure says something about the machine only; the ratios are what to compare.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime/pprof"
	"strings"
	"time"
)

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "interleaved rounds; the table shows medians")
	flag.DurationVar(&o.length, "length", 4*time.Second, "how long each server is loaded in each round")
	flag.IntVar(&o.connections, "connections", 64, "connections, each with one request at a time")
	flag.StringVar(&o.servers, "servers", strings.Join(servers, ","), "which servers to measure; ratios need their baselines")
	flag.StringVar(&o.profiles, "profiles", "", "directory for a CPU profile of each server, for go tool pprof")
	flag.BoolVar(&o.routes, "routes", false, "measure what many routes cost, and what it takes to load them, instead")
	flag.IntVar(&o.backlog, "backlog", 0, "let so many events wait, kill the server, and measure its start and how they are delivered, instead")
	flag.StringVar(&o.data, "data", "", "used by bench itself: the server's data, which stays")
	serve := flag.String("serve", "", "used by bench itself: be this server")
	to := flag.String("to", "", "used by bench itself: where the server delivers to")
	flag.Parse()
	if o.routes {
		o.servers = strings.Join([]string{routes10, routes10000, plain100}, ",")
	}
	if err := run(o, *serve, *to); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options, serve, to string) error {
	if serve != "" {
		return profiled(o.profiles, serve, func() error { return serveAs(serve, to, o.data) })
	}
	if o.backlog > 0 {
		return measureBacklog(o)
	}
	return measure(o)
}

// profiled runs f, and writes a CPU profile of it into dir if there is one.
func profiled(dir, name string, f func() error) error {
	if dir == "" {
		return f()
	}
	file, err := os.Create(filepath.Join(dir, name+".pprof"))
	if err != nil {
		return err
	}
	defer file.Close()
	if err := pprof.StartCPUProfile(file); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return f()
}
