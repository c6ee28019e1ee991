package rules_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
	"github.com/hookrouter/hookrouter/verify"
)

// example is the file of the examples, and an event for it with the sample of a preset as its body.
func example(b *testing.B, source, preset string) (*rules.Set, *event.Event) {
	b.Helper()
	data, err := os.ReadFile("../examples/rules.yaml")
	if err != nil {
		b.Fatal(err)
	}
	sample, err := verify.Sample(preset, "")
	if err != nil {
		b.Fatal(err)
	}
	ev := newEvent(source, string(sample.Body))
	ev.Header = sample.Header
	return parse(b, string(data)), ev
}

func BenchmarkAccept(b *testing.B) {
	set, ev := example(b, "github", "github")
	b.ReportAllocs()
	b.SetBytes(int64(len(ev.Body)))
	for b.Loop() {
		if m, err := set.Accept(ev, now); err != nil || len(m.Deliveries) != 2 {
			b.Fatal(m, err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	set, ev := example(b, "github", "github")
	m, err := set.Accept(ev, now)
	if err != nil {
		b.Fatal(err)
	}
	for _, d := range m.Deliveries {
		b.Run(d.Destination, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := set.Render(ev, &d, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkMatchManyRoutes has one route in a hundred for the source of the event.
func BenchmarkMatchManyRoutes(b *testing.B) {
	var text strings.Builder
	text.WriteString("version: 1\nsources: {")
	for i := range 100 {
		fmt.Fprintf(&text, " s%d: { verify: none },", i)
	}
	text.WriteString(" }\ndestinations: { d: http://d/ }\nroutes:\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "  - { name: r%d, from: s%d, when: \"event == 'e%d' and body.action == 'opened'\", to: d }\n", i, i%100, i)
	}
	set := parse(b, text.String())
	ev := newEvent("s7", `{"action": "opened"}`)
	ev.Type = "e507"
	b.ReportAllocs()
	for b.Loop() {
		if m := set.Match(ev, now); len(m.Deliveries) != 1 {
			b.Fatal(m)
		}
	}
}
