package verify

import (
	"crypto/rand"
	"errors"
	"strings"
	"time"
	"unicode"
)

// signed is what all kinds with a signature over content share: where it stands, what it covers, and when it was made.
type signed struct {
	place    Place
	coding   coding
	contents [][]part // any may fit
	stamp    *Timestamp
	must     [][2][]part
	open     Keys
	document string
}

// values are what the parts of one content stand for. The body is left out where no filter changes it: it is hashed
// where it lies.
type values [maxParts]string

func newSigned(s Scheme, k Keys) (signed, error) {
	c := signed{place: s.Signature.filled(k), coding: coding(s.Encoding), open: k.open(), document: s.Document}
	if c.coding == "" {
		c.coding = codingHex
	}
	if s.Timestamp != nil {
		t := *s.Timestamp
		t.Header = canonical(t.Header)
		c.stamp = &t
	}
	for _, src := range s.content() {
		parts, err := parseTemplate(src, contentParts())
		if err != nil {
			return signed{}, err
		}
		c.contents = append(c.contents, parts)
	}
	var err error
	c.must, err = conditions(s.Must)
	return c, err
}

// scene is what templates see of a request.
func (c *signed) scene(r *Request) scene {
	return scene{r: r, public: c.open.PublicURL, with: c.open.With, document: c.document, place: &c.place}
}

// proof reports whether a text holds a signature of content; its error is why none can be.
type proof func(text string, content []part, v *values, body []byte) (bool, error)

// verify tries each text at the place with each content. wellFormed is asked before anything is hashed, so that a flood
// of nonsense is cheap.
func (c *signed) verify(r *Request, now time.Time, wellFormed func(text string) error, proves proof) error {
	s := c.scene(r)
	if err := holds(c.must, &s); err != nil {
		return err
	}
	texts, err := c.place.texts(&s)
	if err != nil {
		return err
	}
	var reason error
	for _, text := range texts {
		if err := c.one(&s, text, now, wellFormed, proves); err == nil {
			return nil
		} else if reason == nil || !isRefusal(err) {
			reason = err
		}
	}
	return reason
}

func (c *signed) one(s *scene, text string, now time.Time, wellFormed func(string) error, proves proof) error {
	s.list = text
	if c.stamp != nil {
		var err error
		if s.ts, err = c.timestamp(s); err != nil {
			return err
		}
		if err := c.stamp.check(s.ts, now); err != nil {
			return err
		}
	}
	if err := wellFormed(text); err != nil {
		return err
	}
	var reason error
	for _, content := range c.contents {
		var v values
		err := resolve(s, content, &v)
		if err == nil {
			var ok bool
			if ok, err = proves(text, content, &v, s.r.Body); ok {
				return nil
			}
		}
		if reason == nil || err != nil && !isRefusal(err) {
			reason = err
		}
	}
	return reason
}

func (c *signed) timestamp(s *scene) (string, error) {
	switch {
	case c.stamp.Field != "":
		return c.place.field(s.list, c.stamp.Field)
	case c.stamp.JSON != "":
		return s.json(c.stamp.JSON)
	case c.stamp.Form != "":
		return s.r.form(c.stamp.Form)
	}
	return s.r.value(c.stamp.Header)
}

// resolve fills in what the parts of a content stand for.
func resolve(s *scene, content []part, v *values) (err error) {
	for i, p := range content {
		if p.kind == partSecret || p.inPlace() {
			continue
		}
		if v[i], err = s.text(p); err != nil {
			return err
		}
		// "a" "." "b.c" and "a.b" "." "c" would be signed alike, so a value must not hold what ends it.
		if p.kind == partHeader && i+1 < len(content) {
			if err = endsThere(p.text, v[i], content[i+1]); err != nil {
				return err
			}
		}
	}
	return nil
}

// endsThere refuses a header of which more or less could have been signed as what follows it. Where nothing stands
// between them it must look like an id, so that it can hold no beginning of a body that is JSON.
func endsThere(name, value string, next part) error {
	plain := func(c rune) bool {
		return c < 128 && (unicode.IsLetter(c) || unicode.IsDigit(c) || strings.ContainsRune("-_.:+/=", c))
	}
	switch {
	case next.kind == literal && strings.Contains(value, next.text):
		return refuse("header %s contains %q, which ends it in the signed content", name, next.text)
	case next.kind != literal && strings.ContainsFunc(value, func(c rune) bool { return !plain(c) }):
		return refuse("header %s is no id, and nothing ends it in the signed content", name)
	}
	return nil
}

