package lang

import (
	"bytes"
	"cmp"
	"strings"
	"time"
)

// equal compares by value: int and float by their number, containers by what they hold. Different kinds differ.
func (r *run) equal(a, b any, depth int) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, is := b.(bool)
		return is && a == b
	case string:
		b, is := b.(string)
		if is && len(a) == len(b) {
			r.step(len(a) / 64)
			return a == b
		}
		return false
	case int, float64:
		c, is := compareNumbers(a, b)
		return is && c == 0
	case []byte:
		b, is := b.([]byte)
		return is && bytes.Equal(a, b)
	case Form:
		b, is := b.(Form)
		return is && a == b
	case time.Time:
		b, is := b.(time.Time)
		return is && a.Equal(b)
	case time.Duration:
		b, is := b.(time.Duration)
		return is && a == b
	}
	if depth > maxValue {
		panic(&RunError{Message: "a value is nested too deeply to compare", noPlace: true})
	}
	return r.equalContainers(a, b, depth+1)
}

func (r *run) equalContainers(a, b any, depth int) bool {
	if list, is := a.([]any); is {
		other, is := b.([]any)
		if !is || len(list) != len(other) {
			return false
		}
		for i := range list {
			if r.step(1); !r.equal(list[i], other[i], depth) {
				return false
			}
		}
		return true
	}
	object, isMap := asMap(a)
	other, isOther := asMap(b)
	if !isMap || !isOther || len(object) != len(other) {
		return false
	}
	r.step(len(object))
	for _, k := range sortedKeys(object) { // sorted, so that the steps taken don't depend on chance
		v, is := other[k]
		if r.step(1); !is || !r.equal(object[k], v, depth) {
			return false
		}
	}
	return true
}

// compareNumbers orders an int or float against another, exactly.
func compareNumbers(a, b any) (order int, ok bool) {
	switch a := a.(type) {
	case int:
		switch b := b.(type) {
		case int:
			return cmp.Compare(a, b), true
		case float64:
			return compareIntFloat(a, b), true
		}
	case float64:
		switch b := b.(type) {
		case int:
			return -compareIntFloat(b, a), true
		case float64:
			return cmp.Compare(a, b), true
		}
	}
	return 0, false
}

// compareIntFloat does not round the int: 9007199254740993 is more than 9007199254740992.0.
func compareIntFloat(i int, f float64) int {
	switch {
	case f >= 1<<63:
		return -1
	case f < -1<<63:
		return 1
	}
	whole := int(f)
	if c := cmp.Compare(i, whole); c != 0 {
		return c
	}
	return cmp.Compare(0, f-float64(whole))
}

// order compares two values of one ordered kind.
func (r *run) order(a, b any) (order int, ok bool) {
	switch x := a.(type) {
	case string:
		if y, is := b.(string); is {
			r.step(min(len(x), len(y)) / 64)
			return strings.Compare(x, y), true
		}
	case time.Time:
		if y, is := b.(time.Time); is {
			return x.Compare(y), true
		}
	case time.Duration:
		if y, is := b.(time.Duration); is {
			return cmp.Compare(x, y), true
		}
	}
	return compareNumbers(a, b)
}

func opEqual(r *run, _ *site, args []any) any { return r.equal(args[0], args[1], 0) }

func opDiffer(r *run, _ *site, args []any) any { return !r.equal(args[0], args[1], 0) }

// ordering makes an operator of a test on the order. Across kinds it is false in a condition and an error elsewhere.
func ordering(holds func(order int) bool) impl {
	return func(r *run, s *site, args []any) any {
		order, ok := r.order(args[0], args[1])
		if !ok && !s.when {
			s.fail("cannot compare %s with %s: %s", aKind(args[0]), aKind(args[1]), s.both())
		}
		return ok && holds(order)
	}
}

func (s *site) both() string {
	switch {
	case len(s.operands) == 1 && s.what == "-":
		return "-" + s.operands[0].String()
	case len(s.operands) == 1:
		return s.what + "(" + s.operands[0].String() + ")"
	case len(s.operands) != 2:
		return s.what
	}
	return s.operands[0].String() + " " + s.what + " " + s.operands[1].String()
}

// opIn is x in y: an element of a list, or a key of a map.
func opIn(r *run, s *site, args []any) any {
	switch where := args[1].(type) {
	case *constants:
		return where.has(r, args[0])
	case []any:
		for _, v := range where {
			if r.step(1); r.equal(v, args[0], 0) {
				return true
			}
		}
		return false
	case folded:
		key, is := args[0].(string)
		_, has := where[strings.ToLower(key)]
		return is && has
	case map[string]any:
		key, is := args[0].(string)
		_, has := where[key]
		return is && has
	}
	if !s.when {
		s.wrong(1, args[1], "a list or map on its right")
	}
	return false
}

// constants is a literal list on the right of `in`: its strings are found in one look-up.
type constants struct {
	texts   map[string]struct{}
	longest int // of texts, in bytes
	others  []any
}

func newConstants(list []any) *constants {
	c := &constants{texts: map[string]struct{}{}}
	for _, v := range list {
		if text, is := v.(string); is {
			c.texts[text] = struct{}{}
			c.longest = max(c.longest, len(text))
		} else {
			c.others = append(c.others, v)
		}
	}
	return c
}

func (c *constants) has(r *run, v any) bool {
	if text, is := v.(string); is {
		if len(text) > c.longest {
			return false
		}
		r.step(len(text) / 64)
		_, has := c.texts[text]
		return has
	}
	for _, o := range c.others {
		if r.step(1); r.equal(o, v, 0) {
			return true
		}
	}
	return false
}

// textTest makes an operator of a test on two strings; other kinds are false in a condition and an error elsewhere.
func textTest(test func(s, part string) bool) impl {
	return func(r *run, s *site, args []any) any {
		x, isX := args[0].(string)
		y, isY := args[1].(string)
		if isX && isY {
			r.read(len(x))
			return test(x, y)
		}
		if !s.when {
			s.wrong(which(isX), args[which(isX)], "strings")
		}
		return false
	}
}

func which(firstIsRight bool) int {
	if firstIsRight {
		return 1
	}
	return 0
}

// opMatches is x matches "pattern". The pattern was compiled with the program; its work counts by its size.
func opMatches(r *run, s *site, args []any) any {
	p := args[1].(*pattern)
	switch x := args[0].(type) {
	case string:
		r.step(p.cost(len(x)))
		return p.re.MatchString(x)
	case []byte:
		r.step(p.cost(len(x)))
		return p.re.Match(x)
	}
	if !s.when {
		s.wrong(0, args[0], "a string")
	}
	return false
}
