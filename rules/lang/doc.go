// Package lang is the expression language of the rules: it compiles an expression once, and runs it against one event
// under a step, memory and output budget. It decodes payloads only as far as expressions ask. It knows neither the
// file nor routes: positions in its errors count from the start of the expression.
//
// The language is that of expr-lang/expr, with these differences:
//   - x.y, x[y] and x?.y are nil for what is missing, out of range, or no container.
//   - Header names are looked up in any case, by headers["X-Name"] as by header("X-Name").
//   - In a condition, comparing nil or values of different kinds is false, a predicate over nil sees an empty list, and
//     what is computed of nil is nil. In a transform or text, using nil is an error that names it. nil is false wherever
//     true or false is asked for, and ==, != and ?? take it everywhere.
//   - Integers don't overflow, nothing divides by zero, and no result is NaN or infinite: these are errors.
//   - Strings are counted, searched and sliced by characters. keys, values and toPairs are sorted, sort and sortBy keep
//     the places of equal elements, groupBy makes a map with text as keys.
//   - There is no clock, environment or randomness; times are UTC; the pattern of matches is a literal.
package lang
