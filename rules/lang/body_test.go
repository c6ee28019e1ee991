package lang

import (
	"fmt"
	"strings"
	"testing"
)

func encoded(t *testing.T, v any) string {
	t.Helper()
	e := encoder{limit: MaxOutput}
	if err := e.value(v, 0); err != nil {
		return "! " + err.Error()
	}
	return string(e.out)
}

func TestBodyFormats(t *testing.T) {
	const parts = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--x\r\nContent-Disposition: form-data; name=\"f\"; filename=\"n\"\r\n\r\ntext\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n2\r\n--x--\r\n"
	for _, c := range []struct{ format, contentType, raw, want string }{
		{"", "application/json", `{"a":1}`, `{"a":1}`},
		{"", "Application/JSON; charset=utf-8", `[1]`, `[1]`},
		{"", "application/vnd.github+json", `{"a":1}`, `{"a":1}`},
		{"", "", ` {"a":1}`, `{"a":1}`},
		{"", "", `[1]`, `[1]`},
		{"", "", `hello`, `"hello"`},
		{"", "application/octet-stream", `{"a":1}`, `{"a":1}`},
		{"", "text/plain", `{"a":1}`, `"{\"a\":1}"`},
		{"json", "text/plain", `{"a":1}`, `{"a":1}`},
		{"", "application/json", `{"a":1`, `! invalid JSON at byte 6: unexpected end`},
		{"", "application/json", `{"a":1,"a":2}`, `! invalid JSON at byte 7: duplicate key "a"`},
		{"", "text/xml", `<a>1</a>`, `"<a>1</a>"`},
		{"", "application/atom+xml", `<a/>`, `"<a/>"`},
		{"xml", "", `<a/>`, `"<a/>"`},
		{"text", "application/json", `{"a":1}`, `"{\"a\":1}"`},
		{"none", "application/json", `{"a":1}`, `null`},
		{"", "application/x-www-form-urlencoded", `a=1&b=x+y%21&a=2&c`, `{"a":["1","2"],"b":"x y!","c":""}`},
		{"form", "", `a=1`, `{"a":"1"}`},
		{"form", "", `a=%zz`, `! invalid form: invalid URL escape "%zz"`},
		{"form", "", strings.Repeat("a&", 10_000), `! invalid form: 10001 fields, more than 10000`},
		{"form.payload", "", `payload=%7B%22a%22%3A1%7D`, `{"a":1}`},
		{"form.payload", "", `other=1`, `! the form has no single field "payload"`},
		{"form.payload", "", `payload=1&payload=2`, `! the form has no single field "payload"`},
		{"form.payload", "", `payload={`, `! form field "payload": invalid JSON at byte 1: unexpected end`},
		{"", "multipart/form-data; boundary=x", parts, `{"a":["1","2"],"f":"text"}`},
		{"multipart", "", parts, `! invalid multipart: no boundary in Content-Type`},
		{"multipart", "multipart/form-data; boundary=x", "--x\r\n", `! invalid multipart: it is cut off`},
		{"multipart", "multipart/form-data; boundary=x", strings.Repeat("--x\r\n\r\n\r\n", 1001) + "--x--", `! invalid multipart: more than 1000 parts`},
		{"", "application/json", "", `null`},
		{"odd", "", "x", `! unknown format "odd"`},
	} {
		b := NewBody(c.format, map[string][]string{"Content-Type": {c.contentType}}, []byte(c.raw), "POST")
		got := encoded(t, b.Value())
		if err := b.Err(); err != nil {
			got = "! " + err.Error()
			if b.Value() != nil {
				t.Errorf("%+v: a value beside the error", c)
			}
		}
		if got != c.want {
			t.Errorf("%q %q %.40q: %s, want %s", c.format, c.contentType, c.raw, got, c.want)
		}
	}
}

// TestBodyIsNil: no error, and nothing to see.
func TestBodyIsNil(t *testing.T) {
	for name, b := range map[string]*Body{
		"no body": nil,
		"GET":     NewBody("json", nil, []byte(`{`), "GET"),
		"HEAD":    NewBody("json", nil, []byte(`{`), "HEAD"),
		"gzip":    NewBody("json", map[string][]string{"Content-Encoding": {"gzip"}}, []byte("\x1f\x8b"), "POST"),
		"lower":   NewBody("json", map[string][]string{"content-encoding": {"br"}}, []byte("\x1f\x8b"), "POST"),
		"empty":   NewBody("json", nil, nil, "POST"),
	} {
		if v, err := b.Value(), b.Err(); v != nil || err != nil {
			t.Errorf("%s: %v, %v", name, v, err)
		}
	}
	identity := NewBody("json", map[string][]string{"Content-Encoding": {"identity"}}, []byte("1"), "POST")
	if identity.Value() != 1 {
		t.Errorf("identity: %v", identity.Value())
	}
	if ValidFormat("form.") || ValidFormat("yaml") || !ValidFormat("") || !ValidFormat("form.payload") || !ValidFormat("xml") {
		t.Error("ValidFormat")
	}
}

