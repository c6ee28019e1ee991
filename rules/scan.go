package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// scanExpressions looks at the lines whose key takes an expression before YAML does, because YAML reads some
// expressions as something else (`!body.draft` as a tag on nothing, `"a" == b` as a broken file) and stops at the first
// syntax error without a column. What it reports it also blanks, so that the rest of the file can be parsed.
func (p *parser) scanExpressions(text string) string {
	s := &scan{p: p, first: p.current().first}
	s.lines = slices.Clone(p.lines[s.first:])
	for s.at < len(s.lines) {
		s.line()
	}
	if !s.changed {
		return text
	}
	return strings.Join(s.lines, "\n")
}

// scan knows as much of YAML's block structure as it takes to tell which key a line belongs to, and to leave alone
// the lines inside of block scalars, quoted texts, flow collections and continued plain texts.
type scan struct {
	p       *parser
	first   int // lines of the files before
	lines   []string
	changed bool
	at      int     // index of the line under the cursor
	path    []level // the keys and list items around it
}

type level struct {
	indent int
	key    string // "-" for a list item
}

// line looks at one line, and moves to the first one after the value that begins on it.
func (s *scan) line() {
	line := s.lines[s.at]
	off := indentOf(line)
	if ends(line[off:]) || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "%") {
		s.at++
		return
	}
	parent := off - 1
	for line[off:] == "-" || strings.HasPrefix(line[off:], "- ") {
		s.pop(func(l level) bool { return l.indent > off || (l.indent == off && l.key == "-") })
		s.path = append(s.path, level{off, "-"})
		parent = off
		off++
		off += indentOf(line[off:])
	}
	if key, size := splitKey(line[off:]); size > 0 {
		if s.misplaced(off) {
			return
		}
		s.pop(func(l level) bool { return l.indent >= off })
		s.path = append(s.path, level{off, key})
		parent = off
		off += size
		off += len(line[off:]) - len(strings.TrimLeft(line[off:], " \t"))
		s.value(off, parent, s.takesExpression())
		return
	}
	if s.lacksColon(off) {
		return
	}
	s.value(off, parent, false)
}

// misplaced reports a key that is indented less than its neighbours above and more than what they belong to.
func (s *scan) misplaced(off int) bool {
	for _, l := range s.path {
		switch {
		case l.indent == off:
			return false
		case l.indent > off:
			s.p.faultAt(s.first+s.at+1, off+1, "this line is indented otherwise than those above it",
				fmt.Sprintf("indent it by %d blanks, as its neighbours, or by as many as what it belongs to", l.indent))
			s.lines[s.at], s.changed = "", true
			s.at++
			s.skipDeeper(off)
			return true
		}
	}
	return false
}

// lacksColon reports a line that can only be meant as a key and its value: the next one at its indent has a key. YAML
// takes both for one text, and complains about another line.
func (s *scan) lacksColon(off int) bool {
	line := s.lines[s.at]
	next := slices.IndexFunc(s.lines[s.at+1:], func(l string) bool { return strings.TrimSpace(l) != "" })
	if next < 0 || strings.IndexByte("\"'{[&*!|>%@`?-", line[off]) >= 0 || strings.HasPrefix(strings.TrimLeft(line, " "), "- ") {
		return false
	}
	after := s.lines[s.at+1+next]
	if _, size := splitKey(strings.TrimLeft(after, " ")); indentOf(after) != off || size == 0 {
		return false
	}
	s.p.faultAt(s.first+s.at+1, column(line, off), "this line has no colon", "write it as `key: value`, with a blank behind the colon")
	s.lines[s.at], s.changed = "", true
	s.at++
	return true
}

func (s *scan) pop(gone func(level) bool) {
	for len(s.path) > 0 && gone(s.path[len(s.path)-1]) {
		s.path = s.path[:len(s.path)-1]
	}
}

