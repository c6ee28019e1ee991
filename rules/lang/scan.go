package lang

import (
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/expr-lang/expr/file"
	"github.com/expr-lang/expr/parser/lexer"
)

// scan looks at the size and the nesting of an expression before expr's parser does: that one recurses, and a stack
// that overflows cannot be recovered.
func scan(src string) *Error {
	if len(src) > MaxSource {
		return &Error{Length: 1, Message: "the expression is longer than 64 KiB"}
	}
	if !utf8.ValidString(src) {
		return &Error{Length: 1, Message: "the expression is not valid UTF-8"}
	}
	if strings.TrimSpace(src) == "" {
		return &Error{Message: "the expression is empty"}
	}
	lex := lexer.New()
	lex.Reset(file.NewSource(src))
	nest := nesting{levels: []int{0}}
	for {
		token, err := lex.Next()
		switch {
		case errors.Is(err, io.EOF) || token.Is(lexer.EOF):
			return nil
		case err != nil:
			return fromFileError(src, err)
		}
		if nest.add(token) > MaxNesting {
			return &Error{Offset: token.From, Length: 1, Message: "the expression is nested deeper than 100"}
		}
	}
}

// nesting bounds how deep the parser recurses: by open brackets, by prefix operators in a row, and by what each level
// holds of operators that take the rest of the level as their right side.
type nesting struct {
	levels []int // recursions on each open level
	sum    int
	prefix int // prefix operators in a row
}

func (n *nesting) add(t lexer.Token) int {
	last := len(n.levels) - 1
	prefix := false
	switch {
	case t.Is(lexer.Bracket, "(") || t.Is(lexer.Bracket, "[") || t.Is(lexer.Bracket, "{"):
		n.levels = append(n.levels, 1+n.prefix)
		n.sum += 1 + n.prefix
	case t.Kind == lexer.Bracket && last > 0:
		n.sum -= n.levels[last]
		n.levels = n.levels[:last]
	case t.Kind != lexer.Operator:
	case t.Value == "!" || t.Value == "not" || t.Value == "-" || t.Value == "+":
		prefix = true
	case t.Value == "?" || t.Value == "let" || t.Value == "if" || t.Value == "**" || t.Value == "^":
		n.levels[last]++
		n.sum++
	}
	if n.prefix++; !prefix {
		n.prefix = 0
	}
	return n.sum + n.prefix
}

// Span returns the length in bytes of the expression at the start of s, up to the ")" that closes a "$(" before it;
// parentheses in strings and comments don't count. It is -1 when nothing closes it, or before it stands what cannot be
// in an expression.
func Span(s string) int {
	lex := lexer.New()
	lex.Reset(file.NewSource(s))
	depth := 0
	for {
		token, err := lex.Next()
		if err != nil || token.Is(lexer.EOF) {
			return -1
		}
		switch {
		case token.Is(lexer.Bracket, "("):
			depth++
		case token.Is(lexer.Bracket, ")"):
			if depth--; depth < 0 {
				return charByte(s, token.From)
			}
		}
	}
}

// fromFileError makes an Error of what expr's lexer, parser or checker says.
func fromFileError(src string, err error) *Error {
	var fault *file.Error
	if !errors.As(err, &fault) {
		return &Error{Length: 1, Message: firstLine(err.Error())}
	}
	e := &Error{Offset: fault.From, Length: max(fault.To-fault.From, 1), Message: plain(fault.Message)}
	e.Offset = min(e.Offset, utf8.RuneCountInString(src))
	if strings.HasSuffix(e.Message, "not closed") {
		e.Offset = openQuote(src)
	}
	e.Hint = hintFor(e.Message)
	if hint, is := foreign(string([]rune(src)[e.Offset:])); is && e.Hint == "compare with ==" || is && strings.HasPrefix(e.Message, "unrecognized") {
		e.Hint = hint
	}
	return e
}

// openQuote is where the text begins that is not closed.
func openQuote(src string) int {
	var quote rune
	at, escaped := 0, false
	for i, r := range []rune(src) {
		switch {
		case quote == 0 && strings.ContainsRune("\"'`", r):
			quote, at = r, i
		case escaped:
			escaped = false
		case r == '\\' && quote != '`':
			escaped = true
		case r == quote:
			quote = 0
		}
	}
	return at
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return plain(line)
}

// plain makes a message of expr's read like ours.
func plain(message string) string {
	message = strings.TrimSpace(message)
	for _, r := range []struct{ from, to string }{
		{"mismatched types", "kinds"}, {"mismatched type", "kind"}, {"[]interface {}", "list"}, {"interface {}", "any"},
		{"map[string]any", "map"}, {"map[any]list", "map"}, {"time.Time", "time"}, {"time.Duration", "duration"},
		{"int64", "int"}, {"float64", "float"}, {"unexpected token EOF", "the expression ends too early"},
		{"unexpected end of expression", "the expression ends too early"}, {"literal not terminated", "a text in quotes is not closed"},
		{"compilation failed: ", ""}, {"takes only array (got", "takes a list (got"}, {"%!s(<nil>)", "nil"},
		{"kinds unknown", "kinds any"}, {"and unknown)", "and any)"}, {"empty array", "empty list"},
	} {
		message = strings.ReplaceAll(message, r.from, r.to)
	}
	if from, to := strings.Index(message, "strconv."), strings.LastIndex(message, ": "); from > 0 && from < to {
		message = message[:from] + message[to+2:]
	}
	if token, is := strings.CutPrefix(message, "unexpected token "); is {
		if from, to := strings.Index(token, `("`), strings.LastIndex(token, `")`); from > 0 && from < to {
			token = token[from+1 : to+1]
		}
		return "unexpected " + token
	}
	if message == "" {
		return "the expression cannot be read"
	}
	r, n := utf8.DecodeRuneInString(message)
	return strings.ToLower(string(r)) + message[n:]
}

// foreign tells the operators of other languages that begin like one of ours.
func foreign(rest string) (hint string, is bool) {
	switch {
	case strings.HasPrefix(rest, "=>"):
		return "there are no arrow functions: write map(list, .id) or filter(list, # > 1)", true
	case strings.HasPrefix(rest, "=~"), strings.HasPrefix(rest, "~"):
		return "compare with a regular expression by matches", true
	}
	return "", false
}

// hintFor says what is usually meant where expr's parser stumbles over what other languages write.
func hintFor(message string) string {
	switch {
	case message == `unexpected "="`:
		return "compare with =="
	case message == `unexpected "&"`:
		return "combine with and"
	case message == `unexpected "|"`:
		return "combine with or"
	case message == `unexpected ":"`:
		return "as the body of a predicate a map stands in two braces: {{name: value}}"
	case strings.Contains(message, "operation: contains"):
		return "for a list write: value in list"
	case strings.Contains(message, "cannot be mixed"):
		return "put the part with ?? in parentheses"
	case strings.Contains(message, "takes a list (got map"):
		return "use keys(), values() or toPairs()"
	case strings.HasSuffix(message, "ends too early"):
		return "a value or a closing bracket is missing"
	case strings.HasSuffix(message, "not closed"):
		return "end it with the quote that it begins with"
	case strings.HasPrefix(message, "invalid operation") && strings.Contains(message, "(kinds"):
		return "both sides must be of one kind: string(x), int(x) and float(x) convert"
	}
	return ""
}
