package rules_test

import (
	"encoding/json"
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

// BenchmarkBody is what a source's rules take to look into the body, from not at all to all of it, beside decoding it
// with encoding/json.
func BenchmarkBody(b *testing.B) {
	_, ev := example(b, "github", "github")
	for _, c := range []struct{ name, when string }{
		{"unread", `event == "push"`},
		{"one path", `body.ref == "refs/heads/main" or event == "push"`},
		{"a list", `any(body.commits, .id == "x") or event == "push"`},
		{"all", `len(body) == 0 or event == "push"`},
	} {
		b.Run(c.name, func(b *testing.B) {
			set := parse(b, "version: 1\nsources: { github: { verify: none } }\ndestinations: { d: http://d/ }\nroutes:\n"+
				"  - { name: r, from: github, to: d, when: '"+c.when+"' }\n")
			ev.Type = "push"
			b.SetBytes(int64(len(ev.Body)))
			b.ReportAllocs()
			for b.Loop() {
				if m := set.Match(ev, now); len(m.Deliveries) != 1 {
					b.Fatal(m)
				}
			}
		})
	}
	b.Run("encoding json", func(b *testing.B) {
		b.SetBytes(int64(len(ev.Body)))
		b.ReportAllocs()
		for b.Loop() {
			var v map[string]any
			if err := json.Unmarshal(ev.Body, &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}
