package lang

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
)

// TestNames pins what an expression can reach: a new name must be put into the file on purpose.
func TestNames(t *testing.T) {
	want, err := os.ReadFile("testdata/names.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(Names(), "\n") + "\n"; got != string(want) {
		if *update {
			err = os.WriteFile("testdata/names.txt", []byte(got), 0o644)
		}
		t.Errorf("the names differ from testdata/names.txt: %v\n%s", err, got)
	}
	for _, name := range []string{"now()", "timezone(\"UTC\")", "$env", "env", "os", "Source", "ReceivedAt", "kept", "$body", "$get(1, 2)"} {
		if _, err := Compile(name, Transform); err == nil {
			t.Errorf("%s can be reached", name)
		}
	}
}

// TestEveryNameWorks: each function that can be named can be called, as far as its arguments go.
func TestEveryNameWorks(t *testing.T) {
	arguments := []string{`body.n`, `body.ref`, `body.list`, `body.sys`, `body.nope`}
	for name, f := range functions {
		for _, arg := range arguments {
			args := strings.TrimSuffix(strings.Repeat(arg+", ", f.min), ", ")
			got := outcome(name+"("+args+")", Transform, sampleEnv())
			if strings.HasPrefix(got, "!! ") && !strings.Contains(got, "kind") {
				t.Errorf("%s(%s): %s", name, args, got)
			}
		}
	}
}

func TestReads(t *testing.T) {
	for src, reads := range map[string]string{
		`body.x == 1`: "body", `"body" == event`: "event", `raw`: "raw", `header("x")`: "header", `headers["x"]`: "headers",
		`let x = source; x`: "source", `any([1], body.y == #)`: "body", `skip("x")`: "skip",
	} {
		p, err := Compile(src, Transform)
		if err != nil {
			t.Fatal(err)
		}
		if !p.Reads(reads) || p.Reads("body") != (reads == "body") || p.ReadsBody() != p.Reads("body") || p.Source() != src {
			t.Errorf("%s: reads %v", src, p.reads)
		}
	}
}

func TestSpan(t *testing.T) {
	for s, want := range map[string]int{
		`body.x)/rest`: 6, `body.x ?? ")")`: 13, `f(a, (b)))`: 9, `a /* ) */ )`: 10, "`)`)": 3, `"\")")`: 5, `"é" + b)`: 8, `)`: 0,
		`a`: -1, `"a)`: -1, `(a)`: -1, ``: -1, "a // )": -1, "a // )\n)": 7,
	} {
		if got := Span(s); got != want {
			t.Errorf("%q: %d, want %d", s, got, want)
		}
	}
}

func TestResults(t *testing.T) {
	env := sampleEnv()
	p, _ := Compile(`body.nope`, Text)
	if _, err := p.Text(env); !errors.Is(err, ErrNil) {
		t.Errorf("a nil text: %v", err)
	}
	p, _ = Compile(`skip("not " + event)`, Transform)
	var skip *Skip
	if _, err := p.Run(env); !errors.As(err, &skip) || skip.Reason != "not push.main" {
		t.Errorf("skip: %v", err)
	}
	p, _ = Compile(`[headers, {a: [headers_all]}]`, Transform)
	v, err := p.Run(env)
	if err != nil {
		t.Fatal(err)
	}
	if _, plain := v.([]any)[0].(map[string]any); !plain {
		t.Errorf("headers come out as %T", v.([]any)[0])
	}
	var zero Env
	for _, src := range []string{"body", "headers", "query_all", "raw", "received_at", "event", "body.a.b"} {
		p, _ = Compile(src, Transform)
		if _, err := p.Run(&zero); err != nil {
			t.Errorf("%s of an empty event: %v", src, err)
		}
	}
}

// TestEnvIsReused: what one run leaves behind does not reach the next.
func TestEnvIsReused(t *testing.T) {
	env := sampleEnv()
	for _, c := range []struct{ src, want string }{
		{`map(1..60000, #) | len()`, "60000"}, {`map(1..60000, #) | len()`, "60000"}, // budgets start anew
		{`all(body.n, true)`, "! 4 body.n is an int, all takes a list"},
		{`let a = 5; any(body.list, # > a)`, "false"}, {`let b = body.nope; b`, "null"}, {`any(body.list, any(body.list, # == 2))`, "true"},
	} {
		if got := outcome(c.src, Transform, env); got != c.want {
			t.Errorf("%s: %s, want %s", c.src, got, c.want)
		}
	}
}

