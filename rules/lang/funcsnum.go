package lang

import (
	"math"
	"strconv"
	"strings"
)

func fnInt(r *run, s *site, args []any) any {
	switch v := args[0].(type) {
	case int:
		return v
	case float64:
		if v >= 1<<63 || v < -1<<63 {
			s.failAt(0, "is too large for an int")
		}
		return int(v)
	case string:
		r.read(8 * len(v))
		i, err := strconv.Atoi(strings.TrimSpace(v))
		if err != nil {
			s.failAt(0, "is no int")
		}
		return i
	}
	s.wrong(0, args[0], "a number or string")
	return nil
}

func fnFloat(r *run, s *site, args []any) any {
	if text, is := args[0].(string); is {
		r.read(8 * len(text))
		f, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
			s.failAt(0, "is no number")
		}
		return f
	}
	return s.float(args, 0)
}

func fnAbs(_ *run, s *site, args []any) any {
	switch v := args[0].(type) {
	case float64:
		return math.Abs(v)
	case int:
		if v < 0 {
			return subtractInts(s, 0, v)
		}
		return v
	}
	return s.float(args, 0)
}

func rounding(round func(float64) float64) impl {
	return func(_ *run, s *site, args []any) any { return round(s.float(args, 0)) }
}

// spread gives the numbers of all arguments, lists opened.
func (s *site) spread(r *run, args []any) []any {
	out := []any{}
	for i, v := range args {
		list, is := v.([]any)
		if !is {
			list = []any{v}
		}
		r.growList(len(list))
		for _, n := range list {
			if !isNumber(n) {
				s.wrong(i, v, "numbers or lists of numbers")
			}
		}
		out = append(out, list...)
	}
	return out
}

// extreme makes min and max; of nothing they are nil.
func extreme(sign int) impl {
	return func(r *run, s *site, args []any) any {
		var best any
		for i, v := range s.spread(r, args) {
			if order, _ := compareNumbers(v, best); i == 0 || order*sign > 0 {
				best = v
			}
		}
		return best
	}
}

func fnSum(r *run, s *site, args []any) any {
	var sum any = 0
	for i, v := range s.list(args, 0) {
		r.step(1)
		if !isNumber(v) {
			s.failAt(0, "holds %s at %d, sum takes numbers", aKind(v), i)
		}
		sum = s.numbers([]any{sum, v}, addInts, func(x, y float64) float64 { return x + y })
	}
	return sum
}

func fnMean(r *run, s *site, args []any) any {
	numbers := s.spread(r, args)
	if len(numbers) == 0 {
		return 0.0
	}
	sum := 0.0
	for i := range numbers {
		sum += s.float(numbers, i)
	}
	return s.finite(sum / float64(len(numbers)))
}

func fnMedian(r *run, s *site, args []any) any {
	numbers := fnSort(r, s, []any{s.spread(r, args)}).([]any)
	n := len(numbers)
	switch {
	case n == 0:
		return 0.0
	case n%2 == 1:
		return s.float(numbers, n/2)
	}
	return s.finite(s.float(numbers, n/2-1)/2 + s.float(numbers, n/2)/2)
}

func bitwise(op func(s *site, x, y int) int) impl {
	return func(_ *run, s *site, args []any) any { return op(s, s.int(args, 0), s.int(args, 1)) }
}

func fnBitNot(_ *run, s *site, args []any) any { return ^s.int(args, 0) }

// shift checks the count of a shift.
func (s *site) shift(y int) uint {
	if y < 0 {
		s.failAt(1, "is negative")
	}
	return uint(y)
}
