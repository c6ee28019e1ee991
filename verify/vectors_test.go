package verify

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"
	"gopkg.in/yaml.v3"
)

// A vector is a file of testdata/SENDER.txtar: lines of what it expects, an empty line, the request with its headers,
// an empty line, the body, and a newline that is not part of the body. An archive without a scheme.yaml tests the
// preset of its name.
type vector struct {
	name    string
	expect  string
	keys    Keys
	now     time.Time
	request Request
}

func TestVectors(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors: %v", err)
	}
	for _, file := range files {
		sender := strings.TrimSuffix(filepath.Base(file), ".txtar")
		t.Run(sender, func(t *testing.T) {
			scheme, vectors := readVectors(t, file, sender)
			valid := 0
			for _, v := range vectors {
				t.Run(v.name, func(t *testing.T) { v.run(t, scheme) })
				if v.expect == "valid" {
					valid++
				}
			}
			if valid == 0 {
				t.Error("no valid vector: the others prove nothing")
			}
		})
	}
}

// Every preset has vectors made by somebody else; what Sign makes proves only that Sign and Verify agree.
func TestEveryPresetHasVectors(t *testing.T) {
	for _, name := range Names() {
		if _, err := os.Stat("testdata/" + name + ".txtar"); err != nil {
			t.Errorf("preset %s: %v", name, err)
		}
	}
}

func (v *vector) run(t *testing.T, scheme Scheme) {
	verifier, err := New(scheme, v.keys)
	if err != nil {
		t.Fatal(err)
	}
	err = verifier.Verify(&v.request, v.now)
	var refusal *Refusal
	switch {
	case v.expect == "valid" && err != nil:
		t.Errorf("refused: %v", err)
	case v.expect == "invalid" && !errors.As(err, &refusal):
		t.Errorf("got %v, want a refusal", err)
	}
}

func readVectors(t *testing.T, file, sender string) (Scheme, []*vector) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var scheme Scheme
	if p, ok := Lookup(sender); ok {
		scheme = p.Verify
	}
	var vectors []*vector
	for _, f := range archive.Files {
		if f.Name == "scheme.yaml" {
			scheme = mustScheme(t, string(f.Data))
			continue
		}
		vectors = append(vectors, parseVector(t, f))
	}
	return scheme, vectors
}

func mustScheme(t testing.TB, src string) Scheme {
	t.Helper()
	scheme, problems := ParseScheme(node(t, src))
	if len(problems) > 0 {
		t.Fatalf("scheme: %v", problems)
	}
	return scheme
}

func node(t testing.TB, src string) *yaml.Node {
	t.Helper()
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(src), &doc); err != nil {
		t.Fatal(err)
	}
	return doc.Content[0]
}

func parseVector(t *testing.T, f txtar.File) *vector {
	t.Helper()
	meta, rest, ok1 := bytes.Cut(f.Data, []byte("\n\n"))
	head, body, ok2 := bytes.Cut(rest, []byte("\n\n"))
	if !ok1 || !ok2 {
		t.Fatalf("%s: not meta, head and body", f.Name)
	}
	v := &vector{name: f.Name}
	for line := range strings.SplitSeq(string(meta), "\n") {
		key, value, _ := strings.Cut(line, ": ")
		v.set(t, key, value)
	}
	lines := strings.Split(string(head), "\n")
	v.request.Method, v.request.URL, _ = strings.Cut(lines[0], " ")
	v.request.Header = make(map[string][]string)
	for _, line := range lines[1:] {
		name, value, _ := strings.Cut(line, ": ")
		v.request.Header[canonical(name)] = append(v.request.Header[canonical(name)], value)
	}
	v.request.Body = bytes.TrimSuffix(body, []byte("\n"))
	return v
}

func (v *vector) set(t *testing.T, key, value string) {
	t.Helper()
	switch key {
	case "expect":
		v.expect = value
	case "secret":
		v.keys.Secrets = append(v.keys.Secrets, value)
	case "url":
		v.keys.PublicURL = value
	case "now":
		seconds, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%s: now: %v", v.name, err)
		}
		v.now = time.UnixMilli(int64(math.Round(seconds * 1000)))
	case "note", "source":
	default:
		t.Fatalf("%s: unknown line %q", v.name, key)
	}
	if key == "expect" && value != "valid" && value != "invalid" {
		t.Fatalf("%s: expect %q", v.name, value)
	}
}
