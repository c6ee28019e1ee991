package lang

import (
	"hash/maphash"
	"math/bits"
	"slices"
	"strconv"
	"unicode/utf8"
)

// A document is JSON that was checked once: its text, and a tape of its values in the order of the text. Looking up a
// path hops over the tape, and only what an expression asks for is decoded.
type document struct {
	text string
	tape []value
	made []any // decoded containers and long texts by their place on the tape
	hops int   // values that find passed over so far
}

// value is one place on the tape. A container's members follow it directly.
type value struct {
	key, keyEnd uint32 // the key in the text without its quotes; 0, 0 in a list
	start, end  uint32 // the value in the text; a string without its quotes
	next        uint32 // the place after the value and all that it holds
	kind        byte   // { [ " 0 (number) t f n
	flags       byte
}

const (
	keyEscaped = 1 << iota
	textEscaped
	isFloat
)

// scanner checks JSON in one pass: grammar, UTF-8, surrogates, duplicate keys after unescaping, depth and counts.
type scanner struct {
	text  string
	tape  []value
	keys  int
	items int
	seed  maphash.Seed
	table []uint32 // for the keys of one large object at a time
}

type syntaxError struct {
	at  int
	msg string
}

func (e *syntaxError) Error() string {
	return "invalid JSON at byte " + strconv.Itoa(e.at) + ": " + e.msg
}

// parseJSON checks a text. Its error says at which byte the text is wrong.
func parseJSON(text string) (*document, error) { return new(scanner).parse(text) }

// parse is parseJSON in the memory of s: the document is valid until s is used again.
func (s *scanner) parse(text string) (*document, error) {
	if uint64(len(text)) > 1<<31 {
		return nil, &syntaxError{0, "longer than 2 GiB"}
	}
	s.text, s.tape, s.keys, s.items = text, slices.Grow(s.tape[:0], len(text)/28+8), 0, 0
	i, err := s.value(s.space(0), 0, 0, 0, 0)
	if err != nil {
		return nil, err
	}
	if i = s.space(i); i < len(text) {
		return nil, &syntaxError{i, "more after the end of the value"}
	}
	return &document{text: text, tape: s.tape}, nil
}

// maxKept is the longest tape that is kept for another text: enough for 64 KiB of most.
const maxKept = 4096

// emptied is a scanner with the memory of s, unless that is much.
func (s *scanner) emptied() scanner {
	if cap(s.tape) > maxKept || len(s.table) > maxKept {
		return scanner{}
	}
	return scanner{tape: s.tape[:0], seed: s.seed, table: s.table}
}

