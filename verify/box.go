package verify

import (
	"fmt"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// boxEscape is a body as Box may have signed it: what is not ASCII as \uxxxx (in two halves where it needs them), control
// characters by their names, and backslashes doubled except before a slash. Source: webhook validation of Box's Python SDK.
func boxEscape(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	names := strings.NewReplacer("\n", `\n`, "\r", `\r`, "\t", `\t`)
	for i, c := range s {
		switch {
		case c == '\\' && !strings.HasPrefix(s[i+1:], "/"):
			b.WriteString(`\\`)
		case c < utf8.RuneSelf:
			b.WriteString(names.Replace(string(c)))
		default:
			for _, half := range utf16.Encode([]rune{c}) {
				fmt.Fprintf(&b, `\u%04x`, half)
			}
		}
	}
	return b.String()
}
