package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/hookrouter/hookrouter/rules"
)

// The servers with more routes. None of them wants the event: what is measured is what it costs to find that out.
const (
	routes10    = "routes-10"    // nine of ten have a literal of their own; the tenth has none, and is for another source
	routes10000 = "routes-10000" // the same
	plain100    = "plain-100"    // none has a literal
)

const loadedRoutes = 10_000

// routesOf are the routes of a server; whether a condition has a literal decides what it costs.
func routesOf(name string) string {
	n, literals := 10, 9
	switch name {
	case routes10000:
		n = loadedRoutes
	case plain100:
		n, literals = 100, 0
	}
	var b strings.Builder
	for i := range n {
		from, when := "in", fmt.Sprintf(`event == "push" and body.repository.full_name == "team/repo-%d"`, i)
		if i%10 >= literals {
			when = fmt.Sprintf(`body.ref startsWith "refs/heads/feature-%d/"`, i)
		}
		if i%10 >= literals && literals > 0 {
			from = "other"
		}
		fmt.Fprintf(&b, "  - { name: r%d, from: %s, when: '%s', to: to }\n", i, from, when)
	}
	return b.String()
}

// loading is what it takes to read a rules file.
type loading struct {
	took time.Duration
	kept uint64 // bytes of the heap that what was read holds
	made uint64 // bytes allocated on the way
}

// measureLoading reads the file of routes10000 as often as there are rounds, and gives the medians.
func measureLoading(rounds int) (loading, error) {
	file := rules.File{Name: "rules.yaml", Data: []byte(rulesFor(routes10000, "127.0.0.1:9"))}
	all := make([]loading, rounds)
	for i := range all {
		l, err := load1(file)
		if err != nil {
			return l, err
		}
		all[i] = l
	}
	slices.SortFunc(all, func(a, b loading) int { return int(a.took - b.took) })
	return all[rounds/2], nil
}

func load1(file rules.File) (l loading, err error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	set, err := rules.Parse(file, rules.Options{
		PublicLoopback: true, Env: func(string) (string, bool) { return secret, true },
	})
	l.took = time.Since(start)
	if err != nil {
		return l, err
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	l.kept, l.made = after.HeapAlloc-before.HeapAlloc, after.TotalAlloc-before.TotalAlloc
	runtime.KeepAlive(set)
	return l, nil
}

func printLoading(l loading) {
	fmt.Printf("\nloading %d routes: %v, %d MiB kept, %d MiB allocated\n", loadedRoutes, l.took.Round(time.Millisecond), l.kept>>20, l.made>>20)
}

// paired is the median of the ratios of two servers' accept rates within each round: what else the machine does changes
// from round to round. It is 0 without rounds.
func paired(a, b []figures) float64 {
	ratios := make([]float64, min(len(a), len(b)))
	for i := range ratios {
		ratios[i] = a[i].accepted / b[i].accepted
	}
	slices.Sort(ratios)
	if len(ratios) == 0 {
		return 0
	}
	return ratios[len(ratios)/2]
}
