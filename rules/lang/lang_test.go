package lang

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// With -update the expected results are written instead of compared; read the difference before keeping it.
var update = flag.Bool("update", false, "write what the tables expect")

const sampleBody = `{"ref":"refs/heads/main","action":"Opened","n":5,"big":12345678901234567890,"pi":3.5,"yes":true,"no":false,` +
	`"null":null,"list":[3,1,2],"words":["b","a","c"],"tags":[],"when":"2024-05-01T10:00:00Z","name":"Zoë ☃",` +
	`"max":9223372036854775807,"min":-9223372036854775808,"sys":{"id":"e1","type":{"id":"page"}},` +
	`"commits":[{"id":"a","n":2,"add":["x","y"]},{"id":"b","n":1,"add":[]},{"id":"c","n":2}],"a.b":1,"mixed":[1,"a",null]}`

func sampleEnv() *Env {
	header := map[string][]string{
		"X-Github-Event": {"push"}, "Content-Type": {"application/json"}, "X-Many": {"1", "2"}, "Empty": {},
	}
	raw := []byte(sampleBody)
	return &Env{
		Source: "github", Event: "push.main", ID: "evt_1", Method: "POST", Path: "/in/github", RemoteIP: "192.0.2.7",
		Query: map[string][]string{"dry": {"1"}, "x": {"a", "b"}, "Case": {"y"}}, Header: header, Raw: raw,
		ReceivedAt: time.Date(2024, 5, 1, 12, 30, 15, 250e6, time.FixedZone("x", 7200)),
		Body:       NewBody("", header, raw, "POST"),
	}
}

// outcome writes what an expression comes to: its value, `! place message` of a run, `!! place+length message (hint)`
// of compiling.
func outcome(src string, k Kind, env *Env) string {
	p, err := Compile(src, k)
	var fault *Error
	if errors.As(err, &fault) {
		out := fmt.Sprintf("!! %d+%d %s", fault.Offset, fault.Length, fault.Message)
		if fault.Hint != "" {
			out += " (" + fault.Hint + ")"
		}
		return out
	}
	var v any
	switch k {
	case When:
		v, err = p.Bool(env)
	case Text:
		v, err = p.Text(env)
	default:
		v, err = p.Run(env)
	}
	var run *RunError
	if errors.As(err, &run) {
		return fmt.Sprintf("! %d %s", run.Offset, run.Message)
	}
	if err != nil {
		return "! " + err.Error()
	}
	if b, is := v.([]byte); is {
		return "bytes " + hex.EncodeToString(b)
	}
	e := encoder{limit: MaxOutput}
	if err := e.value(v, 0); err != nil {
		return "! " + err.Error()
	}
	return string(e.out)
}

// TestTables runs testdata/expr: a line is an expression, "=>" and what it comes to. The file's name is the kind.
func TestTables(t *testing.T) {
	files, err := filepath.Glob("testdata/expr/*.txt")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	kinds := map[string]Kind{"when": When, "transform": Transform, "text": Text}
	for _, file := range files {
		name, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(file), ".txt"), "_")
		kind, known := kinds[name]
		if !known {
			t.Fatalf("%s: no kind %q", file, name)
		}
		t.Run(filepath.Base(file), func(t *testing.T) { runTable(t, file, kind) })
	}
}

func runTable(t *testing.T, file string, kind Kind) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	for i, line := range lines {
		if line == "" || strings.HasPrefix(line, "# ") {
			continue
		}
		src, want, _ := strings.Cut(line, " => ")
		src = strings.TrimSpace(src)
		got := outcome(strings.ReplaceAll(src, "⏎", "\n"), kind, sampleEnv())
		if *update {
			lines[i] = src + " => " + got
		} else if got != strings.TrimSpace(want) {
			t.Errorf("%s:%d: %s\n got %s\nwant %s", file, i+1, src, got, want)
		}
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