// takesExpression says whether the key under the cursor does.
func (s *scan) takesExpression() bool {
	at := make([]string, len(s.path))
	for i, l := range s.path {
		at[i] = l.key
	}
	last := at[len(at)-1]
	switch {
	case len(at) == 3 && at[0] == "routes" && at[1] == "-":
		return last == "when" || last == "transform"
	case len(at) == 4 && at[0] == "routes" && at[1] == "-":
		return at[2] == "transform" || (at[2] == "coalesce" && last == "key")
	case len(at) == 3 && at[0] == "destinations":
		return last == "order_by"
	case len(at) == 3 && (at[0] == "sources" || at[0] == "presets"):
		return last == "type" || last == "dedupe"
	}
	return false
}

var blockScalar = regexp.MustCompile(`^[|>][-+0-9]*[ \t]*( #.*)?$`)

// value looks at what stands at off in the line under the cursor; its key stands at the indent parent.
func (s *scan) value(off, parent int, expr bool) {
	v := s.lines[s.at][off:]
	if !expr {
		v = skipProperties(v)
		off = len(s.lines[s.at]) - len(v)
	}
	switch {
	case ends(v):
		s.at++
	case blockScalar.MatchString(v):
		s.at++
		s.skipDeeper(parent)
	case v[0] == '"' || v[0] == '\'':
		s.quoted(off, parent, expr)
	case !expr && (v[0] == '{' || v[0] == '['):
		s.skipFlow(off)
	case expr:
		s.plain(off, parent)
	default:
		s.at++
		s.skipDeeper(parent)
	}
}

// skipDeeper moves over lines that belong to the value of a key at the indent parent.
func (s *scan) skipDeeper(parent int) {
	for s.at < len(s.lines) {
		line := s.lines[s.at]
		if off := indentOf(line); off <= parent && strings.TrimSpace(line) != "" {
			return
		}
		s.at++
	}
}

// quoted looks at a quoted text, which must be the whole value of an expression.
func (s *scan) quoted(off, parent int, expr bool) {
	within := -1
	if expr {
		within = parent
	}
	end, after := s.quoteEnd(s.at, off, within)
	switch {
	case expr && (end < 0 || !ends(s.lines[end][after:])):
		s.report(off, "an expression that begins with a quote must be quoted as a whole", parent)
	case end < 0:
		s.at++
	default:
		s.at = end + 1
	}
}

// quoteEnd finds where a quoted text that begins at off ends: the line, and the offset after its quote; -1 when a line
// that is not deeper than parent comes first.
func (s *scan) quoteEnd(line, off, parent int) (end, after int) {
	quote, from := s.lines[line][off], off+1
	for {
		if i := closing(s.lines[line], from, quote); i >= 0 {
			return line, i + 1
		}
		line++
		if line == len(s.lines) || (indentOf(s.lines[line]) <= parent && strings.TrimSpace(s.lines[line]) != "") {
			return -1, 0
		}
		from = 0
	}
}

// closing finds the quote that ends a text in YAML, -1 when it goes on in the next line.
func closing(line string, from int, quote byte) int {
	for i := from; i < len(line); i++ {
		switch {
		case line[i] == '\\' && quote == '"':
			i++
		case line[i] == quote && quote == '\'' && strings.HasPrefix(line[i+1:], "'"):
			i++
		case line[i] == quote:
			return i
		}
	}
	return -1
}

// skipFlow moves behind the line in which a flow collection ends.
func (s *scan) skipFlow(off int) {
	depth, before := 0, byte('[')
	for ; s.at < len(s.lines); s.at, off = s.at+1, 0 {
		for i := off; i < len(s.lines[s.at]); i++ {
			line := s.lines[s.at]
			c := line[i]
			switch {
			case (c == '"' || c == '\'') && strings.IndexByte("[{,:", before) >= 0:
				end, after := s.quoteEnd(s.at, i, -1)
				if end < 0 {
					s.at = len(s.lines)
					return
				}
				s.at, i, c = end, after-1, '"'
			case c == '#' && (i == 0 || line[i-1] == ' '):
				i = len(line)
			case c == '{' || c == '[':
				depth++
			case c == '}' || c == ']':
				if depth--; depth == 0 {
					s.at++
					return
				}
			}
			if c != ' ' && c != '\t' {
				before = c
			}
		}
	}
}

