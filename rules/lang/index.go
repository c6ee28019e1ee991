package lang

import "slices"

// Index tells which of many conditions an event may fulfil, without running them: most conditions need a literal, as
// event == "push", at a place that is read once for all of them. It never changes, and is safe for concurrent use.
type Index struct {
	texts  []*place // that must be short for the index to hold
	places []indexedPlace
	always []int32 // without a need
	all    []int32
}

type indexedPlace struct {
	at         *place
	conditions map[any][]int32 // by the value they need
}

// NewIndex makes an index of conditions; a nil one is always true.
func NewIndex(conditions []*Program) *Index {
	x := &Index{all: make([]int32, len(conditions))}
	b := builder{index: x, places: map[string]int{}, texts: map[string]bool{}}
	for i, p := range conditions {
		x.all[i] = int32(i)
		b.count(p)
	}
	for i, p := range conditions {
		b.add(int32(i), p)
	}
	x.places = slices.DeleteFunc(x.places, func(p indexedPlace) bool { return len(p.conditions) == 0 })
	return x
}

// Candidates are the conditions, by their places in the list and in its order, that may be true for the event, or be an
// error: each of the others is false. They are valid until the next call with env, and must not be changed.
func (x *Index) Candidates(env *Env) []int32 {
	for _, p := range x.texts {
		if text, is := p.read(env).(string); is && len(text) > maxText {
			return x.all
		}
	}
	found := env.kept.found[:0]
	for i := range x.places {
		p := &x.places[i]
		found = append(found, p.conditions[p.at.read(env)]...)
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
	places map[string]int  // in the index
	texts  map[string]bool // in the index
	often  []map[any]int   // by place: how many conditions need a value
}

func (b *builder) count(p *Program) {
	if p == nil {
		return
	}
	for _, c := range p.needs {
		for _, n := range c {
			b.often[b.place(n.at)][n.value]++
		}
	}
}

func (b *builder) place(at *place) int {
	id := at.id()
	i, known := b.places[id]
	if !known {
		i = len(b.index.places)
		b.places[id] = i
		b.index.places = append(b.index.places, indexedPlace{at, map[any][]int32{}})
		b.often = append(b.often, map[any]int{})
	}
	return i
}

func (b *builder) add(condition int32, p *Program) {
	if p == nil || len(p.needs) == 0 {
		b.index.always = append(b.index.always, condition)
		return
	}
	for _, n := range slices.MinFunc(p.needs, b.compare) {
		to := b.index.places[b.place(n.at)].conditions
		to[n.value] = append(to[n.value], condition)
	}
	for _, at := range p.texts {
		if !b.texts[at.id()] {
			b.texts[at.id()] = true
			b.index.texts = append(b.index.texts, at)
		}
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
