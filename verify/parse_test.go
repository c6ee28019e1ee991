package verify

import (
	"fmt"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"
)

func TestSchemeProblems(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{"off", `1:1: verify: unknown value "off" (a mapping with kind: hmac or token, or the word none)`},
		{"[none]", `1:2: verify: a list holds schemes that prove something: neither none nor another list`},
		{"signature: {header: X}", `1:1: verify: kind missing (kind: hmac, token or none)`},
		{"kind: hmca", `1:7: verify: unknown kind "hmca" (did you mean hmac?)`},
		{"kind: hmac", `1:1: verify: signature missing (for example signature: {header: X-Signature})`},
		{"kind: hmac\nsignatur: x", `2:1: verify: unknown key "signatur" (did you mean signature?)`},
		{"kind: hmac\nkind: token", `2:1: verify: key "kind" stands twice`},
		{"kind: hmac\nalgorithm: md5\nsignature: {header: X}", `2:12: verify: unknown value "md5" (known: sha1, sha256, sha384, sha512)`},
		{"kind: hmac\nalgorithm:\nsignature: {header: X}", `2:11: algorithm is empty (leave the key out)`},
		{"kind: hmac\nsignature: X", `2:12: signature must be a mapping (for example signature: {header: X}; keys: header, form, query, json, basic, each, numbered, prefix, bare, groups, separator, assign, field)`},
		{"kind: hmac\nsignature: {header: X Y}", `2:21: verify: "X Y" is not a header name`},
		{"kind: hmac\nsignature: {header: X, form: y}\ncontent: '{ts}'",
			`2:12: verify: says 2 places; exactly one of header, form, query, json, basic is needed | ` +
				`3:10: verify: {ts} needs a timestamp (for example timestamp: {header: X-Timestamp})`},
		{"kind: hmac\nsignature: {query: x}", `2:12: verify: a signature is not read from query or basic (use header, form or json)`},
		{"kind: hmac\nsignature: {form: x}", `2:12: verify: a signature inside the body cannot sign the whole body (use {form:…} or {json:…} in content)`},
		{"kind: hmac\nsignature: {header: X, assign: '='}", `2:12: verify: assign and field go together | 2:12: verify: assign needs a separator`},
		{"kind: hmac\nsignature: {header: X}\ncontent: '{bdy}'", `3:10: verify: unknown part {bdy} (known: {body}, {canonical:NAME}, {form:NAME}, {header:NAME}, {json:NAME}, {method}, {multipart:NAME}, {path}, {query:NAME}, {query}, {secret}, {sig:NAME}, {ts}, {url}, {with:NAME})`},
		{"kind: hmac\nsignature: {header: X}\ncontent: '{timestamp}.{body}'", `3:10: verify: unknown part {timestamp} (did you mean {ts}?)`},
		{"kind: hmac\nsignature: [X]", `2:12: signature must be a mapping (keys: header, form, query, json, basic, each, numbered, prefix, bare, groups, separator, assign, field)`},
		{"kind: hmac\nsignature: {header: X}\ncontent: '{body'", `3:10: verify: {body is not closed`},
		{"kind: hmac\nsignature: {header: X}\ncontent: 'a}'", `3:10: verify: } without {; a literal brace is written twice`},
		{"kind: hmac\nsignature: {header: X}\ncontent: '{header:}'", `3:10: verify: {header:} names nothing`},
		{"kind: hmac\nsignature: {header: X}\ncontent: '{canonical:aws}'", `3:10: verify: unknown canonical request "aws"; known: contentful, paddle, qsh, sns, sorted, twilio, twilio0, twilio80`},
		{"kind: hmac\nsignature: {header: X}\ntimestamp: {header: T}",
			`3:12: verify: the timestamp is not signed (sign it with {ts} in content, or leave it out)`},
		{"kind: hmac\nsignature: {header: X}\ncontent: '{ts}{body}'\ntimestamp: {header: T, tolerance: 1}",
			`4:35: tolerance must be a duration over 0 (for example 5m)`},
		{"kind: hmac\nsignature: {header: X}\ncontent: '{ts}{body}'\ntimestamp: {header: T, tolerance: 48h, unit: ns}",
			`4:46: verify: unknown value "ns" (did you mean s?) | 4:35: verify: must be from 1s to 24h`},
		{"kind: hmac\nsignature: {header: X}\ncontent: '{ts}{body}'\ntimestamp: {field: t}",
			`4:20: verify: the signature holds no fields (say separator, assign and field under signature)`},
		{"kind: token\ntoken: {header: X}\ncontent: '{body}'", `3:10: verify: content has no meaning with kind token`},
		{"kind: token\ntoken: {query: x, prefix: y}", `2:27: verify: only a header has a prefix`},
		{"kind: token\ntoken: {basic: yes}", `2:16: basic must be true or false`},
		{"kind: none\nkey: {length: 3}", `2:6: verify: key has no meaning with kind none`},
		{"kind: hmac\nsignature: {header: X}\nkey: {length: ü, encoding: b64}", `3:15: length must be a number from 1 to 65536`},
		{"kind: hmac # ü\nsignature: {prefix: üü, headr: X}", `2:25: signature: unknown key "headr" (did you mean header?)`},
	} {
		_, problems := ParseScheme(node(t, c.src))
		if got := list(problems); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.src, got, c.want)
		}
	}
}