// plain looks at an expression without quotes, on one line or continued on deeper ones.
func (s *scan) plain(off, parent int) {
	v := s.lines[s.at][off:]
	if strings.IndexByte("!{[&*%@`|>}],", v[0]) >= 0 || strings.HasPrefix(v, "- ") || strings.HasPrefix(v, "? ") {
		s.report(off, fmt.Sprintf("an expression that begins with %q must be quoted", v[:1]), parent)
		return
	}
	for at, from := s.at, off; ; from = 0 {
		if i, what := badPlain(s.lines[at][from:]); i >= 0 {
			s.reportAt(at, from+i, off, what, parent)
			return
		}
		at++
		if at == len(s.lines) || ends(s.lines[at]) || indentOf(s.lines[at]) <= parent {
			break
		}
	}
	s.at++
	s.skipDeeper(parent)
}

// badPlain finds what YAML would not take as part of the text. A ` #` ends it: that is a comment when what stands
// before it is complete, and a piece of a cut expression otherwise.
func badPlain(v string) (at int, what string) {
	var quote byte
	open := 0
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case c == ':' && (i+1 == len(v) || v[i+1] == ' ' || v[i+1] == '\t'):
			return i, "an expression that contains \": \" must be quoted"
		case c == '#' && i > 0 && (v[i-1] == ' ' || v[i-1] == '\t'):
			if quote == 0 && open == 0 {
				return -1, ""
			}
			return i, "an expression that contains \" #\" must be quoted: YAML takes it for a comment"
		case quote != 0:
			if c == '\\' && quote != '`' {
				i++
			} else if c == quote {
				quote = 0
			}
		case c == '"' || c == '\'' || c == '`':
			quote = c
		case strings.IndexByte("([{", c) >= 0:
			open++
		case strings.IndexByte(")]}", c) >= 0:
			open--
		}
	}
	return -1, ""
}

func (s *scan) report(off int, message string, parent int) {
	s.reportAt(s.at, off, off, message, parent)
}

// reportAt notes a fault, blanks the value that begins at the offset value under the cursor, and moves behind it.
func (s *scan) reportAt(at, off, value int, message string, parent int) {
	key := s.path[len(s.path)-1].key
	hint := fmt.Sprintf("quote the expression, or write it under `%s: |`", key)
	s.p.faultAt(s.first+at+1, column(s.p.lines[s.first+at], off), message, hint)
	s.p.blanked[s.first+s.at+1], s.changed = true, true
	opener := s.lines[s.at][value]
	s.lines[s.at] = s.lines[s.at][:value] + `""`
	first := s.at + 1
	s.at = first
	s.skipDeeper(parent)
	if closer := map[byte]string{'{': "}", '[': "]"}[opener]; closer != "" && s.at < len(s.lines) &&
		strings.TrimSpace(s.lines[s.at]) == closer {
		s.at++
	}
	for i := first; i < s.at; i++ {
		s.lines[i] = ""
	}
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// ends says whether nothing but a comment stands here.
func ends(s string) bool {
	t := strings.TrimLeft(s, " \t")
	return t == "" || t[0] == '#'
}

// skipProperties moves over a tag and an anchor.
func skipProperties(v string) string {
	for v != "" && (v[0] == '!' || v[0] == '&') {
		_, rest, _ := strings.Cut(v, " ")
		v = strings.TrimLeft(rest, " \t")
	}
	return v
}

// splitKey reads `key:` at the start of a line; size 0 means that there is none.
func splitKey(v string) (key string, size int) {
	if v == "" || strings.IndexByte("{[#&*!|>%@`,", v[0]) >= 0 {
		return "", 0
	}
	if v[0] == '"' || v[0] == '\'' {
		end := strings.IndexByte(v[1:], v[0])
		rest := v[min(len(v), end+2):]
		trimmed := strings.TrimLeft(rest, " ")
		if end < 0 || !strings.HasPrefix(trimmed, ":") || (len(trimmed) > 1 && trimmed[1] != ' ') {
			return "", 0
		}
		return v[1 : end+1], len(v) - len(trimmed) + 1
	}
	for i := range len(v) {
		if v[i] == '#' && i > 0 && v[i-1] == ' ' {
			return "", 0
		}
		if v[i] == ':' && (i+1 == len(v) || v[i+1] == ' ' || v[i+1] == '\t') {
			return strings.TrimRight(v[:i], " "), i + 1
		}
	}
	return "", 0
}
