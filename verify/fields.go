package verify

import (
	"bytes"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/tidwall/sjson"
)

// lookup finds the only value of a name in a query or urlencoded body. Several are a refusal: which one the sender
// meant, and which one the reader takes, may differ.
func lookup(what, encoded, name string) (string, error) {
	var found string
	count := 0
	for pair := range strings.SplitSeq(encoded, "&") {
		k, v, _ := strings.Cut(pair, "=")
		if key, err := url.QueryUnescape(k); err != nil || key != name {
			continue
		}
		value, err := url.QueryUnescape(v)
		if err != nil {
			return "", refuse("%s %s is not well encoded", what, name)
		}
		found = value
		count++
	}
	switch {
	case count == 0:
		return "", refuse("%s %s missing", what, name)
	case count > 1:
		return "", refuse("%s %s appears %d times", what, name, count)
	case found == "":
		return "", refuse("%s %s empty", what, name)
	}
	return found, nil
}

// count is how often a name is there in a query or urlencoded body.
func count(encoded, name string) (n int) {
	for pair := range strings.SplitSeq(encoded, "&") {
		k, _, _ := strings.Cut(pair, "=")
		if key, err := url.QueryUnescape(k); pair != "" && err == nil && key == name {
			n++
		}
	}
	return n
}

// sortedFields are the fields of a urlencoded body but one, sorted by name, each there once.
func (r *Request) sortedFields(without string) (sorted [][2]string, err error) {
	fields, err := url.ParseQuery(string(r.Body))
	if err != nil {
		return nil, refuse("the form is not well encoded")
	}
	if without != "" {
		delete(fields, without)
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		if len(fields[name]) > 1 {
			return nil, refuse("form field %s appears %d times", clip(name), len(fields[name]))
		}
		sorted = append(sorted, [2]string{name, fields[name][0]})
	}
	return sorted, nil
}

func (r *Request) query(name string) (string, error) {
	_, query := splitURL(r.URL)
	return lookup("query parameter", query, name)
}

func (r *Request) form(name string) (string, error) {
	return lookup("form field", string(r.Body), name)
}

// replaced returns encoded with name set to value, other pairs as they were.
func replaced(encoded, name, value string) string {
	var kept []string
	for pair := range strings.SplitSeq(encoded, "&") {
		k, _, _ := strings.Cut(pair, "=")
		if key, err := url.QueryUnescape(k); pair != "" && (err != nil || key != name) {
			kept = append(kept, pair)
		}
	}
	return strings.Join(append(kept, url.QueryEscape(name)+"="+url.QueryEscape(value)), "&")
}

func (r *Request) setQuery(name, value string) {
	base, query, _ := strings.Cut(r.URL, "?")
	r.URL = base + "?" + replaced(query, name, value)
}

func (r *Request) setForm(name, value string) {
	r.Body = []byte(replaced(string(r.Body), name, value))
}

// setJSON writes a text into the JSON document, where a signature or time stands in it. The document is the body, or a
// field of it.
func (s *scene) setJSON(path, text string) error {
	where, name, _ := strings.Cut(s.document, ":")
	path = strings.ReplaceAll(path, ".*.", ".0.")
	doc, err := sjson.SetBytes(s.doc(), path, text)
	if _, number := parseDecimal(text); number {
		doc, err = sjson.SetRawBytes(s.doc(), path, []byte(text))
	}
	if err != nil {
		return fmt.Errorf("the body cannot hold %s: %w", path, err)
	}
	switch where {
	case "form":
		s.r.setForm(name, string(doc))
	case "multipart":
		s.r.Body = bytes.Replace(s.r.Body, s.doc(), doc, 1)
	default:
		s.r.Body = doc
	}
	return nil
}
