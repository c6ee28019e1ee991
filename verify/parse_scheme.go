package verify

import "gopkg.in/yaml.v3"

// ParseScheme reads a `verify:` block: a mapping, or the word none. Unknown keys and values are problems, all of them
// at once; the Scheme is usable only without.
func ParseScheme(n *yaml.Node) (Scheme, []Problem) {
	d := &reader{}
	return d.scheme(n), d.problems
}

func (d *reader) scheme(n *yaml.Node) Scheme {
	switch {
	case n.Kind == yaml.ScalarNode && n.Value == KindNone:
		return Scheme{Kind: KindNone}
	case n.Kind == yaml.ScalarNode:
		d.fail(n, "a mapping with kind: hmac or token, or the word none", "verify: unknown value %q", n.Value)
		return Scheme{}
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
		var s Scheme
		for _, one := range n.Content {
			s.Any = append(s.Any, d.scheme(one))
			if last := s.Any[len(s.Any)-1]; len(last.Any) > 0 || last.Kind == KindNone {
				d.fail(one, "", "verify: a list holds schemes that prove something: neither none nor another list")
			}
		}
		return s
	}
	before := len(d.problems)
	d.at = map[string]*yaml.Node{"": n}
	keys := d.remember("", d.block(n, "verify"))
	s := Scheme{
		Kind:       d.text(keys["kind"], "kind"),
		Algorithm:  d.texts(keys["algorithm"], "algorithm"),
		Padding:    d.text(keys["padding"], "padding"),
		Encoding:   d.text(keys["encoding"], "encoding"),
		Content:    d.texts(keys["content"], "content"),
		Signature:  d.place(keys["signature"], "signature"),
		Token:      d.place(keys["token"], "token"),
		Timestamp:  d.timestamp(keys["timestamp"]),
		Key:        d.key(keys["key"]),
		Document:   d.text(keys["document"], "document"),
		Must:       d.pairs(keys["must"], "must"),
		Claims:     d.lists(keys["claims"], "claims"),
		BodyClaims: d.lists(keys["body_claims"], "body_claims"),
		MaxAge:     d.duration(keys["max_age"], "max_age"),
		Skew:       d.duration(keys["skew"], "skew"),
	}
	if len(d.problems) == before {
		d.checkScheme(s)
	}
	return s
}

func (d *reader) key(n *yaml.Node) (key Key) {
	if n == nil {
		return key
	}
	k := d.remember("key.", d.block(n, "key"))
	return Key{
		Strip: d.texts(k["strip"], "strip"), Encoding: d.text(k["encoding"], "encoding"), Bare: d.text(k["bare"], "bare"),
		Suffix: d.text(k["suffix"], "suffix"), Derive: d.text(k["derive"], "derive"), Length: d.number(k["length"], "length", 1, 1<<16),
		URL: d.text(k["url"], "url"), Hosts: d.texts(k["hosts"], "hosts"), JSON: d.text(k["json"], "json"), Post: d.text(k["post"], "post"),
	}
}

// checkScheme reports the faults of a well-formed scheme where its keys stand.
func (d *reader) checkScheme(s Scheme) {
	for _, f := range s.check() {
		at := d.at[f.key]
		if at == nil {
			at = d.at[""]
		}
		d.fail(at, f.hint, "verify: %s", f.message)
	}
}

func (d *reader) remember(prefix string, keys map[string]*yaml.Node) map[string]*yaml.Node {
	for key, n := range keys {
		d.at[prefix+key] = n
	}
	return keys
}

func (d *reader) place(n *yaml.Node, name string) *Place {
	if n == nil {
		return nil
	}
	keys := d.remember(name+".", d.mapping(n, name, BlockKeys("place")...))
	return &Place{
		Header:    d.texts(keys["header"], "header"),
		Form:      d.text(keys["form"], "form"),
		Query:     d.text(keys["query"], "query"),
		JSON:      d.text(keys["json"], "json"),
		Basic:     d.yes(keys["basic"], "basic"),
		Each:      d.yes(keys["each"], "each"),
		Numbered:  d.number(keys["numbered"], "numbered", 1, 100),
		Prefix:    d.text(keys["prefix"], "prefix"),
		Bare:      d.yes(keys["bare"], "bare"),
		Groups:    d.text(keys["groups"], "groups"),
		Separator: d.text(keys["separator"], "separator"),
		Assign:    d.text(keys["assign"], "assign"),
		Field:     d.text(keys["field"], "field"),
	}
}

func (d *reader) timestamp(n *yaml.Node) *Timestamp {
	if n == nil {
		return nil
	}
	keys := d.remember("timestamp.", d.block(n, "timestamp"))
	return &Timestamp{
		Header:    d.text(keys["header"], "header"),
		Field:     d.text(keys["field"], "field"),
		JSON:      d.text(keys["json"], "json"),
		Form:      d.text(keys["form"], "form"),
		Unit:      d.text(keys["unit"], "unit"),
		Tolerance: d.duration(keys["tolerance"], "tolerance"),
		Past:      d.duration(keys["past"], "past"),
		Future:    d.duration(keys["future"], "future"),
	}
}