// TestDeterminism: the same event gives the same bytes, however often, on however many goroutines and processors.
func TestDeterminism(t *testing.T) {
	srcs := []string{
		`{h: headers, q: query_all, k: keys(body), v: values(body.sys), p: toPairs(headers), g: groupBy(body.commits, .n), b: body}`,
		`toJSON(body) + toJSON(headers)`, `sortBy(body.commits, .n)`, `body == body and headers == headers`, `uniq(values(body))`,
	}
	for _, src := range srcs {
		p, err := Compile(src, Transform)
		if err != nil {
			t.Fatal(err)
		}
		want := outcome(src, Transform, sampleEnv())
		if strings.HasPrefix(want, "!") {
			t.Fatal(want)
		}
		var wait sync.WaitGroup
		for i := range 16 {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1 + i%4))
			wait.Go(func() {
				for range 25 {
					v, err := p.Run(sampleEnv())
					e := encoder{limit: MaxOutput}
					if err != nil || e.value(v, 0) != nil || string(e.out) != want {
						t.Errorf("%s: %v\n%s\nwant %s", src, err, e.out, want)
						return
					}
				}
			})
		}
		wait.Wait()
	}
}

// TestInert: a payload full of what looks like code stays text.
func TestInert(t *testing.T) {
	for _, s := range []string{`${HOME}`, `$(body.x)`, `{{.Env}}`, `$env`, `!!python/object`, `" + raw + "`, "`id`", `\u0022`} {
		raw := encoded(t, map[string]any{"s": s})
		env := &Env{Raw: []byte(raw), Body: NewBody("json", nil, []byte(raw), "POST")}
		p, err := Compile(`"<" + body.s + ">"`, Transform)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := p.Run(env); err != nil || v != "<"+s+">" {
			t.Errorf("%s: %v, %v", s, v, err)
		}
	}
}

// FuzzCompileRun: whatever an expression is, it compiles or it does not, runs or does not, alike each time, and never
// panics.
func FuzzCompileRun(f *testing.F) {
	for _, file := range []string{"when", "transform", "text", "transform_faults"} {
		data, err := os.ReadFile("testdata/expr/" + file + ".txt")
		if err != nil {
			f.Fatal(err)
		}
		for line := range strings.Lines(string(data)) {
			src, _, _ := strings.Cut(line, " => ")
			f.Add(src, sampleBody)
		}
	}
	for _, src := range bombs {
		f.Add(src, `{"n":[1,2,3],"words":["a"],"s":"aaaaaaaa","lists":[[1]],"deep":[[[]]]}`)
	}
	f.Fuzz(func(t *testing.T, src, body string) {
		for _, k := range []Kind{When, Transform, Text} {
			p, err := Compile(src, k)
			if err != nil {
				var fault *Error
				if !errors.As(err, &fault) || fault.Message == "" || fault.Offset < 0 || fault.Offset > len([]rune(src)) {
					t.Fatalf("%q: %#v", src, err)
				}
				if fault.Message == "the expression cannot be compiled" {
					t.Logf("%q: expr panics", src)
				}
				continue
			}
			if got, want := run1(t, p, body), run1(t, p, body); got != want {
				t.Fatalf("%q: %s, then %s", src, got, want)
			}
		}
	})
}

func run1(t *testing.T, p *Program, body string) string {
	env := sampleEnv()
	env.Raw, env.Body = []byte(body), NewBody("json", nil, []byte(body), "POST")
	v, err := p.Run(env)
	if err != nil {
		var run *RunError
		var skip *Skip
		if !errors.As(err, &run) && !errors.As(err, &skip) {
			t.Fatalf("%q: %T", p.src, err)
		}
		if run != nil && (run.Offset < 0 || run.Offset > len([]rune(p.src)) || strings.Contains(run.Message, "runtime error") ||
			strings.Contains(run.Message, "interface conversion")) {
			t.Fatalf("%q: %d %s", p.src, run.Offset, run.Message)
		}
		return err.Error()
	}
	out, _, err := Encode(v)
	if err != nil {
		return err.Error()
	}
	return string(out)
}
