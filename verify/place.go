package verify

import (
	"strconv"
	"strings"
)

// texts is what stands at the place: one text, or several of which any may do (each), or of which all must (JSON with *).
func (p *Place) texts(s *scene) ([]string, error) {
	switch {
	case p.JSON != "":
		return p.fromJSON(s)
	case p.Each || p.Numbered > 0:
		return p.fromHeaders(s.r)
	}
	text, err := p.text(s)
	if err != nil {
		return nil, err
	}
	if p.Groups != "" {
		return strings.Split(text, p.Groups), nil
	}
	return []string{text}, nil
}

func (p *Place) text(s *scene) (string, error) {
	switch {
	case p.Form != "":
		return s.r.form(p.Form)
	case p.Query != "":
		return s.r.query(p.Query)
	case p.Basic:
		return s.r.value("Authorization")
	case p.JSON != "":
		return s.json(p.JSON)
	}
	if p.Numbered > 0 {
		return s.r.value(p.names()[0])
	}
	return s.r.value(p.header(s.r))
}

func (p *Place) fromJSON(s *scene) ([]string, error) {
	values, ok := jsonAll(s.doc(), p.JSON)
	if !ok {
		return nil, refuse("body has no %s", p.JSON)
	}
	return values, nil
}

// fromHeaders reads each of the headers that is present; one that is there twice or empty is a refusal.
func (p *Place) fromHeaders(r *Request) (texts []string, err error) {
	for _, name := range p.names() {
		if len(r.Header[name]) == 0 {
			continue
		}
		text, err := r.value(name)
		if err != nil {
			return nil, err
		}
		texts = append(texts, text)
	}
	if len(texts) == 0 {
		return nil, refuse("header %s missing", p.names()[0])
	}
	return texts, nil
}

// names are the headers that count.
func (p *Place) names() []string {
	if p.Numbered == 0 {
		return p.Header
	}
	names := make([]string, p.Numbered)
	for i := range names {
		names[i] = p.Header[0] + strconv.Itoa(i+1)
	}
	return names
}

// header is the first of the alternatives that is present.
func (p *Place) header(r *Request) string {
	for _, name := range p.Header {
		if _, present := r.Header[name]; present {
			return name
		}
	}
	return p.Header[0]
}

// present reports whether anything stands at the place.
func (p *Place) present(s *scene) bool {
	switch {
	case p.Form != "":
		return count(string(s.r.Body), p.Form) > 0
	case p.Query != "":
		_, query := splitURL(s.r.URL)
		return count(query, p.Query) > 0
	case p.JSON != "":
		_, ok := jsonAll(s.doc(), p.JSON)
		return ok
	case p.Basic:
		return len(s.r.Header["Authorization"]) > 0
	}
	for _, name := range p.names() {
		if len(s.r.Header[name]) > 0 {
			return true
		}
	}
	return false
}

// what names the place in a reason.
func (p *Place) what(r *Request) string {
	switch {
	case p.Form != "":
		return "form field " + p.Form
	case p.Query != "":
		return "query parameter " + p.Query
	case p.JSON != "":
		return p.JSON + " in the body"
	case p.Basic:
		return "header Authorization"
	case p.Numbered > 0:
		return "header " + p.Header[0] + "1"
	}
	return "header " + p.header(r)
}

// put writes text to the place.
func (p *Place) put(s *scene, text string) error {
	switch {
	case p.Form != "":
		s.r.setForm(p.Form, text)
	case p.Query != "":
		s.r.setQuery(p.Query, text)
	case p.JSON != "":
		return s.setJSON(p.JSON, text)
	case p.Basic:
		s.r.set("Authorization", text)
	default:
		s.r.set(p.names()[0], text)
	}
	return nil
}

// next cuts the first item off a list; a place without a separator holds one item. The blank of ", " may be missing.
func (p *Place) next(list string) (item, rest string, more bool) {
	if p.Separator == "" {
		return list, "", false
	}
	mark := strings.TrimRight(p.Separator, " ")
	if mark == "" || mark == p.Separator {
		return strings.Cut(list, p.Separator)
	}
	item, rest, more = strings.Cut(list, mark)
	return item, strings.TrimLeft(rest, " "), more
}

// value is the encoded signature in an item, if it is one: with the right key, and the prefix, which is mandatory.
func (p *Place) value(item string) (string, bool) {
	if p.Assign != "" {
		key, value, assigned := strings.Cut(item, p.Assign)
		switch {
		case assigned && key == p.Field:
			item = value
		case assigned || !p.Bare:
			return "", false
		}
	}
	value, prefixed := strings.CutPrefix(item, p.Prefix)
	return value, (prefixed || p.Bare) && value != ""
}

// field is the only value of another key in the list, such as the t of "t=1,v1=ab".
func (p *Place) field(text, key string) (string, error) {
	found, count := "", 0
	for more := true; more; {
		var item string
		item, text, more = p.next(text)
		k, value, assigned := strings.Cut(item, p.Assign)
		if assigned && k == key {
			found = value
			count++
		}
	}
	switch {
	case count == 0 || found == "":
		return "", refuse("signature has no %s", key)
	case count > 1:
		return "", refuse("signature has %s %d times", key, count)
	}
	return found, nil
}

// format is the inverse of next, value and field: the text for one signature and the other fields, in their order.
func (p *Place) format(signature string, fields [][2]string) string {
	text := p.Prefix + signature
	if p.Assign != "" {
		text = p.Field + p.Assign + text
	}
	for i := len(fields) - 1; i >= 0; i-- {
		text = fields[i][0] + p.Assign + fields[i][1] + p.Separator + text
	}
	return text
}

// filled is compiled, with the source's parameters in the prefix: {with:NAME}.
func (p *Place) filled(k Keys) Place {
	c := p.compiled()
	for name, value := range k.With {
		c.Prefix = strings.ReplaceAll(c.Prefix, "{with:"+name+"}", value)
	}
	return c
}

// compiled is a copy with canonical header names.
func (p *Place) compiled() Place {
	c := *p
	c.Header = make([]string, len(p.Header))
	for i, name := range p.Header {
		c.Header[i] = canonical(name)
	}
	return c
}
