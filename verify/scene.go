package verify

import (
	"cmp"
	"crypto/hmac"
	"strings"
)

// scene is one request as the parts of a template see it.
type scene struct {
	r        *Request
	public   string            // public URL; "": the request's own
	with     map[string]string // parameters of the source
	document string            // where the JSON is
	key      []byte            // for {secret} and the hmac filters
	ts       string            // timestamp as it stands in the request
	list     string            // the signature's list, for {sig:x}
	place    *Place            // how that list is written
	kid      string            // of a JWT
}

// text is what a part stands for. Missing, empty and ambiguous values are refusals, except that an optional part is
// empty when it is missing.
func (s *scene) text(p part) (string, error) {
	value, err := s.raw(p)
	if err != nil {
		if !p.optional || !s.missing(p) {
			return "", err
		}
		value = ""
	}
	for _, f := range p.filters {
		if algorithm, is := strings.CutPrefix(f, "hmac-"); is {
			if len(s.key) == 0 {
				return "", refuse("no secret to answer with")
			}
			m := hmac.New(hashOf(algorithm), s.key)
			_, _ = m.Write([]byte(value))
			value = string(m.Sum(nil))
			continue
		}
		value = filter(f, value)
	}
	return value, nil
}

func (s *scene) raw(p part) (string, error) {
	switch p.kind {
	case literal:
		return p.text, nil
	case partBody:
		return string(s.r.Body), nil
	case partTS:
		return s.ts, nil
	case partMethod:
		return strings.ToUpper(s.r.Method), nil
	case partURL:
		return s.target(), nil
	case partPath:
		path, _ := splitURL(s.target())
		return path, nil
	case partHeader:
		return s.r.value(p.text)
	case partQuery:
		if p.text == "" {
			_, query := splitURL(s.r.URL)
			return query, nil
		}
		return s.r.query(p.text)
	case partForm:
		return s.r.form(p.text)
	case partMultipart:
		return s.r.multipart(p.text)
	case partJSON:
		return s.json(p.text)
	case partSig:
		return s.place.field(s.list, p.text)
	case partWith:
		if s.with[p.text] == "" {
			return "", refuse("the source has no %s under with", p.text)
		}
		return s.with[p.text], nil
	case partSecret:
		return string(s.key), nil
	case partKID:
		return s.kid, nil
	}
	return canonicals()[p.text](s)
}

// missing reports whether an optional part is not there at all, or empty in the JSON: one that is there twice is never
// optional.
func (s *scene) missing(p part) bool {
	switch p.kind {
	case partHeader:
		return len(s.r.Header[p.text]) == 0
	case partJSON:
		value, _ := jsonValue(s.doc(), p.text)
		return value == ""
	case partQuery:
		_, query := splitURL(s.r.URL)
		return count(query, p.text) == 0
	case partForm:
		return count(string(s.r.Body), p.text) == 0
	case partSig:
		return true
	case partWith:
		return s.with[p.text] == ""
	}
	return false
}

// target is the URL as the sender knows it: the public one, with the request's query unless it has its own.
func (s *scene) target() string {
	if s.public == "" || strings.Contains(s.public, "?") {
		return cmp.Or(s.public, s.r.URL)
	}
	if _, query := splitURL(s.r.URL); query != "" {
		return s.public + "?" + query
	}
	return s.public
}

// doc is the JSON document: the body, or a field of it.
func (s *scene) doc() []byte {
	where, name, _ := strings.Cut(s.document, ":")
	var text string
	switch where {
	case "form":
		text, _ = s.r.form(name)
	case "multipart":
		text, _ = s.r.multipart(name)
	default:
		return s.r.Body
	}
	return []byte(text)
}

// json is the text, number or truth value at a path of the document.
func (s *scene) json(path string) (string, error) {
	value, found := jsonValue(s.doc(), path)
	switch {
	case !found:
		return "", refuse("body has no %s", path)
	case value == "":
		return "", refuse("%s in the body is empty", path)
	}
	return value, nil
}

// fill resolves a whole template.
func (s *scene) fill(parts []part) (string, error) {
	var b strings.Builder
	for _, p := range parts {
		text, err := s.text(p)
		if err != nil {
			return "", err
		}
		b.WriteString(text)
	}
	return b.String(), nil
}
