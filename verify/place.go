package verify

import "strings"

// text is what stands at the place.
func (p *Place) text(r *Request) (string, error) {
	switch {
	case p.Form != "":
		return r.form(p.Form)
	case p.Query != "":
		return r.query(p.Query)
	case p.Basic:
		return r.value("Authorization")
	}
	return r.value(p.header(r))
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

// what names the place in a reason.
func (p *Place) what(r *Request) string {
	switch {
	case p.Form != "":
		return "form field " + p.Form
	case p.Query != "":
		return "query parameter " + p.Query
	case p.Basic:
		return "header Authorization"
	}
	return "header " + p.header(r)
}

// put writes text to the place.
func (p *Place) put(r *Request, text string) {
	switch {
	case p.Form != "":
		r.setForm(p.Form, text)
	case p.Query != "":
		r.setQuery(p.Query, text)
	case p.Basic:
		r.set("Authorization", text)
	default:
		r.set(p.Header[0], text)
	}
}

// next cuts the first item off a list; a place without a separator holds one item.
func (p *Place) next(list string) (item, rest string, more bool) {
	if p.Separator == "" {
		return list, "", false
	}
	return strings.Cut(list, p.Separator)
}

// value is the encoded signature in an item, if it is one: with the right key, and the prefix, which is mandatory.
func (p *Place) value(item string) (string, bool) {
	if p.Assign != "" {
		key, value, assigned := strings.Cut(item, p.Assign)
		if !assigned || key != p.Field {
			return "", false
		}
		item = value
	}
	value, prefixed := strings.CutPrefix(item, p.Prefix)
	return value, prefixed && value != ""
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

// format is the inverse of next, value and field: the text for one signature and, unless stampKey is empty, a time.
func (p *Place) format(signature, stampKey, ts string) string {
	text := p.Prefix + signature
	if p.Assign != "" {
		text = p.Field + p.Assign + text
	}
	if stampKey != "" {
		text = stampKey + p.Assign + ts + p.Separator + text
	}
	return text
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
