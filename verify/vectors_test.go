package verify

import (
	"bytes"
	"errors"
	"fmt"
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
// preset of its name; files that end in .pem or .json are keys, and no vectors. The lines:
//
//	expect: valid, invalid or handshake     now: seconds since 1970
//	secret: …  (several: rotation)          url: the public address, for schemes that sign it
//	key: FILE of the archive                fetch: URL FILE, what a published key's address answers
//	with: NAME=VALUE                        body: "…", a quoted body, for one that no text file can hold
//	status: 200, of a handshake             content-type: text/plain
//	answer: the body, or quoted             answer-header: Name: value
//	note: …                                 source: who made it
type vector struct {
	name      string
	expect    string
	keys      Keys
	keyFiles  []string
	fetched   published
	now       time.Time
	request   Request
	body      *string
	status    int
	kind      string
	answer    string
	headers   map[string]string
	handshake []Handshake
}

// published is what the addresses of public keys answer.
type published map[string]string

func (p published) Fetch(address string, _ []byte, _ bool) ([]byte, error) {
	if text, ok := p[address]; ok {
		return []byte(text), nil
	}
	return nil, fmt.Errorf("%s: not there", address)
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
				if v.expect == "valid" || v.expect == "handshake" {
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
	if v.expect == "handshake" && len(v.keys.Secrets) == 0 && scheme.NeedsSecret() {
		v.keys.Secrets = []string{secretFor(scheme, 'a')} // the handshake does not use it
	}
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
	case v.expect == "handshake":
		v.shake(t, verifier, err == nil)
	}
}

// shake wants the very answer: status, content type, body and headers.
func (v *vector) shake(t *testing.T, verifier *Verifier, verified bool) {
	t.Helper()
	reply, is := Answer(v.handshake, &v.request, verifier, verified)
	if !is {
		t.Fatal("not taken for a handshake")
	}
	if got := strings.Join(reply.Header["Content-Type"], ","); reply.Status != v.status || got != v.kind || string(reply.Body) != v.answer {
		t.Errorf("got %d %s %q, want %d %s %q", reply.Status, got, reply.Body, v.status, v.kind, v.answer)
	}
	for name, want := range v.headers {
		if got := strings.Join(reply.Header[canonical(name)], ","); got != want {
			t.Errorf("header %s: %q, want %q", name, got, want)
		}
	}
}

func readVectors(t *testing.T, file, sender string) (Scheme, []*vector) {
	t.Helper()
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var scheme Scheme
	var handshake []Handshake
	if p, ok := Lookup(sender); ok {
		scheme, handshake = p.Verify, p.Handshake
	}
	var vectors []*vector
	files := map[string]string{}
	for _, f := range archive.Files {
		switch ext := filepath.Ext(f.Name); {
		case f.Name == "scheme.yaml":
			scheme = mustScheme(t, string(f.Data))
		case ext == ".pem" || ext == ".json" || ext == ".txt":
			files[f.Name] = string(f.Data)
		default:
			v := parseVector(t, f)
			v.handshake = handshake
			vectors = append(vectors, v)
		}
	}
	for _, v := range vectors {
		for _, name := range v.keyFiles {
			v.keys.Public = append(v.keys.Public, files[name])
		}
		for address, name := range v.fetched {
			v.fetched[address] = files[name]
		}
		v.keys.Fetch = v.fetched
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
	v := &vector{name: f.Name, fetched: published{}, headers: map[string]string{}, now: signingTime()}
	v.keys.With = map[string]string{}
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
	if v.body != nil {
		v.request.Body = []byte(*v.body)
	}
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
	case "key":
		v.keyFiles = append(v.keyFiles, value)
	case "fetch":
		address, file, _ := strings.Cut(value, " ")
		v.fetched[address] = file
	case "with":
		name, text, _ := strings.Cut(value, "=")
		v.keys.With[name] = text
	case "body":
		text := unquoted(t, value)
		v.body = &text
	case "status":
		v.status, _ = strconv.Atoi(value)
	case "content-type":
		v.kind = value
	case "answer":
		v.answer = unquoted(t, value)
	case "answer-header":
		name, text, _ := strings.Cut(value, ": ")
		v.headers[name] = text
	case "note", "source":
	default:
		t.Fatalf("%s: unknown line %q", v.name, key)
	}
	if key == "expect" && value != "valid" && value != "invalid" && value != "handshake" {
		t.Fatalf("%s: expect %q", v.name, value)
	}
}

// unquoted is a text as it stands, or what a quoted one stands for.
func unquoted(t *testing.T, text string) string {
	t.Helper()
	if !strings.HasPrefix(text, `"`) {
		return text
	}
	plain, err := strconv.Unquote(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return plain
}