// TestBodyReadByPath: a path gives what the whole body gives, and looks neither into text nor beyond a list.
func TestBodyReadByPath(t *testing.T) {
	whole, byPath := sampleEnv(), sampleEnv()
	for _, path := range []string{
		"ref", "n", "big", "sys", "sys.id", "sys.type.id", "list", "list[0]", "list[3]", "list.a", "ref.a", "ref[0]", "commits[1].add", "sys[0]",
		`["a.b"]`, "null", "null.a", "nope", "nope.x[3]", "commits[0].add[1]", "tags[0]",
	} {
		dot := "."
		if path[0] == '[' {
			dot = ""
		}
		direct := outcome("body"+dot+path, Transform, byPath)
		through := outcome("let b = body; b"+dot+path, Transform, whole)
		if direct != through {
			t.Errorf("%s: %s by its path, %s through the whole body", path, direct, through)
		}
	}
}

// TestBodyIsNotDecodedWhole: an expression that reads one path leaves the rest undecoded, and what it decoded is kept.
func TestBodyIsNotDecodedWhole(t *testing.T) {
	env := sampleEnv()
	if got := outcome(`body.sys.id`, Transform, env); got != `"e1"` {
		t.Fatal(got)
	}
	if env.Body.json.made != nil {
		t.Error("a scalar by its path decoded a container")
	}
	outcome(`body.commits`, Transform, env)
	made := 0
	for _, v := range env.Body.json.made {
		if v != nil {
			made++
		}
	}
	if made != 6 { // the list, its three maps, and the two lists in them
		t.Errorf("%d containers were decoded, want 6", made)
	}
	first := fmt.Sprintf("%p", env.Body.at([]step{{isKey: true, key: "commits"}}))
	if again := fmt.Sprintf("%p", env.Body.Value().(map[string]any)["commits"]); first != again {
		t.Error("a container was decoded twice")
	}
}

func TestEncode(t *testing.T) {
	type opaque struct{}
	deep := any(1)
	for range maxValue + 2 {
		deep = []any{deep}
	}
	cycle := map[string]any{}
	cycle["self"] = cycle
	long := strings.Repeat("x", MaxOutput)
	for _, c := range []struct {
		v                 any
		body, contentType string
		err               string
	}{
		{"text", "text", "text/plain; charset=utf-8", ""},
		{"", "", "text/plain; charset=utf-8", ""},
		{[]byte{0xff}, "\xff", "application/octet-stream", ""},
		{map[string]any{"b": 1, "a": []any{1.5, nil, true, "<é\u2028>"}}, "{\"a\":[1.5,null,true,\"<é\u2028>\"],\"b\":1}", "application/json", ""},
		{[]any{9007199254740993, 0.1, 1e21, 1e-7, 3.0, -0.5}, `[9007199254740993,0.1,1e+21,1e-07,3,-0.5]`, "application/json", ""},
		{[]any{"\"\\\n\r\t\x00\x1f"}, `["\"\\\n\r\t\u0000\u001f"]`, "application/json", ""},
		{5, "5", "application/json", ""},
		{false, "false", "application/json", ""},
		{nil, "", "", `the result is nil: use skip("reason") to send nothing, or "" to send an empty body`},
		{[]any{nan()}, "", "", "the result has no JSON: NaN is no number"},
		{[]any{func() {}}, "", "", "the result has no JSON: it holds a func()"},
		{opaque{}, "", "", "the result has no JSON: it holds a lang.opaque"},
		{[]any{"\xff"}, "", "", "the result has no JSON: it holds text that is not UTF-8: use b64()"},
		{[]any{[]byte{1}}, "", "", "the result has no JSON: it holds bytes: use b64() or hex()"},
		{cycle, "", "", "the result has no JSON: nested deeper than 200"},
		{deep, "", "", "the result has no JSON: nested deeper than 200"},
		{[]any{long}, "", "", "the result has no JSON: longer than 8388608 bytes"},
		{long + "x", "", "", "the result is longer than 8388608 bytes"},
		{[]byte(long + "x"), "", "", "the result is longer than 8388608 bytes"},
	} {
		body, contentType, err := Encode(c.v)
		message := ""
		if err != nil {
			message = err.Error()
		}
		if string(body) != c.body || contentType != c.contentType || message != c.err {
			t.Errorf("%.40v: %.80q %s %q", c.body+c.err, body, contentType, message)
		}
	}
}

func nan() float64 { zero := 0.0; return zero / zero }
