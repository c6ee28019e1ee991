package rules

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"

	"github.com/hookrouter/hookrouter/verify"
)

// TestTablesOfSenders: the keys that package verify reads are those of the tables, in any order.
func TestTablesOfSenders(t *testing.T) {
	for _, k := range append(senderTables(), respondKeys) {
		want := slices.Sorted(slices.Values(verify.BlockKeys(k.name)))
		if got := slices.Sorted(slices.Values(k.names())); !slices.Equal(got, want) {
			t.Errorf("%s: the table has %q, the parser %q", k.name, got, want)
		}
	}
}

// TestEveryTableIsUsed: the schema leads to each block, and to none that is not there.
func TestEveryTableIsUsed(t *testing.T) {
	data, err := json.Marshal(Schema())
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{"top": true}
	for _, m := range regexp.MustCompile(`"#/definitions/(\w+)"`).FindAllStringSubmatch(string(data), -1) {
		used[m[1]] = true
	}
	for _, k := range tables() {
		if !used[k.name] {
			t.Errorf("nothing leads to %q", k.name)
		}
		delete(used, k.name)
		for _, r := range k.rows {
			if r.what == "" || r.takes.words == "" {
				t.Errorf("%s.%s: nothing is said about it", k.name, r.key)
			}
		}
	}
	for name := range used {
		t.Errorf("there is no table %q", name)
	}
}

// TestSchemaNeedsWhatTheParserNeeds: a key that the schema asks for is one that the parser asks for.
func TestSchemaNeedsWhatTheParserNeeds(t *testing.T) {
	const whole = `
version: 1
presets:
  own:
    verify: { kind: hmac, signature: { header: X-S } }
    handshake: { match: { json: { a: "*" } }, reply: { body: x } }
sources: { s: { preset: own, secret: 0123456789abcdef } }
destinations:
  d: { url: http://a.example/ }
  b: { url: http://b.example/, auth: { basic: { username: u, password: "${P:-p}" } } }
  o: { url: http://o.example/, auth: { oauth2: { token_url: https://i/, client_id: c, client_secret: "${P:-p}" } } }
routes:
  - { name: r, from: s, to: d, coalesce: { key: body.a, wait: 1s } }
tests:
  - { name: t, given: { source: s, body: { a: 1 } }, expect: { d: { } } }
alerts: { to: d }
`
	parses := func(text string) error {
		_, err := Parse(File{Data: []byte(text)}, Options{PublicLoopback: true})
		return err
	}
	if err := parses(whole); err != nil {
		t.Fatal(err)
	}
	for _, k := range tables() {
		for _, r := range k.rows {
			if r.def != required {
				continue
			}
			text, n := without(whole, k.name, r.key)
			if n != 1 {
				t.Errorf("%s.%s stands %d times", k.name, r.key, n)
			} else if parses(text) == nil {
				t.Errorf("the parser takes %s without %s, the schema does not", k.name, r.key)
			}
		}
	}
}

// without takes one key out of a file, by its place.
func without(text, block, key string) (string, int) {
	paths := map[string]string{
		"top": "", "destination": "destinations.d", "route": "routes.0", "coalesce": "routes.0.coalesce", "test": "tests.0",
		"given": "tests.0.given", "preset": "presets.own", "handshake": "presets.own.handshake", "verify": "presets.own.verify",
		"basic": "destinations.b.auth.basic", "oauth2": "destinations.o.auth.oauth2", "alerts": "alerts",
	}
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return "", 0
	}
	n := doc.Content[0]
	for step := range strings.SplitSeq(paths[block], ".") {
		switch {
		case step == "":
		case n.Kind == yaml.SequenceNode:
			n = n.Content[0]
		default:
			n = n.Content[1+slices.IndexFunc(n.Content, func(x *yaml.Node) bool { return x.Value == step })]
		}
	}
	found := 0
	for i := len(n.Content) - 2; i >= 0; i -= 2 {
		if n.Content[i].Value == key {
			n.Content, found = slices.Delete(n.Content, i, i+2), found+1
		}
	}
	out, err := yaml.Marshal(&doc)
	if err != nil {
		return "", 0
	}
	return string(out), found
}

func TestExamplesFitTheSchema(t *testing.T) {
	names := []string{"../examples/rules.yaml", "../cmd/hookrouter/demo.yaml", "../cmd/hookrouter/init.yaml"}
	for _, pattern := range []string{"../examples/*/rules.yaml", "../examples/*/*/rules.yaml"} {
		more, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, more...)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, wrong := range misfits(t, string(data)) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
}

// TestWhatTheParserTakesFitsTheSchema: the files of the parser's own cases that have no fault.
func TestWhatTheParserTakesFitsTheSchema(t *testing.T) {
	taken := 0
	for name, data := range parserCases(t) {
		if _, err := Parse(File{Data: data}, schemaCaseOptions()); err != nil {
			continue
		}
		taken++
		for _, wrong := range misfits(t, string(data)) {
			t.Errorf("%s: %s", name, wrong)
		}
	}
	if taken < 12 {
		t.Errorf("only %d files", taken)
	}
}

func parserCases(t *testing.T) map[string][]byte {
	t.Helper()
	cases := map[string][]byte{}
	for _, pattern := range []string{"testdata/check/*.txtar", "testdata/run/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			data, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			cases[path] = data
			for _, f := range txtar.Parse(data).Files {
				cases[path+"/"+f.Name] = f.Data
			}
		}
	}
	return cases
}

