package rules

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

var jsonNumber = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$`)

// data reads YAML as the JSON that its author means: a plain scalar is a number only when JSON would take it for one,
// so `no`, `0123` and dates stay text.
func data(n *yaml.Node) any {
	switch n.Kind {
	case yaml.MappingNode:
		m := make(map[string]any, len(n.Content)/2)
		for i := 0; i+1 < len(n.Content); i += 2 {
			m[n.Content[i].Value] = data(n.Content[i+1])
		}
		return m
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, x := range n.Content {
			list[i] = data(x)
		}
		return list
	}
	if n.Style != 0 {
		return n.Value
	}
	switch {
	case isNull(n):
		return nil
	case n.Value == "true" || n.Value == "false":
		return n.Value == "true"
	case jsonNumber.MatchString(n.Value):
		return json.Number(n.Value)
	}
	return n.Value
}

// encode writes data as the sender would.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil // cannot happen: data yields what JSON has
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// encodeForm writes a mapping as a form; lists repeat their field.
func encodeForm(m map[string]any) []byte {
	form := url.Values{}
	for name, v := range m {
		list, many := v.([]any)
		if !many {
			list = []any{v}
		}
		for _, x := range list {
			form.Add(name, show(x))
		}
	}
	return []byte(form.Encode())
}

// show writes a value for people: text as it is, everything else as JSON.
func show(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return string(encode(v))
}

func (p *parser) givenQuery(n *yaml.Node) string {
	switch {
	case n == nil:
		return ""
	case n.Kind == yaml.MappingNode:
		if m, ok := data(n).(map[string]any); ok {
			return string(encodeForm(m))
		}
		return ""
	}
	s, _ := p.scalar(n, "query")
	return strings.TrimPrefix(s, "?")
}

// comparison is how two payloads are compared, and with which words differences are told.
type comparison struct {
	a, b  string // "want" and "got"
	whole bool   // what b has beside a is a difference, too
}

// diff lists where b differs from a, by path. A list is compared as a whole.
func (c comparison) diff(path string, a, b any) []string {
	switch x := a.(type) {
	case map[string]any:
		if y, ok := b.(map[string]any); ok {
			return c.maps(path, x, y)
		}
	case []any:
		if y, ok := b.([]any); ok && len(y) == len(x) {
			var all []string
			for i := range x {
				all = append(all, c.diff(fmt.Sprintf("%s[%d]", path, i), x[i], y[i])...)
			}
			return all
		}
	case json.Number:
		if y, ok := b.(json.Number); ok && sameNumber(x, y) {
			return nil
		}
	default:
		if _, isMap := b.(map[string]any); !isMap && !isList(b) && a == b {
			return nil
		}
	}
	return []string{c.tell(path, clipLong(encode(a)), clipLong(encode(b)))}
}

func isList(v any) bool { _, is := v.([]any); return is }

func (c comparison) tell(path, a, b string) string {
	return fmt.Sprintf("%s: %s %s, %s %s", path, c.a, a, c.b, b)
}

func (c comparison) maps(path string, a, b map[string]any) (all []string) {
	for _, key := range slices.Sorted(maps.Keys(a)) {
		if y, ok := b[key]; ok {
			all = append(all, c.diff(member(path, key), a[key], y)...)
		} else {
			all = append(all, c.tell(member(path, key), clipLong(encode(a[key])), "nothing"))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(b)) {
		if _, ok := a[key]; !ok && c.whole {
			all = append(all, c.tell(member(path, key), "nothing", clipLong(encode(b[key]))))
		}
	}
	return all
}

var plainKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// member is the path of a key, as an expression has it.
func member(path, key string) string {
	if plainKey.MatchString(key) {
		return path + "." + key
	}
	return path + "[" + string(encode(key)) + "]"
}

// sameNumber compares by value: 1, 1.0 and 1e0 are the same. Long integers are compared digit by digit.
func sameNumber(a, b json.Number) bool {
	if a == b {
		return true
	}
	if _, err := a.Int64(); err == nil {
		if _, err := b.Int64(); err == nil {
			return false
		}
	}
	x, errX := a.Float64()
	y, errY := b.Float64()
	return errX == nil && errY == nil && x == y
}

// clipLong bounds a value in a difference.
func clipLong(b []byte) string {
	const most = 400
	if len(b) > most {
		return strings.ToValidUTF8(string(b[:most]), "") + "…"
	}
	return string(b)
}
