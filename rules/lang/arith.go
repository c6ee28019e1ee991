package lang

import (
	"math"
	"math/bits"
	"time"
)

// opAdd is x + y: numbers, strings, times and durations.
func opAdd(r *run, s *site, args []any) any {
	switch x := args[0].(type) {
	case string:
		if y, is := args[1].(string); is {
			r.grow(len(x) + len(y))
			return x + y
		}
	case time.Time:
		if y, is := args[1].(time.Duration); is {
			return x.Add(y)
		}
	case time.Duration:
		switch y := args[1].(type) {
		case time.Duration:
			return time.Duration(addInts(s, int(x), int(y)))
		case time.Time:
			return y.Add(x)
		}
	}
	return s.numbers(args, addInts, func(x, y float64) float64 { return x + y })
}

func opSubtract(_ *run, s *site, args []any) any {
	switch x := args[0].(type) {
	case time.Time:
		switch y := args[1].(type) {
		case time.Time:
			return x.Sub(y)
		case time.Duration:
			return x.Add(-y)
		}
	case time.Duration:
		if y, is := args[1].(time.Duration); is {
			return time.Duration(subtractInts(s, int(x), int(y)))
		}
	}
	return s.numbers(args, subtractInts, func(x, y float64) float64 { return x - y })
}

func opMultiply(_ *run, s *site, args []any) any {
	x, isX := args[0].(time.Duration)
	y, isY := args[1].(time.Duration)
	switch {
	case isX && !isY:
		return time.Duration(multiplyInts(s, int(x), s.int(args, 1)))
	case isY && !isX:
		return time.Duration(multiplyInts(s, s.int(args, 0), int(y)))
	}
	return s.numbers(args, multiplyInts, func(x, y float64) float64 { return x * y })
}

// opDivide is x / y, a float as in expr.
func opDivide(_ *run, s *site, args []any) any {
	x, y := s.float(args, 0), s.float(args, 1)
	if y == 0 {
		s.fail("division by zero: %s", s.both())
	}
	return s.finite(x / y)
}

func opModulo(_ *run, s *site, args []any) any {
	x, y := s.int(args, 0), s.int(args, 1)
	switch y {
	case 0:
		s.fail("division by zero: %s", s.both())
	case -1:
		return 0 // the smallest int has no positive
	}
	return x % y
}

func opPower(_ *run, s *site, args []any) any {
	return s.finite(math.Pow(s.float(args, 0), s.float(args, 1)))
}

func opNegate(_ *run, s *site, args []any) any {
	switch x := args[0].(type) {
	case time.Duration:
		return time.Duration(subtractInts(s, 0, int(x)))
	case float64:
		return -x
	}
	return subtractInts(s, 0, s.int(args, 0))
}

func opPlus(_ *run, s *site, args []any) any {
	s.float(args, 0)
	return args[0]
}

// opRange is x..y, a list of ints.
func opRange(r *run, s *site, args []any) any {
	from, to := s.int(args, 0), s.int(args, 1)
	if from > to {
		return []any{}
	}
	n := uint64(to) - uint64(from)
	if n >= MaxMemory {
		n = MaxMemory // refused by grow
	}
	r.grow(24 * (int(n) + 1))
	list := make([]any, 0, n+1)
	for i := range int(n) + 1 {
		list = append(list, from+i)
	}
	return list
}

// numbers computes with ints while both are, and with floats otherwise.
func (s *site) numbers(args []any, ints func(s *site, x, y int) int, floats func(x, y float64) float64) any {
	x, isX := args[0].(int)
	y, isY := args[1].(int)
	if isX && isY {
		return ints(s, x, y)
	}
	if !isNumber(args[0]) || !isNumber(args[1]) {
		hint := ""
		if s.what == "+" && (kindOf(args[0]) == "string" || kindOf(args[1]) == "string") {
			hint = ", string() makes text of a number"
		}
		s.fail("cannot use %s with %s and %s: %s%s", s.what, aKind(args[0]), aKind(args[1]), s.both(), hint)
	}
	return s.finite(floats(s.float(args, 0), s.float(args, 1)))
}

func isNumber(v any) bool {
	k := kindOf(v)
	return k == "int" || k == "float"
}

func (s *site) float(args []any, i int) float64 {
	switch v := args[i].(type) {
	case int:
		return float64(v)
	case float64:
		return v
	}
	s.wrong(i, args[i], "a number")
	return 0
}

func (s *site) finite(f float64) float64 {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		s.fail("the result is no number: %s", s.both())
	}
	return f
}

func addInts(s *site, x, y int) int {
	sum := x + y
	if (sum > x) != (y > 0) && y != 0 {
		s.fail("integer overflow: %s", s.both())
	}
	return sum
}

func subtractInts(s *site, x, y int) int {
	difference := x - y
	if (difference < x) != (y > 0) && y != 0 {
		s.fail("integer overflow: %s", s.both())
	}
	return difference
}

func multiplyInts(s *site, x, y int) int {
	high, low := bits.Mul64(magnitude(x), magnitude(y))
	negative := (x < 0) != (y < 0)
	if high != 0 || low > 1<<63 || (low == 1<<63 && !negative) {
		s.fail("integer overflow: %s", s.both())
	}
	return x * y
}

func magnitude(x int) uint64 {
	if x < 0 {
		return -uint64(x)
	}
	return uint64(x)
}
