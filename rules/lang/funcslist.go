package lang

import (
	"maps"
	"slices"
	"unicode/utf8"
)

func fnLen(r *run, s *site, args []any) any {
	switch v := args[0].(type) {
	case string:
		r.read(len(v))
		return utf8.RuneCountInString(v)
	case []byte:
		return len(v)
	case []any:
		return len(v)
	}
	if m, is := asMap(args[0]); is {
		return len(m)
	}
	s.wrong(0, args[0], "a string, list or map")
	return nil
}

func fnFirst(_ *run, s *site, args []any) any { return item(s.list(args, 0), 0) }

func fnLast(_ *run, s *site, args []any) any { return item(s.list(args, 0), -1) }

func fnTake(_ *run, s *site, args []any) any {
	list, n := s.list(args, 0), s.int(args, 1)
	n = min(max(n, 0), len(list))
	return list[:n:n]
}

func fnReverse(r *run, s *site, args []any) any {
	list := s.list(args, 0)
	r.growList(len(list))
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// growList counts the making of a list.
func (r *run) growList(n int) {
	r.grow(16 * n)
	r.step(n)
}

func fnConcat(r *run, s *site, args []any) any {
	out := []any{}
	for i := range args {
		list := s.list(args, i)
		r.growList(len(list))
		out = append(out, list...)
	}
	return out
}

// fnFlatten unpacks lists within a list, all the way down.
func fnFlatten(r *run, s *site, args []any) any {
	return s.flatten(r, []any{}, s.list(args, 0), 0)
}

func (s *site) flatten(r *run, out, list []any, depth int) []any {
	if depth > maxValue {
		s.failAt(0, "is nested too deeply")
	}
	r.growList(len(list))
	for _, v := range list {
		if inner, is := v.([]any); is {
			out = s.flatten(r, out, inner, depth+1)
		} else {
			out = append(out, v)
		}
	}
	return out
}

// fnUniq keeps the first of equal values.
func fnUniq(r *run, s *site, args []any) any {
	list := s.list(args, 0)
	r.growList(3 * len(list))
	out, texts := []any{}, map[string]bool{}
	var others []any
	for _, v := range list {
		if text, is := v.(string); is {
			if !texts[text] {
				texts[text] = true
				out = append(out, v)
			}
			continue
		}
		if !slices.ContainsFunc(others, func(o any) bool { r.step(1); return r.equal(o, v, 0) }) {
			others = append(others, v)
			out = append(out, v)
		}
	}
	return out
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }

// keysOf counts and sorts the keys of a map.
func (s *site) keysOf(r *run, args []any) (map[string]any, []string) {
	m := s.object(args, 0)
	r.growList(4 * len(m))
	return m, sortedKeys(m)
}

func fnKeys(r *run, s *site, args []any) any {
	_, keys := s.keysOf(r, args)
	out := make([]any, len(keys))
	for i, k := range keys {
		out[i] = k
	}
	return out
}

func fnValues(r *run, s *site, args []any) any {
	m, keys := s.keysOf(r, args)
	out := make([]any, len(keys))
	for i, k := range keys {
		out[i] = m[k]
	}
	return out
}

func fnToPairs(r *run, s *site, args []any) any {
	m, keys := s.keysOf(r, args)
	out := make([]any, len(keys))
	for i, k := range keys {
		out[i] = []any{k, m[k]}
	}
	return out
}

func fnFromPairs(r *run, s *site, args []any) any {
	list := s.list(args, 0)
	r.growList(4 * len(list))
	out := make(map[string]any, len(list))
	for i, v := range list {
		pair, is := v.([]any)
		if !is || len(pair) != 2 {
			s.failAt(0, "holds no pair of key and value at %d", i)
		}
		key, is := pair[0].(string)
		if !is {
			s.failAt(0, "has %s as key at %d, keys are strings", aKind(pair[0]), i)
		}
		out[key] = pair[1]
	}
	return out
}

// fnSort orders numbers, strings or times, "asc" or "desc"; equal ones keep their places.
func fnSort(r *run, s *site, args []any) any {
	list := slices.Clone(s.list(args, 0))
	r.growList(len(list))
	slices.SortStableFunc(list, s.sorter(r, args, 1, func(v any) any { return v }))
	return list
}

// fnSortBy gets pairs of sort key and value.
func fnSortBy(r *run, s *site, args []any) any {
	pairs := s.list(args, 0)
	r.growList(len(pairs))
	slices.SortStableFunc(pairs, s.sorter(r, args, 1, func(v any) any { return v.([]any)[0] }))
	out := make([]any, len(pairs))
	for i, p := range pairs {
		out[i] = p.([]any)[1]
	}
	return out
}

func (s *site) sorter(r *run, args []any, i int, key func(any) any) func(a, b any) int {
	sign := 1
	if len(args) > i {
		switch args[i] {
		case "asc":
		case "desc":
			sign = -1
		default:
			s.failAt(i, `is neither "asc" nor "desc"`)
		}
	}
	return func(a, b any) int {
		r.step(1)
		a, b = key(a), key(b)
		order, ok := r.order(a, b)
		if !ok {
			s.fail("cannot sort %s and %s", aKind(a), aKind(b))
		}
		return sign * order
	}
}

// fnGroupBy gets pairs of key and value, and makes a map from the text of the key to the values.
func fnGroupBy(r *run, s *site, args []any) any {
	pairs := s.list(args, 0)
	r.growList(4 * len(pairs))
	out := map[string]any{}
	for _, p := range pairs {
		pair := p.([]any)
		key, ok := scalarText(pair[0])
		if !ok {
			s.fail("cannot group by %s", aKind(pair[0]))
		}
		group, _ := out[key].([]any)
		out[key] = append(group, pair[1])
	}
	return out
}

func opMap(r *run, s *site, args []any) any {
	r.growList(4 * len(args))
	m := make(map[string]any, len(args)/2)
	for i := 0; i < len(args); i += 2 {
		key, is := args[i].(string)
		if !is {
			s.failAt(i, "is %s, the key of a map is a string", aKind(args[i]))
		}
		m[key] = args[i+1]
	}
	return m
}
