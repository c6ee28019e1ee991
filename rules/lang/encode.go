package lang

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// Encode turns the result of a transform into the body of a request and its Content-Type. A map or list becomes JSON:
// ints exact, floats in their shortest form, keys sorted, no HTML escaping. So do numbers, bools and times. A string is
// text/plain, bytes are application/octet-stream, a Form is what it says. Errors are nil, what is no number, text within JSON that is not
// UTF-8, bytes within JSON, and more than MaxOutput bytes.
func Encode(v any) (body []byte, contentType string, err error) {
	switch v := v.(type) {
	case nil:
		return nil, "", fmt.Errorf(`the result is nil: use skip("reason") to send nothing, or "" to send an empty body`)
	case string:
		body, contentType = []byte(v), "text/plain; charset=utf-8"
	case []byte:
		body, contentType = v, "application/octet-stream"
	case Form:
		body, contentType = []byte(v), "application/x-www-form-urlencoded"
	default:
		e := encoder{limit: MaxOutput}
		if err := e.value(v, 0); err != nil {
			return nil, "", fmt.Errorf("the result has no JSON: %w", err)
		}
		return e.out, "application/json", nil
	}
	if len(body) > MaxOutput {
		return nil, "", fmt.Errorf("the result is longer than %d bytes", MaxOutput)
	}
	return body, contentType, nil
}

// encoder writes JSON up to a limit. Values may share parts, so that a small one can be very long when written.
type encoder struct {
	out    []byte
	limit  int
	run    *run // whose steps are counted; nil: nobody's
	values int
}

func (e *encoder) value(v any, depth int) error {
	if depth > maxValue {
		return fmt.Errorf("nested deeper than %d", maxValue)
	}
	if e.values++; e.run != nil && e.values%4 == 0 {
		e.run.step(1)
	}
	e.room(64)
	switch v := v.(type) {
	case nil:
		e.out = append(e.out, "null"...)
	case bool:
		e.out = strconv.AppendBool(e.out, v)
	case int:
		e.out = strconv.AppendInt(e.out, int64(v), 10)
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%v is no number", v)
		}
		e.out = appendFloat(e.out, v)
	case string:
		return e.text(v)
	case []any:
		return e.list(v, depth)
	case map[string]any:
		return e.object(v, depth)
	case folded:
		return e.object(v, depth)
	case time.Time, time.Duration:
		text, _ := scalarText(v)
		return e.text(text)
	case []byte:
		return fmt.Errorf("it holds bytes: use b64() or hex()")
	case Form:
		return fmt.Errorf("it holds a form: use string()")
	default:
		return fmt.Errorf("it holds a %T", v)
	}
	return nil
}

// room doubles the buffer when n more bytes don't fit: append grows a large one in smaller steps, and so copies more.
func (e *encoder) room(n int) {
	if cap(e.out)-len(e.out) < n {
		e.out = slices.Grow(e.out, max(n, min(len(e.out), e.limit-len(e.out))))
	}
}

func (e *encoder) list(list []any, depth int) error {
	e.out = append(e.out, '[')
	for i, v := range list {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		if err := e.value(v, depth+1); err != nil {
			return err
		}
	}
	e.out = append(e.out, ']')
	return e.checkLength()
}

func (e *encoder) object(m map[string]any, depth int) error {
	e.out = append(e.out, '{')
	for i, k := range sortedKeys(m) {
		if i > 0 {
			e.out = append(e.out, ',')
		}
		if err := e.text(k); err != nil {
			return err
		}
		e.out = append(e.out, ':')
		if err := e.value(m[k], depth+1); err != nil {
			return err
		}
	}
	e.out = append(e.out, '}')
	return e.checkLength()
}

func (e *encoder) checkLength() error {
	if len(e.out) > e.limit {
		return fmt.Errorf("longer than %d bytes", e.limit)
	}
	return nil
}

func (e *encoder) text(s string) error {
	if len(e.out)+len(s) > e.limit {
		return fmt.Errorf("longer than %d bytes", e.limit)
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("it holds text that is not UTF-8: use b64()")
	}
	e.room(len(s))
	e.out = append(e.out, '"')
	from := 0
	for i := range len(s) {
		c := s[i]
		if c >= 0x20 && c != '"' && c != '\\' {
			continue
		}
		e.out = append(e.out, s[from:i]...)
		e.out = appendEscape(e.out, c)
		from = i + 1
	}
	e.out = append(append(e.out, s[from:]...), '"')
	return e.checkLength()
}

func appendEscape(out []byte, c byte) []byte {
	const digits = "0123456789abcdef"
	switch c {
	case '"', '\\':
		return append(out, '\\', c)
	case '\n':
		return append(out, `\n`...)
	case '\r':
		return append(out, `\r`...)
	case '\t':
		return append(out, `\t`...)
	}
	return append(out, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
}

// appendFloat writes the shortest form that reads back as the same number. What is beyond 2⁵³ gets an exponent: its
// shortest digits, filled up with zeros, would read as another integer.
func appendFloat(out []byte, f float64) []byte {
	format, size := byte('f'), math.Abs(f)
	if size != 0 && (size < 1e-6 || size >= 1<<53) {
		format = 'e'
	}
	return strconv.AppendFloat(out, f, format, -1, 64)
}
