package verify

import "gopkg.in/yaml.v3"

// ParseScheme reads a `verify:` block: a mapping, or the word none. Unknown keys and values are problems, all of them
// at once; the Scheme is usable only without.
func ParseScheme(n *yaml.Node) (Scheme, []Problem) {
	d := &reader{}
	return d.scheme(n), d.problems
}

func (d *reader) scheme(n *yaml.Node) Scheme {
	if n.Kind == yaml.ScalarNode && n.Value == KindNone {
		return Scheme{Kind: KindNone}
	}
	if n.Kind == yaml.ScalarNode {
		d.fail(n, "a mapping with kind: hmac or token, or the word none", "verify: unknown value %q", n.Value)
		return Scheme{}
	}
	before := len(d.problems)
	d.at = map[string]*yaml.Node{"": n}
	keys := d.remember("", d.block(n, "verify"))
	s := Scheme{
		Kind:      d.text(keys["kind"], "kind"),
		Algorithm: d.text(keys["algorithm"], "algorithm"),
		Encoding:  d.text(keys["encoding"], "encoding"),
		Content:   d.text(keys["content"], "content"),
		Signature: d.place(keys["signature"], "signature"),
		Token:     d.place(keys["token"], "token"),
		Timestamp: d.timestamp(keys["timestamp"]),
	}
	if key := keys["key"]; key != nil {
		k := d.remember("key.", d.block(key, "key"))
		s.Key = Key{d.text(k["strip"], "strip"), d.text(k["encoding"], "encoding"), d.number(k["length"], "length", 1, 1<<16)}
	}
	if len(d.problems) == before {
		d.checkScheme(s)
	}
	return s
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
		Basic:     d.yes(keys["basic"], "basic"),
		Prefix:    d.text(keys["prefix"], "prefix"),
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
		Unit:      d.text(keys["unit"], "unit"),
		Tolerance: d.duration(keys["tolerance"], "tolerance"),
	}
}
