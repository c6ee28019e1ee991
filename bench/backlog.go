package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"time"

	admin "github.com/hookrouter/hookrouter/client"
)

// backlogged is what a backlog does to a server.
type backlogged struct {
	stored      int
	first       time.Duration // from the start, after a kill, to the first event that is acknowledged
	memory      int           // anonymous then, in bytes
	early, late float64       // deliveries a second in the first tenth of the backlog, and in the last
}

// measureBacklog lets so many events wait for a destination that is paused, kills the server, starts it again, and lets go.
func measureBacklog(o options) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	dir, err := os.MkdirTemp("", "hookrouter-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // a temporary directory
	o.data = dir
	b, err := backlog(ctx, o)
	if err != nil {
		return err
	}
	fmt.Printf("%d events of 7 KB waited; the server was killed and started again\n", b.stored)
	fmt.Printf("%-72s %6.2f\n", "seconds from its start to the first acknowledged event", b.first.Seconds())
	fmt.Printf("%-72s %6d\n", "MiB of anonymous memory then", b.memory>>20)
	fmt.Printf("%-72s %6.2f\n", "rate of the last tenth of the backlog / of the first tenth", b.late/b.early)
	return nil
}

func backlog(ctx context.Context, o options) (b backlogged, err error) {
	t, err := newTemplate()
	if err != nil {
		return b, err
	}
	dest, err := spawn(ctx, o, sinkish, "")
	if err != nil {
		return b, err
	}
	defer dest.stop()
	server, err := spawn(ctx, o, deliver, dest.addr)
	if err != nil {
		return b, err
	}
	defer func() { server.stop() }()
	if _, err := admin.New("http://"+server.admin, "").Pause(ctx, "to"); err != nil {
		return b, err
	}
	for series := uint64(1); b.stored < o.backlog; series++ {
		l, err := load(ctx, t, server.addr, o.connections, 200*time.Millisecond, series)
		if err != nil {
			return b, err
		}
		b.stored += l.answers - l.refused
	}
	_ = server.cmd.Process.Kill()
	_ = server.cmd.Wait()
	began := time.Now()
	if server, err = spawn(ctx, o, deliver, dest.addr); err != nil {
		return b, err
	}
	if _, err := load(ctx, t, server.addr, 1, time.Nanosecond, 1<<15); err != nil {
		return b, err
	}
	b.first, b.memory = time.Since(began), server.anonymous()
	if _, err := admin.New("http://"+server.admin, "").Resume(ctx, "to"); err != nil {
		return b, err
	}
	b.early, b.late, err = drained(ctx, dest, b.stored)
	return b, err
}

// drained waits until n events arrived and gives the rates of the first and the last tenth of them.
func drained(ctx context.Context, dest *process, n int) (early, late float64, err error) {
	reached := [4]time.Time{} // by 0, 1, 9 and 10 tenths
	for i, tenths := range [4]int{0, 1, 9, 10} {
		for {
			got, err := dest.count(ctx)
			if err != nil {
				return 0, 0, err
			}
			if got >= max(1, n*tenths/10) {
				break
			}
			time.Sleep(time.Millisecond)
		}
		reached[i] = time.Now()
	}
	tenth := float64(n) / 10
	return tenth / reached[1].Sub(reached[0]).Seconds(), tenth / reached[3].Sub(reached[2]).Seconds(), nil
}
