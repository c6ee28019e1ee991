package lang

import (
	"math"
	"slices"
)

// Index tells which of many conditions an event may fulfil, without running them: most conditions need a literal, as
// event == "push", at a place that is read once for all of them. It never changes, and is safe for concurrent use.
type Index struct {
	places []indexedPlace
	most   int     // steps that looking at a place may take for the index to hold
	always []int32 // conditions without needs
	all    []int32
}

type indexedPlace struct {
	at         *place
	short      bool            // its text must be, for the index to hold
	conditions map[any][]int32 // by the value they need
}

// NewIndex makes an index of conditions; a nil one is always true.
func NewIndex(conditions []*Program) *Index {
	x := &Index{all: make([]int32, len(conditions)), most: math.MaxInt}
	b := builder{index: x, places: map[string]int{}}
	for i, p := range conditions {
		x.all[i] = int32(i)
		if p != nil && p.needs != nil {
			b.count(p.needs)
		}
	}
	for i, p := range conditions {
		if p == nil || p.needs == nil {
			x.always = append(x.always, int32(i))
		} else {
			b.add(int32(i), p.needs)
		}
	}
	return x
}

// Candidates are the conditions, by their places in the list and in its order, that may be true for the event, or be an
// error: each of the others is false. They are valid until the next call with env, and must not be changed.
func (x *Index) Candidates(env *Env) []int32 {
	found := env.kept.found[:0]
	for i := range x.places {
		p := &x.places[i]
		r := run{env: env, limit: math.MaxInt}
		v := p.at.scalar(&r)
		if text, _ := v.(string); r.steps > x.most || p.short && len(text) > maxText {
			return x.all
		}
		found = append(found, p.conditions[v]...)
	}
	if len(found) == 0 {
		return x.always
	}
	found = append(found, x.always...)
	slices.Sort(found)
	env.kept.found = slices.Compact(found) // a condition may need one of several values
	return env.kept.found
}

// builder chooses for each condition the clause that it shares with the fewest others.
type builder struct {
	index  *Index
	places map[string]int // in the index
	often  []map[any]int  // by place: how many conditions need a value
}

func (b *builder) count(n *necessary) {
	for _, at := range n.places {
		b.place(at)
	}
	for _, at := range n.texts {
		b.index.places[b.place(at)].short = true
	}
	for _, c := range n.clauses {
		for _, n := range c {
			b.often[b.place(n.at)][n.value]++
		}
	}
	b.index.most = min(b.index.most, (FreeSteps-n.steps)/len(n.places))
}

func (b *builder) place(at *place) int {
	i, known := b.places[at.id]
	if !known {
		i = len(b.index.places)
		b.places[at.id] = i
		b.index.places = append(b.index.places, indexedPlace{at: at, conditions: map[any][]int32{}})
		b.often = append(b.often, map[any]int{})
	}
	return i
}

func (b *builder) add(condition int32, n *necessary) {
	for _, x := range slices.MinFunc(n.clauses, b.compare) {
		to := b.index.places[b.place(x.at)].conditions
		to[x.value] = append(to[x.value], condition)
	}
}

func (b *builder) compare(c, d clause) int { return b.shared(c) - b.shared(d) }

// shared is how many conditions an event that fulfils the clause leads to at most.
func (b *builder) shared(c clause) (n int) {
	for _, x := range c {
		n += b.often[b.place(x.at)][x.value]
	}
	return n
}
