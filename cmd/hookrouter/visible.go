package main

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// visible writes text with everything escaped that would steer a terminal instead of being shown on it: control
// characters but tab and line feed, marks that turn the direction of writing, and what is not UTF-8. Much of what the
// commands print was written by strangers: headers, paths, types of events, answers of destinations. In JSON, where
// these can only stand within strings, the escapes mean the same characters.
type visible struct{ io.Writer }

func (v visible) Write(p []byte) (int, error) {
	text := string(p)
	if strings.IndexFunc(text, steers) < 0 {
		return v.Writer.Write(p)
	}
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case steers(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	if _, err := io.WriteString(v.Writer, b.String()); err != nil {
		return 0, err
	}
	return len(p), nil
}

func steers(r rune) bool {
	switch {
	case r == '\t' || r == '\n':
		return false
	case r < ' ', 0x7f <= r && r <= 0x9f: // C0, DEL, C1
		return true
	case r == 0x061c, r == 0x200e, r == 0x200f, 0x2028 <= r && r <= 0x202e, 0x2066 <= r && r <= 0x2069: // lines, bidi
		return true
	}
	return r == utf8.RuneError
}
