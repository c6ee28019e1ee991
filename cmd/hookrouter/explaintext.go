package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/hookrouter/hookrouter/verdict"
)

// writeExplanation writes it for people: what came, then each route of the source.
func writeExplanation(w io.Writer, x *verdict.Explanation) {
	fmt.Fprintf(w, "source\t%s\n", x.Source)
	fmt.Fprintf(w, "proof\t%s\n", because(x.Proof.Outcome, x.Proof.Reason))
	if x.Proof.Hint != "" {
		fmt.Fprintf(w, "\thint: %s\n", oneLine(x.Proof.Hint))
	}
	if x.Proof.Outcome == verdict.Handshake {
		return
	}
	fmt.Fprintf(w, "event\t%s\n", dash(oneLine(x.Type)))
	if x.DedupeKey != "" {
		fmt.Fprintf(w, "dedupe\t%s\n", oneLine(x.DedupeKey))
	}
	for _, mark := range x.Marks {
		fmt.Fprintf(w, "mark\t%s\n", oneLine(mark))
	}
	var others []string
	for _, r := range x.Routes {
		if r.Outcome == verdict.Elsewhere {
			others = append(others, r.Name)
			continue
		}
		writeRoute(w, r)
	}
	fmt.Fprintln(w)
	if len(others) > 0 {
		fmt.Fprintf(w, "not for this source: %s\n", atMost(others, 10))
	}
	fmt.Fprintln(w, summary(x))
}

func because(outcome, reason string) string {
	if reason == "" {
		return outcome
	}
	return outcome + ": " + oneLine(reason)
}

func atMost(names []string, n int) string {
	if len(names) > n {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
	}
	return strings.Join(names, ", ")
}

// summary is the last line: where the event goes.
func summary(x *verdict.Explanation) string {
	switch to := x.Destinations(); {
	case !x.Proof.OK():
		return "the request would not be taken; if it were, the event would go to " + named(to)
	case len(to) > 0:
		return "the event goes to " + strings.Join(to, ", ")
	case x.Rejected:
		return "no route matches: the sender is answered 404, nothing is stored"
	case x.Matched:
		return "the event matches and goes to no destination"
	case slices.ContainsFunc(x.Routes, func(r verdict.Route) bool { return len(r.Deliveries) > 0 }):
		return "no route matches, and one cannot be computed: the event becomes a dead letter"
	}
	return "no route matches: the event is stored, and listed as unmatched"
}

func writeRoute(w io.Writer, r verdict.Route) {
	fmt.Fprintf(w, "\n%s\t%s\n", strings.ReplaceAll(r.Outcome, "_", " "), r.Name)
	if r.StoppedBy != "" {
		fmt.Fprintf(w, "  not looked at: route %q matched, and stops\n", r.StoppedBy)
	}
	if r.Outcome == verdict.Matched && len(r.Conditions) == 0 {
		fmt.Fprintln(w, "  true\talways")
	}
	for _, c := range r.Conditions {
		writeCondition(w, c)
	}
	if r.Near {
		fmt.Fprintln(w, "  near miss: all other conditions hold")
	}
	if r.Reply != "" {
		fmt.Fprintf(w, "  replies\t%s\n", oneLine(r.Reply))
	}
	for _, d := range r.Deliveries {
		writePlanned(w, d)
	}
}

func writeCondition(w io.Writer, c verdict.Condition) {
	result := "false"
	switch {
	case c.Error != "":
		result = "error"
	case c.True:
		result = "true"
	}
	fmt.Fprintf(w, "  %s\t%s\n", result, oneLine(strings.Join(strings.Fields(c.Expression), " ")))
	if c.Error != "" {
		fmt.Fprintf(w, "\t  %s\n", oneLine(c.Error))
	}
	if c.True {
		return
	}
	needs := c.Needs
	for _, v := range c.Values {
		line := v.Expression + " is " + v.Value
		if rest, is := strings.CutPrefix(needs, v.Expression+" would"); is {
			line, needs = line+", and would"+rest, ""
		}
		fmt.Fprintf(w, "\t  %s\n", oneLine(line))
	}
	if needs != "" {
		fmt.Fprintf(w, "\t  %s\n", oneLine(needs))
	}
}

// writePlanned writes what a destination gets.
func writePlanned(w io.Writer, d verdict.Delivery) {
	if d.Request == nil {
		fmt.Fprintf(w, "  %s\t%s: %s\n", d.Destination, d.Outcome, oneLine(d.Reason))
		return
	}
	fmt.Fprintf(w, "  %s\t%s %s\n", d.Destination, d.Request.Method, oneLine(d.Request.URL))
	if d.Delay != "" {
		fmt.Fprintf(w, "\twaits %s\n", d.Delay)
	}
	if d.OrderKey != "" {
		fmt.Fprintf(w, "\tin order by the key %q\n", d.OrderKey)
	}
	if c := d.Coalesce; c != nil {
		fmt.Fprintf(w, "\twaits %s for more with the key %q\n", c.Wait, c.Key)
	}
	for _, name := range slices.Sorted(maps.Keys(d.Request.Header)) {
		fmt.Fprintf(w, "\t%s: %s\n", oneLine(name), oneLine(strings.Join(d.Request.Header[name], ", ")))
	}
	writeBody(w, d.Request)
}

func writeBody(w io.Writer, r *verdict.Request) {
	label := "body"
	note := func(format string, args ...any) {
		fmt.Fprintf(w, "  %s\t(%s)\n", label, fmt.Sprintf(format, args...))
		label = ""
	}
	switch {
	case r.Length == 0:
		note("none")
		return
	case r.Untouched:
		note("as it came, %d bytes", r.Length)
		return
	case r.Base64:
		note("%d bytes that are no text, in base64", r.Length)
	case r.Cut:
		note("%d bytes, of which this is the beginning", r.Length)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(r.Body, "\n"), "\n") {
		fmt.Fprintf(w, "  %s\t%s\n", label, strings.ReplaceAll(strings.TrimSuffix(line, "\r"), "\t", "    "))
		label = ""
	}
}
