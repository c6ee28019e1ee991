package lang

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestJSONRefused: what is not strict JSON, and where it goes wrong.
func TestJSONRefused(t *testing.T) {
	many := func(n int, s string) string { return strings.TrimSuffix(strings.Repeat(s+",", n), ",") }
	var keys []string
	for i := range MaxKeys + 1 {
		keys = append(keys, fmt.Sprintf(`"%d":0`, i))
	}
	for _, c := range []struct{ text, want string }{
		{``, "0: unexpected end"}, {` `, "1: unexpected end"}, {`{`, "1: unexpected end"}, {`[1`, "2: unexpected end"},
		{`{"a":1`, "6: unexpected end"}, {`{"a":`, "5: unexpected end"}, {`{"a"`, `4: expected ":"`}, {`{"a" 1}`, `5: expected ":"`},
		{`{a:1}`, "1: expected a key in double quotes"}, {`{"a":1,}`, "7: expected a key in double quotes"},
		{`[1,]`, "3: unexpected character"}, {`[1 2]`, `3: expected "," or "]"`}, {`{"a":1 "b":2}`, `7: expected "," or "}"`},
		{`1 2`, "2: more after the end of the value"}, {"\ufeff1", "0: unexpected character"}, {`{}{}`, "2: more after the end of the value"},
		{`nul`, "0: unexpected character"}, {`nulll`, "4: more after the end of the value"}, {`True`, "0: unexpected character"},
		{`NaN`, "0: unexpected character"}, {`Infinity`, "0: unexpected character"}, {`'a'`, "0: unexpected character"},
		{`01`, "0: unexpected character"}, {`-`, "0: unexpected character"}, {`+1`, "0: unexpected character"}, {`.5`, "0: unexpected character"},
		{`1.`, "2: expected a digit"}, {`1e`, "2: expected a digit"}, {`1e+`, "3: expected a digit"}, {`-01`, "0: unexpected character"},
		{`1e309`, "0: number out of range"}, {`[` + strings.Repeat("9", 310) + `.5]`, "1: number out of range"},
		{`"a`, "2: a string is not closed"}, {`"a\`, "2: a string is not closed"}, {`"` + "a\nb" + `"`, "2: a control character in a string"},
		{`"abcdefgh` + "\x1f" + `"`, "9: a control character in a string"}, {`"\x"`, "1: invalid escape"}, {`"\u12g4"`, "1: invalid escape"},
		{`"\u12`, "1: invalid escape"}, {`"\ud800"`, "1: half of a surrogate pair"}, {`"\udc00"`, "1: half of a surrogate pair"},
		{`"\udc00\udc00"`, "1: half of a surrogate pair"}, {`"\ud800\ud800"`, "1: half of a surrogate pair"}, {`"\ud800\n"`, "1: half of a surrogate pair"},
		{"\"\xff\"", "0: a string is not valid UTF-8"}, {"[\"abcdefgh\xc3\"]", "1: a string is not valid UTF-8"},
		{"\"\xed\xa0\x80\"", "0: a string is not valid UTF-8"}, {"{\"\xff\":1}", "1: a string is not valid UTF-8"},
		{`{"a":1,"a":2}`, `7: duplicate key "a"`}, {`{"a":1,"b":{"a":1},"\u0061":2}`, `19: duplicate key "a"`},
		{`{"":1,"":2}`, `6: duplicate key ""`}, {`{"a":{"x":1,"y":[{"k":1,"k":2}]}}`, `24: duplicate key "k"`},
		{`{` + many(20, `"k":1`) + `}`, `7: duplicate key "k"`},
		{`{` + strings.Join(keys[:20], ",") + `,"7":1}`, `131: duplicate key "7"`},
		{strings.Repeat("[", 65) + strings.Repeat("]", 65), "64: nested deeper than 64"},
		{strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65), "320: nested deeper than 64"},
		{strings.Repeat("[", 1_000_000), "64: nested deeper than 64"},
		{`{` + strings.Join(keys, ",") + `}`, "88891: more than 10000 keys"},
		{`[` + many(MaxItems+1, "1") + `]`, "200001: more than 100000 list items"},
	} {
		_, err := parseJSON(c.text)
		if got := fmt.Sprint(err); got != "invalid JSON at byte "+c.want {
			t.Errorf("%.60q: %s, want %s", c.text, got, c.want)
		}
	}
}

// TestJSONAccepted: what is at the edge, and what comes of it.
func TestJSONAccepted(t *testing.T) {
	for text, want := range map[string]any{
		` {"a" : [ 1 , 2.5 , "x" ] } `: map[string]any{"a": []any{1, 2.5, "x"}},
		`9223372036854775807`:          9223372036854775807,
		`-9223372036854775808`:         -9223372036854775808,
		`9223372036854775808`:          "9223372036854775808",
		`9007199254740993`:             9007199254740993,
		`-0`:                           negativeZero(),
		`0`:                            0,
		`1.0`:                          1.0,
		`1e2`:                          100.0,
		`1e-400`:                       0.0,
		`"\ud83d\ude00é☃"`:             "😀é☃",
		`"\"\\\/\b\f\n\r\t\u0000"`:     "\"\\/\b\f\n\r\t\x00",
		`{"a":1,"A":2,"\u0062":3}`:     map[string]any{"a": 1, "A": 2, "b": 3},
		`[]`:                           []any{},
		`{}`:                           map[string]any{},
		`null`:                         nil,
		"\"\u2028\x7f\"":               "\u2028\x7f",
	} {
		doc, err := parseJSON(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := doc.decode(0); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, want %#v", text, got, want)
		}
	}
	if _, err := parseJSON(strings.Repeat("[", 64) + strings.Repeat("]", 64)); err != nil {
		t.Error(err)
	}
}

