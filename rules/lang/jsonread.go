package lang

import (
	"strconv"
	"unicode/utf8"
)

// name is the key of a member, unescaped.
func (v *value) name(text string) string {
	if v.flags&keyEscaped != 0 {
		return unescape(text[v.key:v.keyEnd])
	}
	return text[v.key:v.keyEnd]
}

// find returns the place of a value below the one at, by keys and indexes; -1 when there is none.
func (d *document) find(at int, path []step) int {
	for _, p := range path {
		switch {
		case d.tape[at].kind == '{' && p.isKey:
			at = d.member(at, p.key)
		case d.tape[at].kind == '[' && !p.isKey:
			at = d.item(at, p.index)
		default:
			return -1
		}
		if at < 0 {
			return -1
		}
	}
	return at
}

func (d *document) member(at int, key string) int {
	end := int(d.tape[at].next)
	for at++; at < end; at = int(d.tape[at].next) {
		v := &d.tape[at]
		d.hops++
		if v.flags&keyEscaped != 0 {
			d.hops += 20 + int(v.keyEnd-v.key)
			if v.name(d.text) == key {
				return at
			}
		} else if int(v.keyEnd-v.key) == len(key) && d.text[v.key:v.keyEnd] == key {
			return at
		}
	}
	return -1
}

// item finds by index; a negative one counts from the end.
func (d *document) item(at, index int) int {
	end := int(d.tape[at].next)
	if index < 0 {
		index += d.count(at)
	}
	if index < 0 {
		return -1
	}
	for at++; at < end; at = int(d.tape[at].next) {
		if d.hops++; index == 0 {
			return at
		}
		index--
	}
	return -1
}

func (d *document) count(at int) (n int) {
	end := int(d.tape[at].next)
	for at++; at < end; at = int(d.tape[at].next) {
		n++
	}
	d.hops += n
	return n
}

// decode makes the value at a place. What takes long is made once, so that looking at it twice costs nothing.
func (d *document) decode(at int) any {
	v := &d.tape[at]
	switch v.kind {
	case 't':
		return true
	case 'f':
		return false
	case 'n':
		return nil
	case '"':
		if v.flags&textEscaped == 0 {
			return d.text[v.start:v.end]
		}
	}
	if v.kind != '{' && v.kind != '[' && v.end-v.start < 64 {
		return d.make(at)
	}
	if d.made == nil {
		d.made = make([]any, len(d.tape))
	}
	if d.made[at] == nil {
		d.made[at] = d.make(at)
	}
	return d.made[at]
}

func (d *document) make(at int) any {
	v := &d.tape[at]
	switch v.kind {
	case '"':
		return unescape(d.text[v.start:v.end])
	case '0':
		return decodeNumber(d.text[v.start:v.end], v.flags&isFloat != 0)
	}
	return d.container(at)
}

func (d *document) container(at int) any {
	end, n := int(d.tape[at].next), d.count(at)
	if d.tape[at].kind == '[' {
		list := make([]any, 0, n)
		for at++; at < end; at = int(d.tape[at].next) {
			list = append(list, d.decode(at))
		}
		return list
	}
	object := make(map[string]any, n)
	for at++; at < end; at = int(d.tape[at].next) {
		object[d.tape[at].name(d.text)] = d.decode(at)
	}
	return object
}

// decodeNumber makes an int where it is exact, keeps the digits of a larger integer as a string, and makes the rest
// float64. "-0" is a float, because no int is.
func decodeNumber(s string, float bool) any {
	if !float && s != "-0" {
		if i, err := strconv.Atoi(s); err == nil {
			return i
		}
		return s
	}
	f, _ := strconv.ParseFloat(s, 64) // checked by the scanner
	return f
}

// unescape decodes the inside of a string that the scanner has checked.
func unescape(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' {
			out = append(out, s[i])
			continue
		}
		i++
		switch s[i] {
		case 'b':
			out = append(out, '\b')
		case 'f':
			out = append(out, '\f')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'u':
			r, _ := hex4(s, i+1)
			i += 4
			if 0xd800 <= r && r <= 0xdbff {
				low, _ := hex4(s, i+3)
				r = 0x10000 + (r-0xd800)<<10 + (low - 0xdc00)
				i += 6
			}
			out = utf8.AppendRune(out, r)
		default:
			out = append(out, s[i])
		}
	}
	return string(out)
}