// inPlace reports whether the part is the body as it came.
func (p part) inPlace() bool { return p.kind == partBody && len(p.filters) == 0 }

// sign sets what the content needs and is missing, has the signature made, and puts it in its place.
func (c *signed) sign(r *Request, now time.Time, make func(content []part, v *values, body []byte) ([]byte, error)) error {
	s := c.scene(r)
	if err := c.prepare(&s, now); err != nil {
		return err
	}
	content := c.contents[0]
	var v values
	var err error
	for _, content = range c.contents {
		v = values{}
		if err = resolve(&s, content, &v); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	signature, err := make(content, &v, r.Body)
	if err != nil {
		return err
	}
	return c.place.put(&s, c.place.format(c.coding.encode(signature), c.fields(&s)))
}

// prepare sets the timestamp and the headers that are signed and missing.
func (c *signed) prepare(s *scene, now time.Time) error {
	if c.stamp != nil {
		s.ts = c.stamp.text(now)
		switch {
		case c.stamp.Header != "":
			s.r.set(c.stamp.Header, s.ts)
		case c.stamp.Form != "":
			s.r.setForm(c.stamp.Form, s.ts)
		case c.stamp.JSON != "":
			if err := s.setJSON(c.stamp.JSON, s.ts); err != nil {
				return err
			}
		}
	}
	for _, p := range c.contents[0] {
		switch {
		case p.kind == partCanonical && preparers()[p.text] != nil:
			preparers()[p.text](s.r)
		case p.kind == partHeader && !p.optional && len(s.r.Header[p.text]) == 0:
			s.r.set(p.text, "msg_"+rand.Text())
		}
	}
	s.list = c.place.format("", c.fields(s))
	return nil
}

// fields are the keys that stand in the signature's list beside it.
func (c *signed) fields(s *scene) (fields [][2]string) {
	if c.stamp != nil && c.stamp.Field != "" {
		fields = append(fields, [2]string{c.stamp.Field, s.ts})
	}
	for _, p := range c.contents[0] {
		if p.kind == partSig && (c.stamp == nil || p.text != c.stamp.Field) {
			fields = append(fields, [2]string{p.text, "x"})
		}
	}
	return fields
}

// conditions compiles pairs of templates that must yield the same text.
func conditions(must map[string]string) (all [][2][]part, err error) {
	for left, right := range must {
		var pair [2][]part
		for i, src := range []string{left, right} {
			if pair[i], err = parseTemplate(src, contentParts()); err != nil {
				return nil, err
			}
		}
		all = append(all, pair)
	}
	return all, nil
}

// holds refuses a request of which one of the conditions does not hold. The texts may be secret: the reason has none.
func holds(must [][2][]part, s *scene) error {
	for _, pair := range must {
		if isOpen(pair[1], s.with) {
			continue
		}
		left, err := s.fill(pair[0])
		if err != nil {
			return err
		}
		right, err := s.fill(pair[1])
		if err != nil {
			return err
		}
		if !equal(left, right) {
			return refuse("%s is not what it must be", describe(pair[0]))
		}
	}
	return nil
}

// isOpen reports whether a condition is about an optional parameter that the source does not give.
func isOpen(right []part, with map[string]string) bool {
	return len(right) == 1 && right[0].kind == partWith && right[0].optional && with[right[0].text] == ""
}

// describe names the first part of a template that is no literal, for reasons.
func describe(parts []part) string {
	for _, p := range parts {
		switch p.kind {
		case partHeader:
			return "header " + p.text
		case partJSON:
			return p.text + " in the body"
		case partQuery:
			return "query parameter " + p.text
		case partForm:
			return "form field " + p.text
		}
	}
	return "a part of the request"
}

func isRefusal(err error) bool {
	var refused *Refusal
	return errors.As(err, &refused)
}