func negativeZero() float64 { zero := 0.0; return -zero }

// FuzzJSON holds the scanner against encoding/json: it refuses what that refuses, and only for a reason more; what both
// take they read alike, also by path.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{
		sampleBody, `{"a":1,"a":2}`, `"\ud800"`, `[1.5e3,-0,true,null,"\u00e9"]`, `{"a":{"b":[{"c":"d"}]}}`, "\"\xff\"", `[[[]]]`, `1e999`,
		`{"k1":1,"k2":2,"k3":3,"k4":4,"k5":5,"k6":6,"k7":7,"k8":8,"k9":9,"k\u0039":9}`, `"01234567890\n1234567\u0041"`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		doc, err := parseJSON(string(data))
		reason := reasonToRefuse(data)
		if (err != nil) != (reason != "") {
			t.Fatalf("%q: %v, but the reference says %q", data, err, reason)
		}
		if err != nil {
			return
		}
		want := reference(t, data)
		if members, is := want.(map[string]any); is {
			for k, v := range members {
				if at := doc.find(0, []step{{isKey: true, key: k}}); at < 0 || !reflect.DeepEqual(doc.decode(at), v) {
					t.Fatalf("%q: %q is not found by its path", data, k)
				}
			}
		}
		if got := doc.decode(0); !reflect.DeepEqual(got, want) {
			t.Fatalf("%q: %#v, encoding/json reads %#v", data, got, want)
		}
		e := encoder{limit: MaxOutput}
		if err := e.value(want, 0); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		if again := reference(t, e.out); !(&run{limit: MaxSteps}).equal(again, want, 0) {
			t.Fatalf("%q: encoded as %q", data, e.out)
		}
	})
}

// reasonToRefuse is the slow truth about what strict means.
func reasonToRefuse(data []byte) string {
	switch {
	case !json.Valid(data):
		return "invalid"
	case !utf8.Valid(data):
		return "UTF-8"
	case loneSurrogate(data):
		return "surrogate"
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	type level struct {
		keys  map[string]bool
		isKey bool
	}
	levels := []*level{{}}
	for {
		token, err := dec.Token()
		if err == io.EOF {
			return ""
		}
		if err != nil {
			return err.Error()
		}
		top := levels[len(levels)-1]
		if n, is := token.(json.Number); is && strings.ContainsAny(n.String(), ".eE") {
			if _, err := strconv.ParseFloat(n.String(), 64); err != nil {
				return "range"
			}
		}
		switch d, _ := token.(json.Delim); {
		case d == '}' || d == ']':
			levels = levels[:len(levels)-1]
			continue
		case top.keys != nil && top.isKey:
			key := token.(string)
			if top.keys[key] {
				return "duplicate"
			}
			top.keys[key] = true
		case d == '{':
			levels = append(levels, &level{keys: map[string]bool{}, isKey: true})
		case d == '[':
			levels = append(levels, &level{})
		}
		if len(levels) > MaxDepth+1 {
			return "depth"
		}
		top.isKey = !top.isKey
	}
}

func loneSurrogate(data []byte) bool {
	s := strings.ReplaceAll(string(data), `\\`, "  ")
	for i := 0; i+6 <= len(s); i++ {
		r, ok := hex4(s, i+2)
		if s[i:i+2] != `\u` || !ok || r < 0xd800 || r > 0xdfff {
			continue
		}
		low, ok := hex4(s, i+8)
		if r >= 0xdc00 || !ok || s[i+6:i+8] != `\u` || low < 0xdc00 || low > 0xdfff {
			return true
		}
		i += 11
	}
	return false
}

func reference(t *testing.T, data []byte) any {
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return exact(v)
}

func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		if !strings.ContainsAny(v.String(), ".eE") && v != "-0" {
			if i, err := strconv.Atoi(v.String()); err == nil {
				return i
			}
			return v.String()
		}
		f, _ := strconv.ParseFloat(v.String(), 64)
		return f
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = exact(v[k])
		}
	}
	return v
}

// TestStringsAtEveryPlace: strings are read eight bytes at a time, wherever the byte stands that ends or spoils them.
func TestStringsAtEveryPlace(t *testing.T) {
	for n := range 20 {
		for at := range n + 1 {
			for _, special := range []string{"", `\n`, `\`, `"`, "\x00", "\x1f", "\x7f", "\xff", "é", `\u00e9`, "☃", `"}`} {
				text := `["` + strings.Repeat("a", at) + special + strings.Repeat("z", n-at) + `","b"]`
				doc, err := parseJSON(text)
				if (err != nil) != (reasonToRefuse([]byte(text)) != "") {
					t.Fatalf("%q: %v", text, err)
				}
				if err == nil && !reflect.DeepEqual(doc.decode(0), reference(t, []byte(text))) {
					t.Errorf("%q: %#v", text, doc.decode(0))
				}
			}
		}
	}
}
