package lang

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// impl does the work of an operation. It reports a fault by [site.fail].
type impl func(r *run, s *site, args []any) any

// spec is one operation.
type spec struct {
	min, max int // number of arguments
	// takesNil lets nil arguments through. Otherwise a nil argument is an error in a transform, and in a condition the
	// result is missing.
	takesNil bool
	missing  any
	run      impl
}

const many = math.MaxInt

// functions are the functions of the language. Predicates (all, filter, …) are expr's own, see [predicates].
// The table is only read.
var functions = map[string]spec{
	"header": {min: 1, max: 1, run: fnHeader}, "skip": {min: 1, max: 1, run: fnSkip},
	"json": {min: 1, max: 1, run: fnJSON}, "toJSON": {min: 1, max: 1, takesNil: true, run: fnToJSON},
	"bytes": {min: 1, max: 1, run: fnBytes}, "b64": {min: 1, max: 1, run: fnB64},
	"hex": {min: 1, max: 1, run: fnHex}, "sha256": {min: 1, max: 1, run: fnSHA256},
	"url_escape": {min: 1, max: 1, run: fnURLEscape}, "form": {min: 1, max: 1, run: fnForm},
	"toBase64": {min: 1, max: 1, run: fnB64}, "fromBase64": {min: 1, max: 1, run: fnFromBase64},

	"string": {min: 1, max: 1, run: fnString}, "trim": {min: 1, max: 2, run: fnTrim},
	"trimPrefix": {min: 1, max: 2, run: fnTrimPrefix}, "trimSuffix": {min: 1, max: 2, run: fnTrimSuffix},
	"upper": {min: 1, max: 1, run: fnUpper}, "lower": {min: 1, max: 1, run: fnLower},
	"split": {min: 2, max: 3, run: fnSplit}, "splitAfter": {min: 2, max: 3, run: fnSplitAfter},
	"replace": {min: 3, max: 4, run: fnReplace}, "repeat": {min: 2, max: 2, run: fnRepeat},
	"join":    {min: 1, max: 2, run: fnJoin},
	"indexOf": {min: 2, max: 2, run: fnIndexOf}, "lastIndexOf": {min: 2, max: 2, run: fnLastIndexOf},
	"hasPrefix": {min: 2, max: 2, missing: false, run: textTest(strings.HasPrefix)},
	"hasSuffix": {min: 2, max: 2, missing: false, run: textTest(strings.HasSuffix)},

	"len": {min: 1, max: 1, missing: 0, run: fnLen}, "type": {min: 1, max: 1, takesNil: true, run: fnType},
	"first": {min: 1, max: 1, run: fnFirst}, "last": {min: 1, max: 1, run: fnLast},
	"get": {min: 2, max: 2, takesNil: true, run: opGet}, "take": {min: 2, max: 2, run: fnTake},
	"reverse": {min: 1, max: 1, run: fnReverse}, "concat": {min: 1, max: many, run: fnConcat},
	"flatten": {min: 1, max: 1, run: fnFlatten}, "uniq": {min: 1, max: 1, run: fnUniq},
	"keys": {min: 1, max: 1, run: fnKeys}, "values": {min: 1, max: 1, run: fnValues},
	"toPairs": {min: 1, max: 1, run: fnToPairs}, "fromPairs": {min: 1, max: 1, run: fnFromPairs},
	"sort": {min: 1, max: 2, run: fnSort},

	"int": {min: 1, max: 1, run: fnInt}, "float": {min: 1, max: 1, run: fnFloat}, "abs": {min: 1, max: 1, run: fnAbs},
	"ceil": {min: 1, max: 1, run: rounding(math.Ceil)}, "floor": {min: 1, max: 1, run: rounding(math.Floor)},
	"round": {min: 1, max: 1, run: rounding(math.Round)},
	"max":   {min: 1, max: many, run: extreme(1)}, "min": {min: 1, max: many, run: extreme(-1)},
	"mean": {min: 1, max: many, run: fnMean}, "median": {min: 1, max: many, run: fnMedian},
	"bitand":  {min: 2, max: 2, run: bitwise(func(_ *site, x, y int) int { return x & y })},
	"bitor":   {min: 2, max: 2, run: bitwise(func(_ *site, x, y int) int { return x | y })},
	"bitxor":  {min: 2, max: 2, run: bitwise(func(_ *site, x, y int) int { return x ^ y })},
	"bitnand": {min: 2, max: 2, run: bitwise(func(_ *site, x, y int) int { return x &^ y })},
	"bitnot":  {min: 1, max: 1, run: fnBitNot},
	"bitshl":  {min: 2, max: 2, run: bitwise(func(s *site, x, y int) int { return x << s.shift(y) })},
	"bitshr":  {min: 2, max: 2, run: bitwise(func(s *site, x, y int) int { return x >> s.shift(y) })},
	"bitushr": {min: 2, max: 2, run: bitwise(func(s *site, x, y int) int { return int(uint(x) >> s.shift(y)) })},

	"date": {min: 1, max: 2, run: fnDate}, "duration": {min: 1, max: 1, run: fnDuration},
}

