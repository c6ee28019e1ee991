package lang

import (
	"strings"
	"unicode/utf8"
)

// folded is a map whose keys are kept in lower case and looked up in any case: the headers.
type folded map[string]any

// step is one member access whose key or index is known when compiling.
type step struct {
	isKey bool
	key   string
	index int
}

func (p step) of(v any) any {
	if p.isKey {
		return member(v, p.key)
	}
	return item(v, p.index)
}

// member is what is under a key; nil when there is nothing, or v holds no keys.
func member(v any, key string) any {
	switch m := v.(type) {
	case map[string]any:
		return m[key]
	case folded:
		return m[strings.ToLower(key)]
	}
	return nil
}

// item is what is at an index, from the end when it is negative; nil when there is nothing, or v is no list.
func item(v any, index int) any {
	list, is := v.([]any)
	if index < 0 {
		index += len(list)
	}
	if !is || index < 0 || index >= len(list) {
		return nil
	}
	return list[index]
}

func asMap(v any) (map[string]any, bool) {
	switch m := v.(type) {
	case map[string]any:
		return m, true
	case folded:
		return m, true
	}
	return nil, false
}

// opGet is x[y]: nil for whatever is missing, out of range, or no container.
func opGet(_ *run, _ *site, args []any) any {
	switch k := args[1].(type) {
	case string:
		return member(args[0], k)
	case int:
		return item(args[0], k)
	case float64:
		if n := int(k); float64(n) == k {
			return item(args[0], n)
		}
	}
	return nil
}

// opSlice is x[from:to] of a list or of the characters of a string, cut to what there is.
func opSlice(r *run, s *site, args []any) any {
	switch v := args[0].(type) {
	case []any:
		from, to := s.bounds(args, len(v))
		return v[from:to:to]
	case string:
		n := utf8.RuneCountInString(v)
		r.read(len(v))
		from, to := s.bounds(args, n)
		if n == len(v) {
			return v[from:to]
		}
		return v[charByte(v, from):charByte(v, to)]
	}
	s.wrong(0, args[0], "a list or string")
	return nil
}

func (s *site) bounds(args []any, n int) (from, to int) {
	from, to = 0, n
	if args[1] != nil {
		from = clampIndex(s.int(args, 1), n)
	}
	if args[2] != nil {
		to = clampIndex(s.int(args, 2), n)
	}
	return min(from, to), to
}

func clampIndex(i, n int) int {
	if i < 0 {
		i += n
	}
	return min(max(i, 0), n)
}

// charByte is the byte at which the n-th character of s begins.
func charByte(s string, n int) int {
	for i := range s {
		if n == 0 {
			return i
		}
		n--
	}
	return len(s)
}