func schemaCaseOptions() Options {
	known := func(string) (string, bool) { return strings.Repeat("s", 64), true }
	return Options{Env: known, PublicLoopback: true, ReadFile: func(string) ([]byte, error) { return []byte("0123456789abcdef"), nil }}
}

// TestSchemaRefuses: the schema must be able to say no, each time at the right place.
func TestSchemaRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"sources: {}":            "$: version is missing",
		"version: 2":             "$.version: not one of",
		"version: 1\nsource: {}": "$.source: unknown key",
		"version: 1\nsources: { UP: { preset: x } }":              "$.sources: name UP",
		"version: 1\nsources: { a: { presett: x } }":              "$.sources.a.presett: unknown key",
		"version: 1\ndestinations: { a: { url: x, timeout: 5 } }": "$.destinations.a: no option",
		"version: 1\ndefaults: { timeout: 5 parsecs }":            "$.defaults: no option",
		"version: 1\nroutes: [{ name: a }]":                       "$.routes[0]: from is missing",
		"version: 1\nroutes: { name: a }":                         "$.routes: not [array null]",
		"version: 1\nroutes: [{ name: a, from: [] }]":             "$.routes[0].from: no option",
	} {
		if wrong := misfits(t, text); !slices.ContainsFunc(wrong, func(s string) bool { return strings.HasPrefix(s, want) }) {
			t.Errorf("%q: %q, want %q", text, wrong, want)
		}
	}
}

// misfits checks a file against the schema: as much of JSON Schema as ours uses.
func misfits(t *testing.T, text string) []string {
	t.Helper()
	data, err := json.Marshal(Schema())
	if err != nil {
		t.Fatal(err)
	}
	c := &checker{}
	if err := json.Unmarshal(data, &c.root); err != nil {
		t.Fatal(err)
	}
	var value any
	if err := yaml.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	c.check("$", c.root, value)
	return c.wrong
}

type checker struct {
	root  map[string]any
	wrong []string
}

func (c *checker) fail(at, format string, args ...any) {
	c.wrong = append(c.wrong, at+": "+fmt.Sprintf(format, args...))
}

func (c *checker) fits(s map[string]any, v any) bool {
	sub := &checker{root: c.root}
	sub.check("", s, v)
	return len(sub.wrong) == 0
}

func (c *checker) check(at string, s map[string]any, v any) {
	for key, arg := range s {
		switch key {
		case "$ref":
			name := strings.TrimPrefix(arg.(string), "#/definitions/")
			c.check(at, c.root["definitions"].(map[string]any)[name].(map[string]any), v)
		case "anyOf":
			if !slices.ContainsFunc(arg.([]any), func(o any) bool { return c.fits(o.(map[string]any), v) }) {
				c.fail(at, "no option fits %v", v)
			}
		case "allOf":
			for _, o := range arg.([]any) {
				c.check(at, o.(map[string]any), v)
			}
		case "type":
			if !slices.ContainsFunc(anyList(arg), func(k any) bool { return isType(k.(string), v) }) {
				c.fail(at, "not %v: %v", arg, v)
			}
		case "enum", "const":
			if !slices.ContainsFunc(anyList(arg), func(x any) bool { return fmt.Sprint(x) == fmt.Sprint(v) }) {
				c.fail(at, "not one of %v: %v", arg, v)
			}
		case "pattern":
			if text, ok := v.(string); ok && !regexp.MustCompile(arg.(string)).MatchString(text) {
				c.fail(at, "%q does not match %s", text, arg)
			}
		case "minLength":
			if text, ok := v.(string); ok && text == "" {
				c.fail(at, "empty")
			}
		case "minItems":
			if list, ok := v.([]any); ok && len(list) == 0 {
				c.fail(at, "empty")
			}
		case "items":
			if list, ok := v.([]any); ok {
				for i, x := range list {
					c.check(fmt.Sprintf("%s[%d]", at, i), arg.(map[string]any), x)
				}
			}
		case "required", "properties", "additionalProperties", "propertyNames":
		case "$schema", "definitions", "title", "description", "default":
		default:
			c.fail(at, "the test does not know %q of JSON Schema", key)
		}
	}
	if m, ok := v.(map[string]any); ok {
		c.object(at, s, m)
	}
}

func (c *checker) object(at string, s map[string]any, m map[string]any) {
	required, _ := s["required"].([]any)
	for _, key := range required {
		if _, ok := m[key.(string)]; !ok {
			c.fail(at, "%v is missing", key)
		}
	}
	properties, _ := s["properties"].(map[string]any)
	names, _ := s["propertyNames"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		if names != nil && !c.fits(names, key) {
			c.fail(at, "name %s", key)
		}
		value, known := properties[key].(map[string]any)
		if other, ok := s["additionalProperties"].(map[string]any); !known && ok {
			value, known = other, true
		}
		switch {
		case known:
			c.check(at+"."+key, value, m[key])
		case s["additionalProperties"] == false:
			c.fail(at+"."+key, "unknown key")
		}
	}
}

func anyList(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

func isType(name string, v any) bool {
	switch v.(type) {
	case nil:
		return name == "null"
	case bool:
		return name == "boolean"
	case int:
		return name == "integer" || name == "number"
	case float64:
		return name == "number"
	case map[string]any:
		return name == "object"
	case []any:
		return name == "array"
	}
	return name == "string"
}
