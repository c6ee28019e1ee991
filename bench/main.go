// Command bench measures hookrouter beside a bare net/http handler and httputil.ReverseProxy, all in this binary, in one
// run: servers are processes of their own, rounds are interleaved, and the table holds medians and ratios. An absolute
// figure says something about the machine only; the ratios are what to compare.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"
)

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "interleaved rounds; the table shows medians")
	flag.DurationVar(&o.length, "length", 4*time.Second, "how long each server is loaded in each round")
	flag.IntVar(&o.connections, "connections", 64, "connections, each with one request at a time")
	serve := flag.String("serve", "", "used by bench itself: be this server")
	to := flag.String("to", "", "used by bench itself: where the server delivers to")
	flag.Parse()
	if err := run(o, *serve, *to); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(o options, serve, to string) error {
	if serve != "" {
		return serveAs(serve, to)
	}
	return measure(o)
}
