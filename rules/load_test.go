package rules_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/hookrouter/hookrouter/event"
	"github.com/hookrouter/hookrouter/rules"
)

// manyRoutes is a file of n routes, each with a condition of its own. Nine of ten are for source s and need a literal,
// the tenth is for another source and has none.
func manyRoutes(n int) []byte {
	var text strings.Builder
	text.WriteString("version: 1\nsources: { s: { verify: none }, other: { verify: none } }\ndestinations: { d: http://d/ }\nroutes:\n")
	for i := range n {
		from, when := "s", fmt.Sprintf(`event == "push" and body.repository.full_name == "team/repo-%d"`, i)
		if i%10 == 9 {
			from, when = "other", fmt.Sprintf(`body.commits[0].message contains "word %d"`, i)
		}
		fmt.Fprintf(&text, "  - name: r%d\n    from: %s\n    when: %s\n    to: d\n", i, from, when)
	}
	return []byte(text.String())
}

func parseMany(t testing.TB, data []byte) *rules.Set {
	t.Helper()
	set, err := rules.Parse(rules.File{Name: "r.yaml", Data: data}, rules.Options{PublicLoopback: true})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestManyRoutesAreCheapToLoad counts what a route costs when a file is loaded, and what the Set keeps of it. The time
// goes into allocations.
func TestManyRoutesAreCheapToLoad(t *testing.T) {
	const routes = 2000
	data := manyRoutes(routes)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	set := parseMany(t, data)
	runtime.GC()
	runtime.ReadMemStats(&after)
	kept, made := (after.HeapAlloc-before.HeapAlloc)/routes, (after.Mallocs-before.Mallocs)/routes
	t.Logf("%d bytes kept and %d allocations a route", kept, made)
	if kept > 3500 || made > 350 {
		t.Errorf("%d bytes kept and %d allocations a route; at most 3,500 and 350", kept, made)
	}
	runtime.KeepAlive(set)
}

// TestManyRoutesCostWhatFewCost counts allocations, of which running a condition makes some.
func TestManyRoutesCostWhatFewCost(t *testing.T) {
	cost := func(routes int) float64 {
		set, ev := parseMany(t, manyRoutes(routes)), repoEvent()
		return testing.AllocsPerRun(100, func() {
			if m := set.Match(ev, now); len(m.Deliveries) != 1 {
				t.Error(m)
			}
		})
	}
	few, many := cost(10), cost(1000)
	if t.Logf("%v allocations with 10 routes, %v with 1,000", few, many); many > few+5 {
		t.Error("1,000 routes cost more than 10")
	}
}

func repoEvent() *event.Event {
	ev := newEvent("s", `{"ref": "refs/heads/main", "repository": {"id": 1, "full_name": "team/repo-7"}}`)
	ev.Type = "push"
	return ev
}

func BenchmarkParseManyRoutes(b *testing.B) {
	data := manyRoutes(10_000)
	b.ReportAllocs()
	for b.Loop() {
		parseMany(b, data)
	}
}

// BenchmarkMatchManyRoutes has the routes of manyRoutes, of which one matches; plain is the same with conditions of which
// no index can be made.
func BenchmarkMatchManyRoutes(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) { matchMany(b, manyRoutes(n)) })
	}
	plain := strings.ReplaceAll(string(manyRoutes(10_000)), "event ==", `event + "" ==`)
	plain = strings.ReplaceAll(plain, "body.repository.full_name ==", `body.repository.full_name + "" ==`)
	b.Run("10000 plain", func(b *testing.B) { matchMany(b, []byte(plain)) })
}

func matchMany(b *testing.B, data []byte) {
	set, ev := parseMany(b, data), repoEvent()
	b.ReportAllocs()
	for b.Loop() {
		if m := set.Match(ev, now); len(m.Deliveries) != 1 {
			b.Fatal(m)
		}
	}
}
