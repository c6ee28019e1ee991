package verify

import (
	"bytes"
	"strings"

	"github.com/tidwall/gjson"
)

// jsonValue is the text, number or truth value at a path; false when there is none. A path that ends in .# counts the
// elements of a list. Numbers are as they were written.
func jsonValue(doc []byte, path string) (string, bool) {
	if !isJSON(doc) {
		return "", false
	}
	return scalar(gjson.GetBytes(doc, path))
}

// jsonAll is the value at a path whose * stands for each element of a list; false when one of them does not have it.
func jsonAll(doc []byte, path string) (values []string, ok bool) {
	list, rest, every := strings.Cut(path, ".*.")
	if !every {
		value, found := jsonValue(doc, path)
		return []string{value}, found
	}
	if !isJSON(doc) {
		return nil, false
	}
	items := gjson.GetBytes(doc, list)
	if !items.IsArray() {
		return nil, false
	}
	for _, item := range items.Array() {
		value, found := scalar(item.Get(rest))
		if !found {
			return nil, false
		}
		values = append(values, value)
	}
	return values, len(values) > 0
}

func scalar(v gjson.Result) (string, bool) {
	switch v.Type {
	case gjson.String:
		return v.Str, true
	case gjson.Number, gjson.True, gjson.False:
		if v.Raw == "" {
			return v.String(), true // a count has no text of its own
		}
		return v.Raw, true
	}
	return "", false
}

// isJSON wants an object or a list: what gjson finds in anything else is chance.
func isJSON(doc []byte) bool {
	trimmed := bytes.TrimLeft(doc, " \t\r\n")
	return len(trimmed) > 0 && (trimmed[0] == '{' || trimmed[0] == '[') && gjson.ValidBytes(doc)
}

// isPath reports whether path is plain keys and indexes joined by dots, without what gjson would interpret. A dot that
// belongs to a key is written \. there.
func isPath(path string) bool {
	return path != "" && !strings.ContainsAny(path, `*?|#@!{}[]()=<>%"`) && !strings.HasPrefix(path, ".")
}
