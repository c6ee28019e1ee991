package rules

import (
	"strings"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// faultIn notes what is wrong inside of a scalar, at an offset in characters of its value.
func (p *parser) faultIn(n *yaml.Node, offset int, message, hint string) {
	line, col := p.locate(n, offset)
	p.faultAt(line, col, message, hint)
}

// locate finds the place in the file of a character of a scalar's value. Where YAML folds lines the way back is not
// known, and the place is that of the scalar.
func (p *parser) locate(n *yaml.Node, offset int) (line, col int) {
	if n.Line < 1 || n.Line > len(p.lines) {
		return n.Line, n.Column
	}
	text := p.lines[n.Line-1]
	start := byteOffset(text, n.Column)
	switch {
	case n.Style&yaml.LiteralStyle != 0:
		return p.locateLiteral(n, offset)
	case n.Style&(yaml.FoldedStyle|yaml.TaggedStyle) != 0 || n.Anchor != "":
		return n.Line, n.Column
	case n.Style&yaml.DoubleQuotedStyle != 0:
		if at, ok := walk(text, start+1, offset, doubleQuoted); ok {
			return n.Line, column(text, at)
		}
	case n.Style&yaml.SingleQuotedStyle != 0:
		if at, ok := walk(text, start+1, offset, singleQuoted); ok {
			return n.Line, column(text, at)
		}
	case strings.HasPrefix(text[start:], n.Value):
		return n.Line, n.Column + offset
	}
	return n.Line, n.Column
}

// walk moves over a number of characters as YAML decodes them; size says how many bytes of the line the next one takes,
// 0 at the end of the quoted text.
func walk(line string, from, count int, size func(string) int) (at int, ok bool) {
	for ; count > 0; count-- {
		n := size(line[min(from, len(line)):])
		if n == 0 {
			return 0, false
		}
		from += n
	}
	return min(from, len(line)), true
}

func singleQuoted(s string) int {
	switch {
	case strings.HasPrefix(s, "''"):
		return 2
	case s == "" || s[0] == '\'':
		return 0
	}
	_, n := utf8.DecodeRuneInString(s)
	return n
}

func doubleQuoted(s string) int {
	switch {
	case s == "" || s[0] == '"' || s == `\`:
		return 0
	case s[0] != '\\':
		_, n := utf8.DecodeRuneInString(s)
		return n
	}
	switch s[1] {
	case 'x':
		return min(len(s), 4)
	case 'u':
		return min(len(s), 6)
	case 'U':
		return min(len(s), 10)
	}
	return 2
}

// locateLiteral finds a character of a `|` block, whose lines stand below its key, all indented alike.
func (p *parser) locateLiteral(n *yaml.Node, offset int) (line, col int) {
	rows := strings.Split(n.Value, "\n")
	row := 0
	for ; row < len(rows)-1 && offset > utf8.RuneCountInString(rows[row]); row++ {
		offset -= utf8.RuneCountInString(rows[row]) + 1
	}
	at := n.Line + 1 + row
	if at > len(p.lines) || !strings.HasSuffix(p.lines[at-1], rows[row]) {
		return n.Line, n.Column
	}
	indent := len(p.lines[at-1]) - len(rows[row])
	return at, column(p.lines[at-1], indent) + offset
}
