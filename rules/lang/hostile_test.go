package lang

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// bombs are expressions that eat all memory or time where nothing is counted. Each must end in an error or soon.
var bombs = []string{
	`repeat(body.s, 1000)`,
	`repeat(repeat(repeat("aaaaaaaaaa", 100000), 100000), 100000)`,
	`reduce(body.n, reduce(body.n, 1), 0)`, `toJSON(body)`, `toJSON(body.deep)`,
	`reduce(body.n, #acc + body.s, "")`,
	`reduce(body.n, #acc + #acc, "a")`,
	`reduce(body.n, concat(#acc, #acc), [1])`,
	`reduce(body.n, [#acc, #acc], [1])`,
	`toJSON(reduce(body.n, [#acc, #acc], [1]))`,
	`reduce(1..60, [#acc, #acc], [1]) == reduce(1..60, [#acc, #acc], [1])`,
	`reduce(body.n, [#acc], 1)`, `toJSON(reduce(body.n, [#acc], 1))`, `flatten(reduce(body.n, [#acc], []))`,
	`flatten(reduce(1..40, [#acc, #acc], [1]))`,
	`reduce(body.n, {{a: #acc, b: #acc}}, 1)`,
	`all(body.n, all(body.n, all(body.n, # == 1)))`,
	`any(body.words, any(body.words, # == "x"))`,
	`map(body.n, map(body.n, 1))`, `map(body.n, body.n)`, `map(body.n, [#, #, #])`,
	`filter(body.n, any(body.n, # > 1))`, `sortBy(body.n, sum(body.n))`, `groupBy(body.n, len(body.n))`,
	`sort(body.n)`, `sort(reverse(body.words))`, `uniq(body.lists)`, `uniq(map(body.n, #index))`, `body.lists == reverse(reverse(body.lists))`,
	`1..9223372036854775807`, `-9223372036854775807..9223372036854775807`, `0..300000`, `map(1..100000, 1..1000)`,
	`split(body.s, "")`, `split(body.s, "a")`, `splitAfter(body.s, "a")`, `replace(body.s, "a", body.s)`, `replace(body.s, "", body.s)`,
	`join(map(body.words, body.s))`, `join(body.words, body.s)`,
	`map(body.words, upper(body.s))`, `map(body.words, body.s contains "aaaaaaaaaab")`, `map(body.words, body.s matches "(a+a+)+b")`,
	`body.s matches "(a|aa|aaa)*b"`, `body.s matches "a{1000}b"`, `body.s matches "(a?){300}a{300}$"`, `body.s matches ".*.*.*.*=.*"`,
	`map(body.n, sha256(body.s))`, `map(body.n, b64(body.s))`, `hex(hex(hex(hex(body.s))))`,
	`map(body.n, json(raw))`, `json(raw)`, `map(body.n, raw)`, `map(body.words, body.s == body.s + "b")`, `map(body.words, body.s < body.s)`,
	`map(body.n, len(body.s))`, `map(body.words, body.s[1:])`, `map(body.words, indexOf(body.s, "b"))`, `map(body.n, trim(body.s, "a"))`,
	`map(body.n, body.n in body.n)`, `map(body.n, "x" in body.words)`, `map(body.n, keys(body))`, `map(body.n, headers)`,
	`fromPairs(map(body.n, [string(#index), body]))`, `concat(body.n, body.n, body.n, body.n, body.n, body.n, body.n, body.n)`,
	`max(body.n, body.n)`, `mean(body.n)`, `median(body.n)`, `bitshl(1, 9223372036854775807)`, `2 ** 9223372036854775807`,
	`map(body.n, duration("1h") * 9223372036854775807)`, `received_at.Format(body.s)`, `map(body.words, received_at.Format(body.s))`,
	`let a = [body, body]; let b = [a, a]; let c = [b, b]; let d = [c, c]; let e = [d, d]; toJSON(e)`,
	`find(body.n, none(body.n, # == 2))`, `findLastIndex(body.n, one(body.n, # == 2))`, `count(body.n, count(body.n) == 1)`,
	`date(body.s)`, `int(body.s)`, `float(body.s)`, `url_escape(body.s + body.s)`, `fromBase64(body.s)`, `duration(body.s)`,
}

// TestSourcesAreBounded compiles what would overflow the stack of a parser, or take it for ever.
func TestSourcesAreBounded(t *testing.T) {
	many := func(s string) string { return strings.Repeat(s, 60_000/len(s)) }
	deep := []string{
		"parentheses", "brackets", "braces", "calls", "not", "not words", "minus", "mixed prefix", "prefix in brackets", "ternary",
		"let", "if", "nested if", "power", "predicates",
	}
	doubling := "1"
	for range 40 {
		doubling = "0 < (" + doubling + ") < 9"
	}
	for name, src := range map[string]string{
		"a million parentheses": strings.Repeat("(", 1_000_000), "parentheses": many("("), "closed": many("(") + "1" + many(")"),
		"brackets": many("["), "braces": many("{a:"), "calls": many("len("), "not": many("!") + "true", "not words": many("not ") + "true",
		"minus": many("-") + "1", "mixed prefix": many("!-+") + "1", "prefix in brackets": many("!(") + "true", "ternary": many("true?1:"),
		"middle ternary": many("true?"), "let": many("let a=1;"), "if": many("if true {1} else ") + "{1}", "nested if": many("if true {"),
		"power": many("1**") + "1", "members": "body" + many(".a"), "optional": "body" + many("?.a"), "indexes": "body" + many("[0]"),
		"or": many("true or ") + "true", "plus": many("1+") + "1", "coalesce": many("1??") + "1", "comparisons": many("1<") + "1",
		"doubling": doubling, "list": "[" + many("1,") + "1]", "pipes": "body" + many("|len()"), "predicates": many("map(body,"),
		"semicolons": many("1;") + "1", "comment": "/*" + many("("), "string": `"` + many("(") + `"`, "raw string": "`" + many("(") + "`",
		"bytes": "b'" + many("(") + "'", "escapes": `"` + many(`\u{110000}`) + `"`, "dots": many("."), "hashes": many("#"), "zeros": many("0"),
		"spaces": many(" "), "bad utf8": "\xff", "nul": "\x00", "slices": "body" + many("[1:2]"), "calls of calls": "body" + many(".a()"),
		"double colon": many("::len("), "map keys": "{" + many("(1):1,") + "}", "ranges": many("1..") + "1", "in": many("1 in ") + "[1]",
	} {
		began := time.Now()
		_, err := Compile(src, Transform)
		if slices.Contains(deep, name) && (err == nil || err.Error() != "the expression is nested deeper than 100") {
			t.Errorf("%s: %v", name, err)
		}
		var fault *Error
		if err != nil && !errors.As(err, &fault) {
			t.Errorf("%s: %v", name, err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("%s: %v", name, took)
		}
		t.Logf("%-20s %10v %v", name, time.Since(began).Round(10*time.Microsecond), err)
		if Span(src) > len(src) {
			t.Errorf("%s: span beyond the end", name)
		}
	}
}