func list(problems []Problem) string {
	var all []string
	for _, p := range problems {
		text := p.String()
		if p.Hint != "" {
			text += " (" + p.Hint + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, " | ")
}

// Texts that YAML would read as something else stay as they are written.
func TestScalarsAreTakenAsWritten(t *testing.T) {
	s := mustScheme(t, `{kind: hmac, signature: {header: no, prefix: 0123}, content: 1.10}`)
	if s.Signature.Header[0] != "no" || s.Signature.Prefix != "0123" || s.Content[0] != "1.10" {
		t.Errorf("got %+v %+v", s, s.Signature)
	}
}

func TestHandshakeAndPresetProblems(t *testing.T) {
	for _, c := range []struct{ src, want string }{
		{`{}`, `1:1: preset: verify missing (verify: none must be said)`},
		{`{verify: none, samples: []}`, `1:16: preset: unknown key "samples" (known: like, title, docs, verified, note, verify, handshake, type, dedupe, sender_id, methods, body, max_body, respond, with)`},
		{`{verify: none, methods: [post]}`, `1:25: methods: unknown method "post" (did you mean POST?)`},
		{`{verify: none, respond: {status: 410}}`, `1:34: status must be a number from 200 to 299`},
		{`{verify: none, respond: {body: [x]}}`, `1:32: respond: body must be a text`},
		{`{verify: none, sender_id: "a b"}`, `1:27: sender_id: "a b" is not a header name`},
		{`{verify: none, handshake: {reply: {}}}`, `1:27: handshake: match and reply are needed`},
		{`{verify: none, handshake: {match: {}, reply: {}}}`, `1:35: match: a condition is needed (json, header, query or form)`},
		{`{verify: none, handshake: {match: {json: {"a|b": x}}, reply: {}}}`, `1:42: match: "a|b" is not a path (keys and indexes joined by dots)`},
		{`{verify: none, handshake: {match: {json: {a: x}}, reply: {body: "{json:a.*}"}}}`, `1:65: reply: "a.*" is not a path: keys and indexes joined by dots`},
		{`{verify: none, handshake: {match: {json: {a: x}}, reply: {body: "{body}"}}}`, `1:65: reply: unknown part {body} (known: {form:NAME}, {header:NAME}, {json:NAME}, {method}, {multipart:NAME}, {path}, {query:NAME}, {query}, {url}, {with:NAME})`},
		{`{verify: none, handshake: {match: {json: {a: x}}, reply: {content_type: text/html}}}`, `1:73: reply: unknown content type "text/html" (known: text/plain, application/json)`},
	} {
		_, problems := ParsePreset("mine", node(t, c.src))
		if got := list(problems); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.src, got, c.want)
		}
	}
}

// What `preset show` prints can be pasted under `presets:`.
func TestPresetsSurviveYAML(t *testing.T) {
	for _, name := range Names() {
		p, _ := Lookup(name)
		bare := *p
		bare.Samples, bare.Aliases = nil, nil
		text, err := yaml.Marshal(&bare)
		if err != nil {
			t.Fatal(err)
		}
		again, problems := ParsePreset(name, node(t, string(text)))
		if len(problems) > 0 {
			t.Fatalf("%s: %v\n%s", name, problems, text)
		}
		if got, want := dump(t, again), dump(t, bare); got != want {
			t.Errorf("got\n%s\nwant\n%s", got, want)
		}
	}
}

func dump(t *testing.T, p Preset) string {
	t.Helper()
	text, err := yaml.Marshal(&p)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s %v\n%s", p.Name, p.DedupeFor, text)
}
