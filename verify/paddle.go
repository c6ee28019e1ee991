package verify

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// paddleFields are the fields of Paddle Classic's form, without the signature, as PHP's serialize writes them: sorted by
// name, all of them texts, lengths in bytes. Source: Paddle's documentation of classic webhooks.
func paddleFields(s *scene) (string, error) {
	fields, err := url.ParseQuery(string(s.r.Body))
	if err != nil {
		return "", refuse("the form is not well encoded")
	}
	delete(fields, "p_signature")
	names := make([]string, 0, len(fields))
	for name := range fields {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	fmt.Fprintf(&b, "a:%d:{", len(names))
	for _, name := range names {
		if len(fields[name]) > 1 {
			return "", refuse("form field %s appears %d times", clip(name), len(fields[name]))
		}
		fmt.Fprintf(&b, "s:%d:\"%s\";s:%d:\"%s\";", len(name), name, len(fields[name][0]), fields[name][0])
	}
	b.WriteString("}")
	return b.String(), nil
}
