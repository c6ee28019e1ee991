package rules

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Fault is one thing wrong with a rules file, or worth a warning. Line and Col count from 1, Col in characters; both
// are 0 when the fault has no place in the file. No text of it holds a secret.
type Fault struct {
	File      string
	Line, Col int
	Source    string // the line of the file, "" when there is none
	Code      string // of a warning: see docs/rules.md; "" of a fault
	Message   string
	Hint      string // what to do about it, "" when there is nothing to say
}

// String is the fault on one line: `rules.yaml:3:5: message`.
func (f Fault) String() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d", f.Line)
		if f.Col > 0 {
			fmt.Fprintf(&b, ":%d", f.Col)
		}
	}
	b.WriteString(": ")
	b.WriteString(f.Message)
	if f.Code != "" {
		fmt.Fprintf(&b, " [%s]", f.Code)
	}
	return b.String()
}

// Format writes the fault as people read it: place and message, the line with a caret under the column, the hint.
func (f Fault) Format(w io.Writer) error {
	var b strings.Builder
	b.WriteString(f.String())
	b.WriteByte('\n')
	if f.Source != "" {
		line, col := excerpt(f.Source, f.Col)
		fmt.Fprintf(&b, "    %s\n", line)
		if col > 0 {
			fmt.Fprintf(&b, "    %s^\n", caretIndent(line, col))
		}
	}
	if f.Hint != "" {
		fmt.Fprintf(&b, "    hint: %s\n", f.Hint)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// excerptWidth bounds the part of a source line that is printed, in characters.
const excerptWidth = 160

// excerpt cuts a long line around the column, and returns the column inside of what is left.
func excerpt(line string, col int) (string, int) {
	if utf8.RuneCountInString(line) <= excerptWidth {
		return line, col
	}
	runes := []rune(line)
	start := max(0, min(col-1-excerptWidth/2, len(runes)-excerptWidth))
	return string(runes[start : start+excerptWidth]), col - start
}

// caretIndent is blank space as wide as what stands before the column; tabs stay tabs so that the caret lines up.
func caretIndent(line string, col int) string {
	var b strings.Builder
	for _, r := range line {
		if col--; col <= 0 {
			break
		}
		if r == '\t' {
			b.WriteByte('\t')
		} else {
			b.WriteByte(' ')
		}
	}
	for ; col > 1; col-- {
		b.WriteByte(' ')
	}
	return b.String()
}

// Faults are all faults of a file, in the order of their places. It is the error of Parse and is never empty there.
type Faults []Fault

// Error gives one line per fault.
func (fs Faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Format writes all faults with source line, caret and hint.
func (fs Faults) Format(w io.Writer) error {
	for _, f := range fs {
		if err := f.Format(w); err != nil {
			return err
		}
	}
	return nil
}
