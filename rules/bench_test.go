package rules_test

import (
	"os"
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
