package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

type options struct {
	rounds      int
	length      time.Duration
	connections int
	servers     string
	profiles    string
	routes      bool
	backlog     int
	data        string
}

// figures are what one server did in one round.
type figures struct {
	accepted  float64 // answers a second
	delivered float64 // arrived at the sink a second, while the load ran
	cpu       float64 // CPU-seconds of the server per 1,000 accepted, or delivered where it delivers
	p50, p99  float64 // of the answer, in ms
	memory    float64 // anonymous, in MiB, at the end of the load
	refused   float64
}

var servers = []string{bare, proxy, accept, deliver}

// measure loads each server in each round and prints the table.
func measure(o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	t, err := newTemplate()
	if err != nil {
		return err
	}
	results := map[string][]figures{}
	for round := range o.rounds {
		for _, name := range strings.Split(o.servers, ",") {
			f, err := measureOne(ctx, o, t, name, uint64(round))
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			results[name] = append(results[name], f)
			fmt.Fprintf(os.Stderr, "round %d of %d: %-12s %6.0f accepted/s %6.0f delivered/s\n", round+1, o.rounds, name, f.accepted, f.delivered)
		}
	}
	printTable(o, len(t.body), results)
	if !o.routes {
		return nil
	}
	l, err := measureLoading(o.rounds)
	if err == nil {
		printLoading(l)
	}
	return err
}

// rampLasts is how long a destination takes from its first attempt to all that it may have at once.
const rampLasts = 8 * time.Second

// warm loads a server before it is measured: gently, as long as its destination is tried gently, so that nothing piles up.
func warm(ctx context.Context, o options, t *template, name, addr string, round uint64) error {
	if name == deliver {
		if _, err := load(ctx, t, addr, 2, rampLasts, 1<<15+round); err != nil {
			return err
		}
	}
	_, err := load(ctx, t, addr, o.connections, o.length/4, 2*round+1)
	return err
}

// measureOne loads one server, on an empty data directory where it has one.
func measureOne(ctx context.Context, o options, t *template, name string, round uint64) (f figures, err error) {
	dest, err := spawn(ctx, o, sinkish, "")
	if err != nil {
		return f, err
	}
	defer dest.stop()
	server, err := spawn(ctx, o, name, dest.addr)
	if err != nil {
		return f, err
	}
	defer server.stop()
	if err := warm(ctx, o, t, name, server.addr, round); err != nil {
		return f, err
	}
	arrived, err := dest.count(ctx)
	if err != nil {
		return f, err
	}
	cpu := server.cpu()
	l, err := load(ctx, t, server.addr, o.connections, o.length, 2*round+2)
	if err != nil {
		return f, err
	}
	after, err := dest.count(ctx)
	if err != nil {
		return f, err
	}
	return figuresOf(l, after-arrived, server.cpu()-cpu, server.anonymous()), nil
}

func figuresOf(l loaded, arrived int, cpu time.Duration, memory int) figures {
	done := l.answers
	if arrived > 0 {
		done = arrived
	}
	return figures{
		accepted: float64(l.answers-l.refused) / l.took.Seconds(), delivered: float64(arrived) / l.took.Seconds(),
		cpu: cpu.Seconds() / float64(max(done, 1)) * 1000,
		p50: l.p50.Seconds() * 1000, p99: l.p99.Seconds() * 1000,
		memory: float64(memory) / (1 << 20), refused: float64(l.refused),
	}
}

// median is of one figure over all rounds.
func median(all []figures, of func(figures) float64) float64 {
	values := make([]float64, len(all))
	for i, f := range all {
		values[i] = of(f)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func printTable(o options, size int, results map[string][]figures) {
	fmt.Printf("%d rounds of %v, %d connections, %d-byte GitHub push, medians; %s\n\n", o.rounds, o.length, o.connections, size,
		"load, servers and sink share this machine")
	fmt.Printf("%-12s %12s %12s %14s %9s %9s %10s %8s\n", "server", "accepted/s", "delivered/s", "CPU-s per 1000", "p50 ms", "p99 ms", "anon MiB", "refused")
	m := map[string]figures{}
	for _, name := range strings.Split(o.servers, ",") {
		all := results[name]
		if len(all) == 0 {
			continue
		}
		f := figures{
			accepted: median(all, func(f figures) float64 { return f.accepted }), delivered: median(all, func(f figures) float64 { return f.delivered }),
			cpu: median(all, func(f figures) float64 { return f.cpu }), p50: median(all, func(f figures) float64 { return f.p50 }),
			p99: median(all, func(f figures) float64 { return f.p99 }), memory: median(all, func(f figures) float64 { return f.memory }),
			refused: median(all, func(f figures) float64 { return f.refused }),
		}
		m[name] = f
		fmt.Printf("%-12s %12.0f %12.0f %14.3f %9.2f %9.2f %10.0f %8.0f\n", name, f.accepted, f.delivered, f.cpu, f.p50, f.p99, f.memory, f.refused)
	}
	fmt.Printf("\n%-72s %6s\n", "ratio", "")
	ratio := func(what string, a, b float64) {
		if a > 0 && b > 0 {
			fmt.Printf("%-72s %6.2f\n", what, a/b)
		}
	}
	ratio("verified + durable accept rate / bare accept rate", m[accept].accepted, m[bare].accepted)
	ratio("verified + durable + matched + delivered rate / ReverseProxy's", m[deliver].delivered, m[proxy].delivered)
	ratio("CPU-seconds per 1,000 delivered / ReverseProxy's", m[deliver].cpu, m[proxy].cpu)
	ratio("accept rate with 10,000 routes / with 10", m[routes10000].accepted, m[routes10].accepted)
	ratio("the same within each round, median", paired(results[routes10000], results[routes10]), 1)
	ratio("CPU-seconds per 1,000 accepted with 10,000 routes / with 10", m[routes10000].cpu, m[routes10].cpu)
	ratio("accept rate with 100 routes without a literal / with 10 routes", m[plain100].accepted, m[routes10].accepted)
	if a, b := m[routes10000].memory, m[routes10].memory; a > 0 && b > 0 {
		fmt.Printf("%-72s %6.0f\n", "MiB that 10,000 routes take in the server beside 10", a-b)
	}
}