func (s *scanner) space(i int) int {
	for i < len(s.text) {
		switch s.text[i] {
		case ' ', '\n', '\t', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// value scans the value that begins at i and returns where it ends.
func (s *scanner) value(i, key, keyEnd int, flags byte, depth int) (int, error) {
	if i >= len(s.text) {
		return i, &syntaxError{i, "unexpected end"}
	}
	at := len(s.tape)
	s.tape = append(s.tape, value{key: uint32(key), keyEnd: uint32(keyEnd), start: uint32(i), flags: flags})
	var end int
	var err error
	kind := s.text[i]
	switch kind {
	case '"':
		var escaped bool
		if end, escaped, err = s.str(i); err != nil {
			return end, err
		}
		if escaped {
			s.tape[at].flags |= textEscaped
		}
		s.tape[at].start = uint32(i + 1)
		s.tape[at].end = uint32(end - 1)
	case '{':
		end, err = s.object(i, at, depth+1)
	case '[':
		end, err = s.list(i, depth+1)
	case 't':
		end, err = s.word(i, "true")
	case 'f':
		end, err = s.word(i, "false")
	case 'n':
		end, err = s.word(i, "null")
	default:
		kind = '0'
		var float bool
		if end, float, err = s.number(i); float {
			s.tape[at].flags |= isFloat
		}
	}
	v := &s.tape[at]
	if v.kind = kind; kind != '"' {
		v.end = uint32(end)
	}
	v.next = uint32(len(s.tape))
	return end, err
}

func (s *scanner) word(i int, word string) (int, error) {
	if len(s.text)-i >= len(word) && s.text[i:i+len(word)] == word {
		return i + len(word), nil
	}
	return i, &syntaxError{i, "unexpected character"}
}

func (s *scanner) list(i, depth int) (int, error) {
	if depth > MaxDepth {
		return i, &syntaxError{i, "nested deeper than " + strconv.Itoa(MaxDepth)}
	}
	if i = s.space(i + 1); i < len(s.text) && s.text[i] == ']' {
		return i + 1, nil
	}
	for {
		if s.items++; s.items > MaxItems {
			return i, &syntaxError{i, "more than " + strconv.Itoa(MaxItems) + " list items"}
		}
		end, err := s.value(i, 0, 0, 0, depth)
		if err != nil {
			return end, err
		}
		i = s.space(end)
		switch {
		case i >= len(s.text):
			return i, &syntaxError{i, "unexpected end"}
		case s.text[i] == ']':
			return i + 1, nil
		case s.text[i] != ',':
			return i, &syntaxError{i, `expected "," or "]"`}
		}
		i = s.space(i + 1)
	}
}

func (s *scanner) object(i, at, depth int) (int, error) {
	if depth > MaxDepth {
		return i, &syntaxError{i, "nested deeper than " + strconv.Itoa(MaxDepth)}
	}
	if i = s.space(i + 1); i < len(s.text) && s.text[i] == '}' {
		return i + 1, nil
	}
	for count := 1; ; count++ {
		if s.keys++; s.keys > MaxKeys {
			return i, &syntaxError{i, "more than " + strconv.Itoa(MaxKeys) + " keys"}
		}
		end, err := s.member(i, depth)
		if err != nil {
			return end, err
		}
		i = s.space(end)
		switch {
		case i >= len(s.text):
			return i, &syntaxError{i, "unexpected end"}
		case s.text[i] == '}':
			return i + 1, s.distinct(at+1, count)
		case s.text[i] != ',':
			return i, &syntaxError{i, `expected "," or "}"`}
		}
		i = s.space(i + 1)
	}
}

func (s *scanner) member(i, depth int) (int, error) {
	if i >= len(s.text) {
		return i, &syntaxError{i, "unexpected end"}
	}
	if s.text[i] != '"' {
		return i, &syntaxError{i, "expected a key in double quotes"}
	}
	end, escaped, err := s.str(i)
	if err != nil {
		return end, err
	}
	flags := byte(0)
	if escaped {
		flags = keyEscaped
	}
	colon := end
	if colon >= len(s.text) || s.text[colon] != ':' {
		if colon = s.space(end); colon >= len(s.text) || s.text[colon] != ':' {
			return colon, &syntaxError{colon, `expected ":"`}
		}
	}
	return s.value(s.space(colon+1), i+1, end-1, flags, depth)
}

// str scans the string whose opening quote is at i, and returns the place after its closing one.
func (s *scanner) str(i int) (end int, escaped bool, err error) {
	text, high := s.text, false
	for j := i + 1; ; {
		if j = ordinary(text, j); j >= len(text) {
			return j, escaped, &syntaxError{j, "a string is not closed"}
		}
		switch c := text[j]; {
		case c == '"':
			if high && !utf8.ValidString(text[i+1:j]) {
				return j, escaped, &syntaxError{i, "a string is not valid UTF-8"}
			}
			return j + 1, escaped, nil
		case c == '\\':
			escaped = true
			if j, err = s.escape(j); err != nil {
				return j, escaped, err
			}
		case c < 0x20:
			return j, escaped, &syntaxError{j, "a control character in a string"}
		default:
			for high = true; j < len(text) && text[j] >= 0x80; {
				j++
			}
		}
	}
}

// ordinary returns the next place, from j on, of a quote, a backslash, a control character or what is beyond ASCII; eight
// bytes at once while there are so many. In each part of stop the lowest high bit that is set is right: borrows only go
// up.
func ordinary(text string, j int) int {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	for ; j+8 <= len(text); j += 8 {
		w := load(text, j)
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		stop := (w-ones*0x20)&^w | (quote-ones)&^quote | (slash-ones)&^slash | w
		if stop &= highs; stop != 0 {
			return j + bits.TrailingZeros64(stop)/8
		}
	}
	for ; j < len(text); j++ {
		if c := text[j]; c == '"' || c == '\\' || c < 0x20 || c >= 0x80 {
			break
		}
	}
	return j
}

func load(s string, i int) uint64 {
	b := s[i : i+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 |
		uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}

// escape checks the escape whose backslash is at i, and returns the place after it.
func (s *scanner) escape(i int) (int, error) {
	if i+1 >= len(s.text) {
		return i, &syntaxError{i, "a string is not closed"}
	}
	switch s.text[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, nil
	case 'u':
		r, ok := hex4(s.text, i+2)
		if !ok {
			return i, &syntaxError{i, "invalid escape"}
		}
		if r < 0xd800 || r > 0xdfff {
			return i + 6, nil
		}
		low, ok := hex4(s.text, i+8)
		if r > 0xdbff || !ok || s.text[i+6:i+8] != `\u` || low < 0xdc00 || low > 0xdfff {
			return i, &syntaxError{i, "half of a surrogate pair"}
		}
		return i + 12, nil
	}
	return i, &syntaxError{i, "invalid escape"}
}

func hex4(s string, i int) (r rune, ok bool) {
	if i+4 > len(s) {
		return 0, false
	}
	for _, c := range []byte(s[i : i+4]) {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

func (s *scanner) number(i int) (end int, float bool, err error) {
	j := i
	if s.text[j] == '-' {
		j++
	}
	digits := s.digits(j)
	if digits == j || (s.text[j] == '0' && digits > j+1) {
		return i, false, &syntaxError{i, "unexpected character"}
	}
	j = digits
	if j < len(s.text) && s.text[j] == '.' {
		float = true
		if j = s.digits(j + 1); j == digits+1 {
			return j, float, &syntaxError{j, "expected a digit"}
		}
	}
	large := j-i > 300
	if j < len(s.text) && s.text[j]|0x20 == 'e' {
		float, large = true, true
		if j++; j < len(s.text) && (s.text[j] == '+' || s.text[j] == '-') {
			j++
		}
		exp := j
		if j = s.digits(exp); j == exp {
			return j, float, &syntaxError{j, "expected a digit"}
		}
	}
	if float && large {
		if _, err := strconv.ParseFloat(s.text[i:j], 64); err != nil {
			return i, float, &syntaxError{i, "number out of range"}
		}
	}
	return j, float, nil
}

func (s *scanner) digits(i int) int {
	for i < len(s.text) && s.text[i]-'0' <= 9 {
		i++
	}
	return i
}
