package lang

import (
	"fmt"
	"hash/maphash"
)

// pairwise is up to how many keys are compared each with each: cheaper than a table.
const pairwise = 8

// distinct says whether the keys of the object whose count members begin at first are all different once unescaped.
func (s *scanner) distinct(first, count int) error {
	if s.anyEscaped(first, count) {
		return s.distinctEscaped(first, count)
	}
	if count <= pairwise {
		return s.distinctPairs(first, count)
	}
	// The table is open addressing over places on the tape. Its hash is seeded, so that a payload cannot choose
	// keys that collide.
	size := 32
	for size < 2*count {
		size *= 2
	}
	if s.table == nil {
		s.seed = maphash.MakeSeed()
	}
	if len(s.table) < size {
		s.table = make([]uint32, size)
	}
	table := s.table[:size]
	clear(table)
	for at := first; count > 0; count-- {
		v := &s.tape[at]
		key := s.text[v.key:v.keyEnd]
		slot := int(maphash.String(s.seed, key)) & (size - 1)
		for ; table[slot] != 0; slot = (slot + 1) & (size - 1) {
			if o := &s.tape[table[slot]]; s.text[o.key:o.keyEnd] == key {
				return s.duplicate(v, key)
			}
		}
		table[slot] = uint32(at)
		at = int(v.next)
	}
	return nil
}

func (s *scanner) distinctPairs(first, count int) error {
	at := first
	for i := range count {
		v := &s.tape[at]
		key := s.text[v.key:v.keyEnd]
		other := first
		for range i {
			o := &s.tape[other]
			if s.text[o.key:o.keyEnd] == key {
				return s.duplicate(v, key)
			}
			other = int(o.next)
		}
		at = int(v.next)
	}
	return nil
}

func (s *scanner) anyEscaped(first, count int) bool {
	for at := first; count > 0; count-- {
		if s.tape[at].flags&keyEscaped != 0 {
			return true
		}
		at = int(s.tape[at].next)
	}
	return false
}

func (s *scanner) distinctEscaped(first, count int) error {
	seen := make(map[string]struct{}, count)
	for at := first; count > 0; count-- {
		v := &s.tape[at]
		key := v.name(s.text)
		if _, is := seen[key]; is {
			return s.duplicate(v, key)
		}
		seen[key] = struct{}{}
		at = int(v.next)
	}
	return nil
}

func (s *scanner) duplicate(v *value, key string) error {
	if len(key) > 40 {
		key = key[:40] + "…"
	}
	return &syntaxError{int(v.key) - 1, fmt.Sprintf("duplicate key %q", key)}
}