// operators are the binary operators but for and, or and ??, which expr's machine jumps over. The table is only read.
var operators = map[string]spec{
	"==": {takesNil: true, run: opEqual}, "!=": {takesNil: true, run: opDiffer},
	"<":  {missing: false, run: ordering(func(o int) bool { return o < 0 })},
	">":  {missing: false, run: ordering(func(o int) bool { return o > 0 })},
	"<=": {missing: false, run: ordering(func(o int) bool { return o <= 0 })},
	">=": {missing: false, run: ordering(func(o int) bool { return o >= 0 })},
	"in": {missing: false, run: opIn}, "matches": {missing: false, run: opMatches},
	"contains":   {missing: false, run: textTest(strings.Contains)},
	"startsWith": {missing: false, run: textTest(strings.HasPrefix)},
	"endsWith":   {missing: false, run: textTest(strings.HasSuffix)},
	"+":          {run: opAdd}, "-": {run: opSubtract}, "*": {run: opMultiply}, "/": {run: opDivide},
	"%": {run: opModulo}, "**": {run: opPower}, "^": {run: opPower}, "..": {run: opRange},
}

// predicates are expr's functions that take an expression, with the number of arguments that they may have.
var predicates = map[string]int{
	"all": 2, "none": 2, "any": 2, "one": 2, "filter": 2, "map": 2, "count": 2, "sum": 2, "find": 2, "findIndex": 2,
	"findLast": 2, "findLastIndex": 2, "groupBy": 2, "sortBy": 3, "reduce": 3,
}

// refused are functions that expr has and this language has not, with what to use instead.
var refused = map[string]string{
	"now":      "an expression has no clock, so that every attempt sends the same: use received_at",
	"timezone": "times are UTC: an expression does not depend on the machine's time zones",
	"fromJSON": "use json(text)",
}

// variables are what an expression sees of an event. The place in the list is what the program carries.
var variables = []string{
	"source", "event", "id", "body", "headers", "headers_all", "query", "query_all", "path", "method", "raw",
	"received_at", "remote_ip",
}

// Names lists everything that an expression can reach, sorted: variables, functions with "()", methods of times with a
// "." before and "()" after.
func Names() []string {
	names := slices.Clone(variables)
	for name := range functions {
		names = append(names, name+"()")
	}
	for name := range predicates {
		names = append(names, name+"()")
	}
	for _, name := range methodNames() {
		names = append(names, "."+name+"()")
	}
	slices.Sort(names)
	return names
}

func functionNames() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for name := range maps.Keys(functions) {
			if !yield(name) {
				return
			}
		}
		for name := range maps.Keys(predicates) {
			if !yield(name) {
				return
			}
		}
	})
}

// methodHint helps with a method that is none: what is one elsewhere stands between its operands here, or is a function.
func methodHint(name string) string {
	switch name {
	case "startsWith", "endsWith", "contains", "matches":
		return fmt.Sprintf("it stands between: a %s b", name)
	case "includes":
		return "for a string write: a contains b, for a list: value in list"
	}
	if _, is := functions[name]; is || slices.Contains([]string{"map", "filter", "any", "all", "find", "count"}, name) {
		return fmt.Sprintf("it is a function: %s(value, …)", name)
	}
	return suggest(name, methodNames())
}

// suggest says which of the names was probably meant, as a hint.
func suggest(name string, among []string) string {
	best, least := "", len(name)/3
	for _, candidate := range among {
		if d := distance(strings.ToLower(name), strings.ToLower(candidate), least); d <= least && (best == "" || d < least) {
			best, least = candidate, d
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// distance counts the edits between two words: insert, delete, replace, swap. Beyond limit it is not exact.
func distance(a, b string, limit int) int {
	if max(len(a)-len(b), len(b)-len(a)) > limit || len(a) > 64 || len(b) > 64 {
		return limit + 1
	}
	var rows [3][65]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, prev, before := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(row[j-1]+1, prev[j]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
