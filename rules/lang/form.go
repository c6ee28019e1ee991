package lang

import (
	"net/url"
	"strings"
)

// Form is what form() makes: the text of an HTML form. As the result of a transform it has the Content-Type of one.
type Form string

// fnForm writes a map as a form, keys in their order: a list repeats its key, what is missing is left out.
func fnForm(r *run, s *site, args []any) any {
	m := s.object(args, 0)
	var b strings.Builder
	for _, key := range sortedKeys(m) {
		values, many := m[key].([]any)
		if !many {
			values = []any{m[key]}
		}
		for _, v := range values {
			r.step(1)
			if v == nil {
				continue
			}
			text, ok := scalarText(v)
			if !ok {
				s.failAt(0, "holds %s under %.64q; toJSON() makes text of it", aKind(v), key)
			}
			r.grow(3*(len(key)+len(text)) + 2)
			if b.Len() > 0 {
				b.WriteByte('&')
			}
			b.WriteString(url.QueryEscape(key) + "=" + url.QueryEscape(text))
		}
	}
	return Form(b.String())
}
