package rules

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf8"
)

// The largest file, and the largest sum of a file and those that it includes, in bytes.
const (
	maxFile  = 16 << 20
	maxFiles = 64 << 20
)

// maxValues bounds what parsing costs: a value takes about 200 bytes of memory, so a file of nothing but commas would
// take a hundred times its size.
const maxValues = 2_000_000

// splitLines cuts text where the YAML parser counts lines, so that its line numbers are indexes here.
func splitLines(text string) []string {
	var lines []string
	for {
		end, size := lineEnd(text)
		if size == 0 {
			return append(lines, text)
		}
		lines = append(lines, text[:end])
		text = text[end+size:]
	}
}

// lineEnd finds the first line break: LF, CRLF, CR, and the three breaks of Unicode that YAML knows.
func lineEnd(s string) (at, size int) {
	at = strings.IndexAny(s, "\r\n\u0085\u2028\u2029")
	if at < 0 {
		return 0, 0
	}
	if strings.HasPrefix(s[at:], "\r\n") {
		return at, 2
	}
	_, size = utf8.DecodeRuneInString(s[at:])
	return at, size
}

var byteOrderMark = []byte("\ufeff")

// load checks the bytes of a file as text and adds to p.lines. Without faults the text may be given to the parser.
func (p *parser) load(f File) (text string, ok bool) {
	data := f.Data
	p.total += len(data)
	switch {
	case len(data) > maxFile:
		p.faultAt(0, 0, "the file is larger than 16 MiB", "divide it, and `include` the parts")
		return "", false
	case p.total > maxFiles:
		p.faultAt(0, 0, "the rules are larger than 64 MiB with this file", "include less")
		return "", false
	}
	text = string(bytes.TrimPrefix(data, byteOrderMark))
	if strings.TrimSpace(text) == "" {
		p.faultAt(0, 0, "the file is empty", "a rules file begins with `version: 1`")
		return "", false
	}
	if at := badRune(text); at >= 0 {
		p.badText(text, at)
		return "", false
	}
	if strings.Count(text, ",")+strings.Count(text, ":")+strings.Count(text, "\n") > maxValues {
		p.faultAt(0, 0, "the file holds too many values", "ten thousand routes take a tenth of what is allowed")
		return "", false
	}
	p.lines = append(p.lines, splitLines(text)...)
	return text, true
}

// badRune is the byte offset of the first thing that is no text: bad UTF-8 or a control character; -1 if all is well.
func badRune(text string) int {
	for i, r := range text {
		switch {
		case r == utf8.RuneError:
			if _, size := utf8.DecodeRuneInString(text[i:]); size == 1 {
				return i
			}
		case r == '\t' || r == '\n' || r == '\r' || r == '\u0085':
		case unicode.IsControl(r) || r == '\ufeff' || r == '\ufffe' || r == '\uffff':
			return i
		}
	}
	return -1
}

func (p *parser) badText(text string, at int) {
	before := splitLines(text[:at])
	last := before[len(before)-1]
	message := "the file is not UTF-8"
	if r, size := utf8.DecodeRuneInString(text[at:]); size > 1 || r != utf8.RuneError {
		message = "control character " + strings.ToUpper(quoteRune(r)) + " is not allowed"
	}
	p.faults = append(p.faults, Fault{
		File: p.current().file.Name, Line: len(before), Col: utf8.RuneCountInString(last) + 1, Message: message,
		Hint: "write the file as UTF-8 text, without control characters",
	})
}

func quoteRune(r rune) string {
	const hex = "0123456789abcdef"
	return "u+" + string([]byte{hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15]})
}

// column turns a byte offset in a line into a column: characters from 1.
func column(line string, offset int) int { return utf8.RuneCountInString(line[:offset]) + 1 }

// byteOffset is the inverse of column; it is clamped to the line.
func byteOffset(line string, col int) int {
	for i := range line {
		if col--; col <= 0 {
			return i
		}
	}
	return len(line)
}
